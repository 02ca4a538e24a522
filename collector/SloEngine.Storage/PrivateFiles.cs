using System.Runtime.InteropServices;

namespace SloEngine.Storage;

/// <summary>Keeps what a process writes to itself: telemetry, and secrets in it, are no other user's to read. Windows has other means, by the directory above.</summary>
public static partial class PrivateFiles
{
    private const uint GroupAndOthers = 0b000_111_111;

    /// <summary>From here on files are made with mode 0600 and directories with 0700, those that the engine makes too.</summary>
    public static void BeginProcess()
    {
        if (!OperatingSystem.IsWindows())
        {
            _ = umask(GroupAndOthers);
        }
    }

    /// <summary>Makes a directory of mode 0700, or gives it that mode where it is there already; one of another user stays as its owner has set it.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be made.</exception>
    public static void MakeDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
            return;
        }
        const UnixFileMode owner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        DirectoryInfo directory = Directory.CreateDirectory(path, owner);
        if (directory.UnixFileMode == owner)
        {
            return;
        }
        try
        {
            directory.UnixFileMode = owner;
        }
        catch (UnauthorizedAccessException)
        {
            // A volume whose owner is another user gives access by its group.
        }
    }

    [LibraryImport("libc")]
    private static partial uint umask(uint mask);
}
