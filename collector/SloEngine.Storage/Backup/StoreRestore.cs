using System.Buffers;
using SloEngine.Storage.Chdb;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;

namespace SloEngine.Storage.Backup;

/// <summary>Makes a data directory of a backup. No server runs on it meanwhile.</summary>
public static class StoreRestore
{
    private static readonly Dictionary<string, string> NoParameters = [];

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    /// <summary>Restores a backup, and the bases that it builds on, which lie beside it, into a new or empty directory.</summary>
    /// <param name="options">The data directory, and where the engine is.</param>
    /// <param name="backup">Directory of the backup.</param>
    /// <param name="progress">Is told a few times a second.</param>
    /// <param name="cancellation">Gives up; the data directory is empty again then, as after a failure.</param>
    /// <exception cref="StoreException">The backup or a base of it is not whole, or the directory is not empty; what a restore that was ended left there is emptied.</exception>
    public static async Task RunAsync(EmbeddedStoreOptions options, string backup, Action<BackupStatus> progress, CancellationToken cancellation = default)
    {
        string source = Path.GetFullPath(backup).TrimEnd(Path.DirectorySeparatorChar);
        if (!File.Exists(Path.Combine(source, ".backup")))
        {
            throw new StoreException(0, $"{source} is no complete backup: it has no file .backup");
        }
        bool isUnfinished = DataDirectory.IsHalfRestored(options.Path);
        if (!isUnfinished && Directory.Exists(options.Path) && Directory.EnumerateFileSystemEntries(options.Path).Any())
        {
            throw new StoreException(0, $"the data directory {options.Path} is not empty: restore into a new one");
        }
        ChdbLibrary.Load(options.Library);
        await using FileStream held = DataDirectory.Lock(options.Path);
        try
        {
            if (isUnfinished)
            {
                Empty(options.Path);
            }
            DataDirectory.BeginRestore(options.Path);
            // Native calls block, so the restore has a thread of its own.
            await Task.Factory.StartNew(
                () => Restore(options with { Backups = Path.GetDirectoryName(source)! }, Path.GetFileName(source), progress, cancellation),
                cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            DataDirectory.EndRestore(options.Path);
        }
        catch
        {
            Empty(options.Path);
            throw;
        }
    }

    private static void Restore(EmbeddedStoreOptions options, string name, Action<BackupStatus> progress, CancellationToken cancellation)
    {
        using ChdbConnection connection = ChdbConnection.Open(options.Path, options.EngineSettings());
        connection.Query(
            $"RESTORE DATABASE {EmbeddedColumnStore.Database} FROM {BackupName.ToSql(name)} ASYNC", "Null", NoParameters, new ArrayBufferWriter<byte>());
        while (true)
        {
            BackupStatus status = Read(connection, name);
            progress(status);
            if (status.State == BackupState.Done)
            {
                return;
            }
            if (status.State == BackupState.Failed)
            {
                throw new StoreException(0, $"{name} cannot be restored: {status.Error}");
            }
            cancellation.WaitHandle.WaitOne(Interval);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    private static BackupStatus Read(ChdbConnection connection, string name)
    {
        var output = new ArrayBufferWriter<byte>();
        connection.Query("SELECT toString(status), files_read, bytes_read, total_size, error FROM system.backups", "Native", NoParameters, output);
        ResultBlock row = NativeReader.Read(output.WrittenMemory, copies: false).Blocks[0];
        BackupState state = row.Text(0).String(0) switch
        {
            "RESTORED" => BackupState.Done,
            "RESTORING" => BackupState.Running,
            _ => BackupState.Failed,
        };
        long read = (long)row.Values<ulong>(2)[0];
        return new BackupStatus(
            name, state, (long)row.Values<ulong>(1)[0], read, read, (long)row.Values<ulong>(3)[0], ChdbConnection.Parse(row.Text(4).String(0)).Message);
    }

    private static void Empty(string path)
    {
        foreach (string directory in Directory.EnumerateDirectories(path))
        {
            Directory.Delete(directory, recursive: true);
        }
        foreach (string file in Directory.EnumerateFiles(path))
        {
            File.Delete(file);
        }
    }
}
