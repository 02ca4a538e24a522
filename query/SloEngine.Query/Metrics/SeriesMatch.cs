using System.Collections.Concurrent;
using System.Diagnostics;
using SloEngine.PromQL.Series;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Query.Metrics;

/// <summary>A series of the store: what its samples mean.</summary>
/// <param name="Id">Id.</param>
/// <param name="Metric">Name; of histograms the base name.</param>
/// <param name="Kind">MetricKind: 3, 4 and 6 are histograms.</param>
/// <param name="IsDelta">Whether points are deltas.</param>
/// <param name="Named">Labels with the name.</param>
/// <param name="Bounds">Histogram bounds; most series of a metric have the same array.</param>
internal sealed record StoredSeries(UInt128 Id, string Metric, byte Kind, bool IsDelta, Labels Named, double[] Bounds)
{
    public const byte Histogram = 3;
    public const byte ExponentialHistogram = 4;
    public const byte FloatHistogram = 6;

    public bool IsHistogram => Kind is Histogram or ExponentialHistogram or FloatHistogram;
}

/// <summary>What was found.</summary>
/// <param name="Series">The series.</param>
/// <param name="IsWhole">Whether these are all series of their metrics.</param>
/// <param name="Matchers">What was asked for, names of metrics as the store has them.</param>
internal readonly record struct FoundSeries(IReadOnlyList<StoredSeries> Series, bool IsWhole, IReadOnlyList<LabelMatcher> Matchers);

/// <summary>Times, both ends included, that the store can hold.</summary>
internal readonly record struct TimeRange
{
    /// <summary>The store's times end in the year 2262; nothing is older than the epoch.</summary>
    private const long LatestMs = long.MaxValue / 1_000_000;

    public TimeRange(long startMs, long endMs) => (StartMs, EndMs) = (Math.Clamp(startMs, 0, LatestMs), Math.Clamp(endMs, 0, LatestMs));

    public long StartMs { get; }

    public long EndMs { get; }
}

/// <summary>Finds series by matchers in the table <c>series</c>.</summary>
internal sealed class SeriesMatch(IColumnStore store, QueryOptions options)
{
    /// <summary>How long a name that has too many series is not asked for all of them again.</summary>
    private static readonly TimeSpan CrowdedFor = TimeSpan.FromMinutes(10);

    private const long ShortTimeMs = 3_600_000;

    private readonly ConcurrentDictionary<(string Tenant, string Name), KnownSeries> _known = [];
    private readonly ConcurrentDictionary<(string Tenant, string Name), long> _crowded = [];
    private readonly OtelNames _otelNames = new(store, options);
    private readonly Lock _keeping = new();
    private int _kept;

    /// <summary>Names of which series, or that there are none, are kept.</summary>
    internal int KnownNames => _known.Count;

    /// <summary>
    /// Series that may satisfy the matchers: all do but for those on the name and on <c>le</c>, of which virtual series of a histogram decide
    /// each for itself; those on the name only narrow the search down to series that have such a name.
    /// </summary>
    /// <param name="tenant">Whose.</param>
    /// <param name="matchers">The matchers.</param>
    /// <param name="active">Times within which a series has a point, or null for any series.</param>
    /// <param name="wanted">
    /// Times that the question is about. Where pods come and go, a metric has had many more series than it has: when all of them are more than a query
    /// may ask for, those with a point within these times are looked for, at the price of a look at the points.
    /// </param>
    /// <param name="cancellation">Cancels the search.</param>
    public async ValueTask<FoundSeries> FindAsync(
        string tenant, IReadOnlyList<LabelMatcher> matchers, TimeRange? active, TimeRange? wanted, CancellationToken cancellation)
    {
        // Before anything is read: what is kept of it is no newer.
        long? version = store.Version("series");
        StoreMatcher[] resolved = await _otelNames.ResolveAsync(tenant, matchers, version, cancellation);
        LabelMatcher[] stored = Array.ConvertAll(resolved, static matcher => matcher.Stored);
        if (Array.Exists(resolved, static matcher => matcher.Otel is { Origins: [] }))
        {
            return Found([]);
        }
        if (active is not null)
        {
            return Found(await ReadAsync(tenant, resolved, active, cancellation));
        }
        if (SeriesCondition.NameOf(resolved) is not { } name)
        {
            return Found(await AllOrWithinAsync(tenant, resolved, wanted, cancellation));
        }
        LabelMatcher[] others = [.. matchers.Where(static matcher => matcher.Label is not (Labels.MetricName or "le"))];
        if (version is { } current && await OfNameAsync(tenant, name, current, cancellation) is { } known)
        {
            return others.Length == 0 ? new FoundSeries(known.Series, IsWhole: name.Otel is null, stored) : Found(known.Matching(others));
        }
        return Found(others.Length == 0 ? await OfCrowdAsync(tenant, name, wanted, cancellation) : await OfCrowdAsync(tenant, resolved, name, others, wanted, cancellation));

        FoundSeries Found(IReadOnlyList<StoredSeries>? found) => new(found ?? throw TooMany(), IsWhole: false, stored);
    }

