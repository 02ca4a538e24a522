using System.Globalization;

namespace SloEngine.Storage.Chdb;

/// <summary>How the embedded engine is set up.</summary>
public sealed record EmbeddedStoreOptions
{
    /// <summary>The engine would let each of the first three grow to 5 GiB: it takes the machine for its own.</summary>
    private static readonly string[] Caches =
    [
        "mark_cache_size=268435456", "index_mark_cache_size=67108864", "primary_index_cache_size=268435456", "query_condition_cache_size=33554432",
    ];

    /// <summary>
    /// Parts of 128 MiB and more are packed by ZSTD, smaller ones, which are packed anew before long, by LZ4. For columns that name no codec. The first key lets the engine look for
    /// the others.
    /// </summary>
    private static readonly string[] Compression =
    [
        "compression=by-size", "compression.case.min_part_size=134217728", "compression.case.min_part_size_ratio=0", "compression.case.method=zstd", "compression.case.level=1",
    ];

    /// <summary>Directory of the data; made when missing. One per process.</summary>
    public required string Path { get; init; }

    /// <summary>Path of libchdb, or null to look for it (<see cref="ChdbLibrary"/>).</summary>
    public string? Library { get; init; }

    /// <summary>The one directory below which the engine may write and read backups; null for none.</summary>
    public string? Backups { get; init; }

    /// <summary>Connections for reads, so statements that read at one time.</summary>
    public int ReadConnections { get; init; } = 4;

    /// <summary>Connections for inserts.</summary>
    public int InsertConnections { get; init; } = 3;

    /// <summary>Threads one query may use.</summary>
    public int MaxThreads { get; init; } = Math.Max(2, Environment.ProcessorCount);

    /// <summary>Memory one query may use, in bytes.</summary>
    public long MaxQueryMemory { get; init; } = 2L << 30;

    /// <summary>Settings of the engine, as <c>name=value</c>.</summary>
    internal IEnumerable<string> EngineSettings()
    {
        yield return string.Create(CultureInfo.InvariantCulture, $"max_threads={MaxThreads}");
        yield return string.Create(CultureInfo.InvariantCulture, $"max_memory_usage={MaxQueryMemory}");
        yield return "max_insert_threads=1";
        yield return "output_format_json_quote_64bit_integers=0";
        yield return "session_timezone=UTC";
        // Threads that wait for work; after a load the engine would keep every one that it ever had at a time.
        yield return "max_thread_pool_free_size=16";
        foreach (string setting in Caches.Concat(Compression))
        {
            yield return setting;
        }
        if (Backups is not null)
        {
            yield return "backups.allowed_path=" + Backups;
        }
    }
}
