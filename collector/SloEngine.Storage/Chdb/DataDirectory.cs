using SloEngine.Storage.Wal;

namespace SloEngine.Storage.Chdb;

/// <summary>The directory of the data, which one process may use at a time.</summary>
internal static class DataDirectory
{
    private const string Restoring = "restoring";

    /// <summary>Whether a restore into the directory was begun and not ended.</summary>
    public static bool IsHalfRestored(string path) => File.Exists(Path.Combine(path, Restoring));

    /// <summary>Notes durably that what comes into the directory is not whole.</summary>
    public static void BeginRestore(string path)
    {
        using (FileStream mark = File.Create(Path.Combine(path, Restoring)))
        {
            mark.Flush(flushToDisk: true);
        }
        DirectorySync.Flush(path);
    }

    /// <summary>Notes that it is whole.</summary>
    public static void EndRestore(string path)
    {
        File.Delete(Path.Combine(path, Restoring));
        DirectorySync.Flush(path);
    }

    /// <summary>Makes the directory and holds it for this process: the engine alone would only say that it did not open.</summary>
    /// <exception cref="StoreException">It cannot be made or written, or another process holds it.</exception>
    public static FileStream Lock(string path)
    {
        try
        {
            PrivateFiles.MakeDirectory(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new StoreException(0, $"the data directory {path} cannot be made: {failure.Message}");
        }
        try
        {
            return new FileStream(Path.Combine(path, "sloengine.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException failure)
        {
            throw new StoreException(0, $"the data directory {path} is not writable: {failure.Message}");
        }
        catch (IOException failure)
        {
            throw new StoreException(0, $"the data directory {path} is in use by another process, or cannot be written: {failure.Message}");
        }
    }
}
