using System.Globalization;

namespace SloEngine.Storage.Retention;

/// <summary>
/// Deletes descriptions of series that have no rows any more, once a day. Descriptions of series with points are written again at least once a day, and
/// those of series that come back are, too: so one that was written longer ago than any row is kept is of a series that stopped, whichever node
/// took it in. Only such ones are looked at, oldest first and so many at a time, and each is looked for in every table. A
/// description that is written meanwhile stays, for only rows of that age are deleted.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="options">How long rows are kept.</param>
/// <param name="database">Database of the tables.</param>
internal sealed class UnusedSeries(IColumnStore store, RetentionOptions options, string database)
{
    /// <summary>Descriptions looked at by one statement: it holds the ids of those that are in use.</summary>
    private const int MostAtOnce = 1_000_000;

    /// <summary>Twice the time within which a series with points is described again.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromDays(2);
    private static readonly TimeSpan Interval = TimeSpan.FromDays(1);

    private static readonly string[] Tables = ["samples", "samples_5m", "histograms", "exponential_histograms", "float_histograms", "exemplars"];

    private readonly RowDeletion _deletion = new(store, database, cluster: null);
    private DateTimeOffset? _done;
    private long _from;

    /// <summary>Looks at the oldest descriptions that were not looked at today; returns how many went.</summary>
    /// <exception cref="StoreException">The engine refused; the next call tries again.</exception>
    public async Task<long> ApplyAsync(DateTimeOffset now, CancellationToken cancellation)
    {
        if ((_done is { } done && now - done < Interval) || await _deletion.IsRunningAsync("series", cancellation))
        {
            return 0;
        }
        TimeSpan kept = options.RollUps is { } rollUps && rollUps > options.Metrics ? rollUps : options.Metrics;
        long end = kept < now - DateTimeOffset.UnixEpoch - Margin ? (now - kept - Margin).ToUnixTimeSeconds() : 0;
        long to = await EndAsync(end, cancellation);
        long rows = await CountAsync(Between(_from, to), cancellation) > 0 ? await DeleteAsync(Between(_from, to), cancellation) : 0;
        bool isDone = to >= end;
        (_from, _done) = (isDone ? 0 : to, isDone ? now : null);
        return rows;
    }

    private static string Between(long from, long to) =>
        string.Create(CultureInfo.InvariantCulture, $"last_seen >= toDateTime({from}, 'UTC') AND last_seen < toDateTime({to}, 'UTC')");

    /// <summary>Where the stretch ends that has as many descriptions as are looked at.</summary>
    private async Task<long> EndAsync(long end, CancellationToken cancellation)
    {
        Results.QueryResult found = await store.QueryAsync(
            new StoreQuery($"SELECT toInt64(toUnixTimestamp(last_seen)) + 1 FROM {database}.series WHERE {Between(_from, end)} ORDER BY last_seen LIMIT 1 OFFSET {MostAtOnce}"), cancellation);
        return found.Rows == 0 ? end : found.Blocks.First(block => block.Rows > 0).Values<long>(0)[0];
    }

    /// <summary>
    /// Deletes by a list of ids: the engine's deletions run in threads of its background, which wait for each other without end where one reads so many
    /// tables itself.
    /// </summary>
    private async Task<long> DeleteAsync(string candidates, CancellationToken cancellation)
    {
        string used = string.Join(" UNION ALL ", Tables.Select(table => $"SELECT id FROM {database}.{table} WHERE id IN (SELECT id FROM {database}.series WHERE {candidates})"));
        await store.ExecuteOnAsync("series_unused", $"TRUNCATE TABLE {database}.series_unused", cancellation: cancellation);
        await store.ExecuteOnAsync("series_unused", $"INSERT INTO {database}.series_unused SELECT DISTINCT id FROM {database}.series WHERE {candidates} AND id NOT IN ({used})", cancellation: cancellation);
        string unused = $"{candidates} AND id IN (SELECT id FROM {database}.series_unused)";
        long rows = await CountAsync(unused, cancellation);
        if (rows > 0)
        {
            await _deletion.RunAsync("series", "WHERE " + unused, cancellation);
        }
        return rows;
    }

    private async Task<long> CountAsync(string condition, CancellationToken cancellation)
    {
        Results.QueryResult found = await store.QueryAsync(new StoreQuery($"SELECT count() FROM {database}.series WHERE {condition}"), cancellation);
        return (long)found.Blocks[0].Values<ulong>(0)[0];
    }
}
