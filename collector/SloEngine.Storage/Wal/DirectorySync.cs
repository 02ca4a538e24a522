using System.Runtime.InteropServices;

namespace SloEngine.Storage.Wal;

/// <summary>Makes the names of new files in a directory durable; .NET opens no directories.</summary>
public static partial class DirectorySync
{
    private const int ReadOnly = 0;

    /// <summary>Waits until the directory is on the disk.</summary>
    /// <param name="directory">The directory.</param>
    /// <exception cref="IOException">It cannot be opened or flushed.</exception>
    public static void Flush(string directory)
    {
        int file = open(directory, ReadOnly);
        if (file < 0)
        {
            throw new IOException($"{directory} cannot be opened: {Marshal.GetLastPInvokeErrorMessage()}");
        }
        try
        {
            if (fsync(file) != 0)
            {
                throw new IOException($"{directory} cannot be flushed: {Marshal.GetLastPInvokeErrorMessage()}");
            }
        }
        finally
        {
            _ = close(file);
        }
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(int file);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int close(int file);
}
