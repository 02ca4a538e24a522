using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace SloEngine.Storage.Wal;

/// <summary>Lets a file's writes go to the disk past the page cache (O_DIRECT), which .NET has no option for.</summary>
internal static partial class DirectWrites
{
    private const int GetFlags = 3;
    private const int SetFlags = 4;
    private const int Direct = 0x4000;

    /// <summary>Whether the file takes writes of whole blocks past the cache from now on; not every file system has them.</summary>
    public static bool TryEnable(SafeFileHandle file) => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64 && Change(file, flags => flags | Direct);

    /// <summary>Writes go through the cache again.</summary>
    public static void Disable(SafeFileHandle file) => Change(file, flags => flags & ~Direct);

    private static bool Change(SafeFileHandle file, Func<int, int> change)
    {
        int flags = fcntl(file, GetFlags, 0);
        return flags >= 0 && fcntl(file, SetFlags, change(flags)) == 0;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(SafeFileHandle file, int command, int argument);
}
