using SloEngine.Storage.Chdb;
using SloEngine.Storage.Results;
using SloEngine.Storage.Schema;

namespace SloEngine.Storage.Backup;

/// <summary>
/// Backups of an open store by the engine's own BACKUP: it takes the parts as they are at one moment and copies them while inserts go on.
/// With a base, only files that the base does not have.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="directory">Where backups go: <see cref="EmbeddedStoreOptions.Backups"/> of the store; null where it is a server's, which knows where its backups are.</param>
/// <param name="flush">Puts into the store what was acknowledged before the call; a <see cref="TimeoutException"/> says that it could not in time.</param>
/// <param name="cluster">The cluster that holds the tables: its backups are its own.</param>
public sealed class StoreBackups(IColumnStore store, string? directory, Func<TimeSpan, CancellationToken, Task> flush, StoreCluster? cluster = null)
{
    private static readonly TimeSpan FlushPatience = TimeSpan.FromSeconds(30);

    /// <summary>Where a backup of a name goes: its path, or the name alone where a server of its own knows where that is.</summary>
    public string Place(string name) => directory is null ? name : Path.Combine(directory, name);

    /// <summary>Starts a backup; it goes on without the caller. What was acknowledged before the call is in it.</summary>
    /// <exception cref="ArgumentException">A name is none.</exception>
    /// <exception cref="StoreException">Another backup is under way, or the engine refused.</exception>
    public async Task StartAsync(string name, string? baseName, CancellationToken cancellation = default)
    {
        if (cluster is not null)
        {
            throw new StoreException(0, $"the tables are those of a cluster, which backs them up itself: BACKUP DATABASE {StoreCluster.LocalDatabase} {cluster.OnCluster} TO ...");
        }
        string destination = BackupName.ToSql(name);
        string settings = baseName is null ? "" : $" SETTINGS base_backup = {BackupName.ToSql(baseName)}";
        if (directory is not null && baseName is not null && !File.Exists(Path.Combine(directory, baseName, ".backup")))
        {
            throw new StoreException(0, $"there is no complete backup {baseName} in {directory}");
        }
        if (directory is not null && Path.Exists(Path.Combine(directory, name)))
        {
            throw new StoreException(0, $"there is a backup {name} in {directory} already");
        }
        QueryResult running = await store.QueryAsync(
            new StoreQuery("SELECT name FROM system.backups WHERE status = 'CREATING_BACKUP' LIMIT 1"), cancellation);
        if (running.Rows > 0)
        {
            throw new StoreException(0, $"the backup {running.Blocks[0].Text(0).String(0)} is under way");
        }
        try
        {
            await flush(FlushPatience, cancellation);
        }
        catch (TimeoutException)
        {
            throw new StoreException(
                0, $"the store has not taken within {FlushPatience.TotalSeconds:0} s what waits in the log, which the backup would lack: try again when it has caught up");
        }
        if (directory is not null)
        {
            Directory.CreateDirectory(directory);
        }
        await store.ExecuteAsync($"BACKUP DATABASE {EmbeddedColumnStore.Database} TO {destination}{settings} ASYNC", cancellation);
    }

    /// <summary>The latest backup of a name that was started since the store is open; null without one.</summary>
    /// <exception cref="ArgumentException">The name is none.</exception>
    public async Task<BackupStatus?> StatusAsync(string name, CancellationToken cancellation = default)
    {
        QueryResult result = await store.QueryAsync(
            new StoreQuery(
                $$"""
                SELECT toString(status), num_files, total_size, compressed_size, error,
                       assumeNotNull((SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = '{{EmbeddedColumnStore.Database}}'))
                FROM system.backups WHERE name = {name:String} ORDER BY start_time DESC LIMIT 1
                """)
            {
                Parameters = new Dictionary<string, string> { ["name"] = BackupName.ToSql(name) },
            },
            cancellation);
        if (result.Rows == 0)
        {
            return null;
        }
        ResultBlock row = result.Blocks[0];
        BackupState state = row.Text(0).String(0) switch
        {
            "BACKUP_CREATED" => BackupState.Done,
            "CREATING_BACKUP" => BackupState.Running,
            _ => BackupState.Failed,
        };
        return new BackupStatus(
            name, state, (long)row.Values<ulong>(1)[0], (long)row.Values<ulong>(2)[0], (long)row.Values<ulong>(3)[0], (long)row.Values<ulong>(5)[0],
            ChdbConnection.Parse(row.Text(4).String(0)).Message);
    }
}