    /// <summary>Series of a name, or those of them with a point within a time when there are too many.</summary>
    private async ValueTask<IReadOnlyList<StoredSeries>?> OfCrowdAsync(string tenant, StoreMatcher name, TimeRange? wanted, CancellationToken cancellation)
    {
        if (!IsCrowded((tenant, name.Asked.Value)))
        {
            if (await ReadAsync(tenant, [name], null, cancellation) is { } all)
            {
                return all;
            }
            _crowded[(tenant, name.Asked.Value)] = Stopwatch.GetTimestamp();
        }
        return wanted is { } time ? (await WithinAsync(tenant, name, time, cancellation))?.Series : null;
    }

    /// <summary>The same where other labels narrow it down: of a short time, looking at its points costs less than looking at the labels of all series that ever were.</summary>
    private async ValueTask<IReadOnlyList<StoredSeries>?> OfCrowdAsync(
        string tenant, StoreMatcher[] matchers, StoreMatcher name, LabelMatcher[] others, TimeRange? wanted, CancellationToken cancellation)
    {
        bool isShort = wanted is { } asked && asked.EndMs - asked.StartMs <= ShortTimeMs && IsCrowded((tenant, name.Asked.Value));
        if (isShort && await WithinAsync(tenant, name, wanted!.Value, cancellation) is { } within)
        {
            return within.Matching(others);
        }
        return await AllOrWithinAsync(tenant, matchers, wanted, cancellation);
    }

    /// <summary>Series that have matching labels, or those of them with a point within a time when there are too many.</summary>
    private async ValueTask<List<StoredSeries>?> AllOrWithinAsync(string tenant, StoreMatcher[] matchers, TimeRange? wanted, CancellationToken cancellation) =>
        await ReadAsync(tenant, matchers, null, cancellation) ?? (wanted is null ? null : await ReadAsync(tenant, matchers, wanted, cancellation));

    /// <summary>
    /// All series of a name, ordered by labels; null when there are too many. What a series is does not change, so that they are kept until the table
    /// gets further rows.
    /// </summary>
    private async ValueTask<KnownSeries?> OfNameAsync(string tenant, StoreMatcher name, long version, CancellationToken cancellation)
    {
        if (_known.TryGetValue((tenant, name.Asked.Value), out KnownSeries? known) && known.Version == version)
        {
            return known;
        }
        if (IsCrowded((tenant, name.Asked.Value)))
        {
            return null;
        }
        var parameters = new Dictionary<string, string>();
        if (await IdsAsync($"series WHERE {SeriesCondition.Of(tenant, [name], null, parameters)}", parameters, [], cancellation) is not { } ids)
        {
            _crowded[(tenant, name.Asked.Value)] = Stopwatch.GetTimestamp();
            return null;
        }
        return await KeepAsync(tenant, name, version, ids, cancellation);
    }

    private bool IsCrowded((string Tenant, string Name) key) => _crowded.TryGetValue(key, out long since) && Stopwatch.GetElapsedTime(since) < CrowdedFor;

    /// <summary>Series of a name with a point within a time; null when there are too many. The series of a name lie side by side.</summary>
    private async ValueTask<KnownSeries?> WithinAsync(string tenant, StoreMatcher name, TimeRange time, CancellationToken cancellation)
    {
        var recent = new HashSet<UInt128>();
        foreach ((UInt128 First, UInt128 Last) between in SeriesCondition.Families(tenant, name))
        {
            // Before the tables are read: what goes there meanwhile is found in both.
            store.Recent?.AddIds(between, time.StartMs, time.EndMs, recent);
        }
        var parameters = new Dictionary<string, string>();
        return await IdsAsync($"({SeriesCondition.PointsWithin(tenant, name, time, parameters)})", parameters, recent, cancellation) is { } ids
            ? await KeepAsync(tenant, name, null, ids, cancellation)
            : null;
    }

    /// <summary>Adds ids; null when there are more of them than a query may ask for.</summary>
    private async ValueTask<HashSet<UInt128>?> IdsAsync(string from, Dictionary<string, string> parameters, HashSet<UInt128> into, CancellationToken cancellation)
    {
        QueryResult result = await store.QueryAsync(
            new StoreQuery($"SELECT DISTINCT id FROM {from} LIMIT {options.MaxSeries + 1}") { Parameters = parameters, Timeout = options.Timeout }, cancellation);
        into.EnsureCapacity(result.Rows);
        foreach (ResultBlock block in result.Blocks)
        {
            foreach (UInt128 id in block.Values<UInt128>(0))
            {
                into.Add(id);
            }
        }
        return into.Count > options.MaxSeries ? null : into;
    }

