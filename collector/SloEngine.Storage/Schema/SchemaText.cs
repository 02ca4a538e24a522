using SloEngine.Storage.Chdb;

namespace SloEngine.Storage.Schema;

/// <summary>The statements that make the tables, for whoever makes them by hand.</summary>
public static class SchemaText
{
    /// <summary>Every statement from nothing to the version of this program, in order, without a semicolon at its end.</summary>
    /// <param name="cluster">The cluster; null for a single server.</param>
    public static IEnumerable<string> Statements(StoreCluster? cluster) => cluster is null
        ? ClusterSchema.Single(EmbeddedColumnStore.Database, Migration.All)
        : ClusterSchema.Everything(cluster, EmbeddedColumnStore.Database, Migration.All);
}
