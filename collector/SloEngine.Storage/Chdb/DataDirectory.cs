namespace SloEngine.Storage.Chdb;

/// <summary>The directory of the data, which one process may use at a time.</summary>
internal static class DataDirectory
{
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