    /// <summary>Keeps the series of a name that have these ids, among which may be those of others: pods come and go, and most series are known.</summary>
    /// <param name="tenant">Whose.</param>
    /// <param name="name">The name.</param>
    /// <param name="version">What the table is at, when these are all of the name.</param>
    /// <param name="ids">The ids.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    private async ValueTask<KnownSeries> KeepAsync(string tenant, StoreMatcher name, long? version, HashSet<UInt128> ids, CancellationToken cancellation)
    {
        (string, string) key = (tenant, name.Asked.Value);
        StoredSeries[] before = _known.TryGetValue(key, out KnownSeries? known) ? known.Series : [];
        StoredSeries[] still = Array.FindAll(before, series => ids.Remove(series.Id));
        List<StoredSeries> added = [];
        if (ids.Count > 0)
        {
            var parameters = new Dictionary<string, string> { ["ids"] = SqlText.Array(ids) };
            added = await ReadAsync($"{SeriesCondition.Of(tenant, [name], null, parameters)} AND {SqlText.IsOneOfIds(ids.Count)}", parameters, cancellation) ?? [];
        }
        var found = KnownSeries.Of(version, still, added);
        // The next query may be about another time.
        Keep(key, version is null && before.Length + added.Count <= options.MaxSeries ? KnownSeries.Of(null, before, added) : found);
        return found;
    }

    private void Keep((string Tenant, string Name) key, KnownSeries found)
    {
        lock (_keeping)
        {
            _kept += found.Weight - (_known.TryGetValue(key, out KnownSeries? before) ? before.Weight : 0);
            if (_kept > options.MaxKnownSeries)
            {
                _known.Clear();
                _crowded.Clear();
                _kept = found.Weight;
            }
            _known[key] = found;
        }
    }

    private PromQL.Evaluation.PromQLEvaluationException TooMany() =>
        new(PromQL.Evaluation.QueryFailure.Limit, $"the selector matches more than {options.MaxSeries} series; narrow it down");

    /// <summary>Null when there are more than a query may ask for.</summary>
    private async ValueTask<List<StoredSeries>?> ReadAsync(
        string tenant, StoreMatcher[] matchers, TimeRange? active, CancellationToken cancellation)
    {
        if (active is not null)
        {
            await store.StoreRecentAsync(cancellation);
        }
        var parameters = new Dictionary<string, string>();
        return await ReadAsync(SeriesCondition.Of(tenant, matchers, active, parameters), parameters, cancellation);
    }

    private async ValueTask<List<StoredSeries>?> ReadAsync(string where, Dictionary<string, string> parameters, CancellationToken cancellation)
    {
        QueryResult result = await store.QueryAsync(
            new StoreQuery($"""
                SELECT id, any(metric) AS name, any(kind), any(temporality), any(labels), any(bounds)
                FROM series WHERE {where} GROUP BY id
                LIMIT {options.MaxSeries + 1}
                """)
            {
                Parameters = parameters,
                Timeout = options.Timeout,
            },
            cancellation);
        if (result.Rows > options.MaxSeries)
        {
            return null;
        }
        var found = new List<StoredSeries>(result.Rows);
        var texts = new SharedTexts();
        foreach (ResultBlock block in result.Blocks)
        {
            Read(block, texts, found);
        }
        return found;
    }

    private static void Read(ResultBlock block, SharedTexts texts, List<StoredSeries> into)
    {
        MapColumn labels = block.Map(4);
        ArrayColumn bounds = block.Array(5);
        ReadOnlySpan<double> allBounds = ((FixedColumn<double>)bounds.Items).Values;
        double[] shared = [];
        for (int row = 0; row < block.Rows; row++)
        {
            (int start, int length) = labels.Row(row);
            var pairs = new KeyValuePair<string, string>[length + 1];
            for (int entry = 0; entry < length; entry++)
            {
                pairs[entry] = new(texts.Of(labels.Keys.Bytes(start + entry)), texts.Of(labels.Values.Bytes(start + entry)));
            }
            (int firstBound, int boundCount) = bounds.Row(row);
            ReadOnlySpan<double> own = allBounds.Slice(firstBound, boundCount);
            shared = own.SequenceEqual(shared) ? shared : own.ToArray();
            string metric = texts.Of(block.Text(1).Bytes(row));
            pairs[length] = new(Labels.MetricName, metric);
            into.Add(new StoredSeries(block.Values<UInt128>(0)[row], metric, block.Values<byte>(2)[row], block.Values<byte>(3)[row] == 1, Labels.Of(pairs), shared));
        }
    }
}
