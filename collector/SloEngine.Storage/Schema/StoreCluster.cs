using SloEngine.Storage.Chdb;

namespace SloEngine.Storage.Schema;

/// <summary>
/// A cluster of ClickHouse servers that holds the tables: each shard has its part of a table in the database <see cref="LocalDatabase"/>, replicated;
/// tables of the same names in the database of a single server, of the engine <c>Distributed</c>, stand for all shards: whatever reads and writes
/// names those.
/// </summary>
/// <param name="Name">Its name in the servers' <c>remote_servers</c>.</param>
public sealed record StoreCluster(string Name)
{
    /// <summary>Database of the tables that hold the rows of a shard.</summary>
    public static string LocalDatabase { get; } = Local(EmbeddedColumnStore.Database);

    internal string OnCluster => $"ON CLUSTER '{SqlText.Quote(Name)}'";

    /// <summary>The parts of every shard, each counted once: where <c>system.parts</c> stands for a single server.</summary>
    internal string Parts => $"cluster('{SqlText.Quote(Name)}', system.parts)";

    internal static string Local(string database) => database + "_local";
}
