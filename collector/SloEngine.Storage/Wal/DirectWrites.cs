using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace SloEngine.Storage.Wal;

/// <summary>Lets a file's writes go to the disk past the page cache (O_DIRECT), which .NET has no option for.</summary>
internal static partial class DirectWrites
{
    private const int GetFlags = 3;
    private const int SetFlags = 4;
    private const int Direct = 0x4000;

    /// <summary>Has writes go past the cache from now on, where the system can; not every file system takes them (<see cref="Write"/>).</summary>
    public static void Enable(SafeFileHandle file)
    {
        if (OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64 && fcntl(file, GetFlags, 0) is >= 0 and int flags)
        {
            _ = fcntl(file, SetFlags, flags | Direct);
        }
    }

    /// <summary>Writes whole blocks; through the cache from then on where the file does not take them past it.</summary>
    /// <exception cref="IOException">They cannot be written.</exception>
    public static void Write(SafeFileHandle file, ReadOnlySpan<byte> blocks, long offset)
    {
        try
        {
            RandomAccess.Write(file, blocks, offset);
        }
        catch (IOException) when (TryDisable(file))
        {
            RandomAccess.Write(file, blocks, offset);
        }
    }

    private static bool TryDisable(SafeFileHandle file)
    {
        int flags = fcntl(file, GetFlags, 0);
        return flags >= 0 && (flags & Direct) != 0 && fcntl(file, SetFlags, flags & ~Direct) == 0;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(SafeFileHandle file, int command, int argument);
}
