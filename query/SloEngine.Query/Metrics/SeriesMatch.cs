using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using SloEngine.PromQL.Series;
using SloEngine.Storage;
using SloEngine.Storage.Results;
using SloEngine.Storage.Tables;

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
internal readonly record struct FoundSeries(IReadOnlyList<StoredSeries> Series, bool IsWhole);

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

    private static readonly (string Name, string Time)[] PointTables =
        [("samples", "ts"), ("histograms", "ts"), ("exponential_histograms", "ts"), ("float_histograms", "ts"), ("samples_5m", "last_ts")];

    private readonly ConcurrentDictionary<(string Tenant, string Name), KnownSeries> _known = [];
    private readonly ConcurrentDictionary<(string Tenant, string Name), long> _crowded = [];
    private readonly Lock _keeping = new();
    private int _kept;

    /// <summary>Names of which series, or that there are none, are kept.</summary>
    internal int KnownNames => _known.Count;

    /// <summary>The names of a stored series: a histogram with explicit bounds stands for several.</summary>
    public const string NamesSql = "if(kind = 3, [concat(metric, '_bucket'), concat(metric, '_count'), concat(metric, '_sum')], [toString(metric)])";

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
        if (active is not null)
        {
            return Found(await ReadAsync(tenant, matchers, active, cancellation));
        }
        if (NameOf(matchers) is not { } name)
        {
            return Found(await AllOrWithinAsync(tenant, matchers, wanted, cancellation));
        }
        LabelMatcher[] others = [.. matchers.Where(static matcher => matcher.Label is not (Labels.MetricName or "le"))];
        if (store.Version("series") is { } version && await OfNameAsync(tenant, name, version, cancellation) is { } known)
        {
            return others.Length == 0 ? new FoundSeries(known.Series, IsWhole: true) : new FoundSeries(known.Matching(others), IsWhole: false);
        }
        return Found(others.Length == 0 ? await OfCrowdAsync(tenant, name, wanted, cancellation) : await OfCrowdAsync(tenant, matchers, name, others, wanted, cancellation));

        FoundSeries Found(IReadOnlyList<StoredSeries>? found) => new(found ?? throw TooMany(), IsWhole: false);
    }

    /// <summary>Series of a name, or those of them with a point within a time when there are too many.</summary>
    private async ValueTask<IReadOnlyList<StoredSeries>?> OfCrowdAsync(string tenant, LabelMatcher name, TimeRange? wanted, CancellationToken cancellation)
    {
        if (!IsCrowded((tenant, name.Value)))
        {
            if (await ReadAsync(tenant, [name], null, cancellation) is { } all)
            {
                return all;
            }
            _crowded[(tenant, name.Value)] = Stopwatch.GetTimestamp();
        }
        return wanted is { } time ? (await WithinAsync(tenant, name, time, cancellation))?.Series : null;
    }

    /// <summary>The same where other labels narrow it down: of a short time, looking at its points costs less than looking at the labels of all series that ever were.</summary>
    private async ValueTask<IReadOnlyList<StoredSeries>?> OfCrowdAsync(
        string tenant, IReadOnlyList<LabelMatcher> matchers, LabelMatcher name, LabelMatcher[] others, TimeRange? wanted, CancellationToken cancellation)
    {
        bool isShort = wanted is { } asked && asked.EndMs - asked.StartMs <= ShortTimeMs && IsCrowded((tenant, name.Value));
        if (isShort && await WithinAsync(tenant, name, wanted!.Value, cancellation) is { } within)
        {
            return within.Matching(others);
        }
        return await AllOrWithinAsync(tenant, matchers, wanted, cancellation);
    }

    /// <summary>Series that have matching labels, or those of them with a point within a time when there are too many.</summary>
    private async ValueTask<List<StoredSeries>?> AllOrWithinAsync(string tenant, IReadOnlyList<LabelMatcher> matchers, TimeRange? wanted, CancellationToken cancellation) =>
        await ReadAsync(tenant, matchers, null, cancellation) ?? (wanted is null ? null : await ReadAsync(tenant, matchers, wanted, cancellation));

    /// <summary>
    /// All series of a name, ordered by labels; null when there are too many. What a series is does not change, so that they are kept until the table
    /// gets further rows.
    /// </summary>
    private async ValueTask<KnownSeries?> OfNameAsync(string tenant, LabelMatcher name, long version, CancellationToken cancellation)
    {
        if (_known.TryGetValue((tenant, name.Value), out KnownSeries? known) && known.Version == version)
        {
            return known;
        }
        if (IsCrowded((tenant, name.Value)))
        {
            return null;
        }
        var parameters = new Dictionary<string, string>();
        if (await IdsAsync($"series WHERE {Where(tenant, [name], null, parameters)}", parameters, [], cancellation) is not { } ids)
        {
            _crowded[(tenant, name.Value)] = Stopwatch.GetTimestamp();
            return null;
        }
        return await KeepAsync(tenant, name, version, ids, cancellation);
    }

    private bool IsCrowded((string Tenant, string Name) key) => _crowded.TryGetValue(key, out long since) && Stopwatch.GetElapsedTime(since) < CrowdedFor;

    /// <summary>Series of a name with a point within a time; null when there are too many. The series of a name lie side by side.</summary>
    private async ValueTask<KnownSeries?> WithinAsync(string tenant, LabelMatcher name, TimeRange time, CancellationToken cancellation)
    {
        var recent = new HashSet<UInt128>();
        foreach ((UInt128 First, UInt128 Last) between in Families(tenant, name))
        {
            // Before the tables are read: what goes there meanwhile is found in both.
            store.Recent?.AddIds(between, time.StartMs, time.EndMs, recent);
        }
        var parameters = new Dictionary<string, string>();
        return await IdsAsync($"({PointsWithin(tenant, name, time, parameters)})", parameters, recent, cancellation) is { } ids
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
    private async ValueTask<KnownSeries> KeepAsync(string tenant, LabelMatcher name, long? version, HashSet<UInt128> ids, CancellationToken cancellation)
    {
        (string, string) key = (tenant, name.Value);
        StoredSeries[] before = _known.TryGetValue(key, out KnownSeries? known) ? known.Series : [];
        StoredSeries[] still = Array.FindAll(before, series => ids.Remove(series.Id));
        List<StoredSeries> added = [];
        if (ids.Count > 0)
        {
            var parameters = new Dictionary<string, string> { ["ids"] = SqlText.Array(ids) };
            added = await ReadAsync($"{Where(tenant, [name], null, parameters)} AND {SqlText.IsOneOfIds(ids.Count)}", parameters, cancellation) ?? [];
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

    private static LabelMatcher? NameOf(IReadOnlyList<LabelMatcher> matchers) =>
        matchers.FirstOrDefault(static matcher => matcher is { Label: Labels.MetricName, Kind: MatchKind.Equal });

    /// <summary>Null when there are more than a query may ask for.</summary>
    private async ValueTask<List<StoredSeries>?> ReadAsync(
        string tenant, IReadOnlyList<LabelMatcher> matchers, TimeRange? active, CancellationToken cancellation)
    {
        var parameters = new Dictionary<string, string>();
        return await ReadAsync(await WhereAsync(store, tenant, matchers, active, parameters, cancellation), parameters, cancellation);
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

    /// <summary>The search as a condition on the table <c>series</c>; adds its parameters. Where a time is given, it looks into the tables of points.</summary>
    public static async ValueTask<string> WhereAsync(
        IColumnStore store, string tenant, IReadOnlyList<LabelMatcher> matchers, TimeRange? active, Dictionary<string, string> parameters, CancellationToken cancellation)
    {
        if (active is not null)
        {
            await store.StoreRecentAsync(cancellation);
        }
        return Where(tenant, matchers, active, parameters);
    }

    private static string Where(string tenant, IReadOnlyList<LabelMatcher> matchers, TimeRange? active, Dictionary<string, string> parameters)
    {
        parameters.Add("tenant", tenant);
        var where = new StringBuilder("tenant = {tenant:String}");
        foreach (LabelMatcher matcher in matchers)
        {
            string value = "m" + parameters.Count.ToString(CultureInfo.InvariantCulture);
            string label = "l" + parameters.Count.ToString(CultureInfo.InvariantCulture);
            bool regex = matcher.Kind is MatchKind.Regex or MatchKind.NotRegex;
            string not = matcher.Kind is MatchKind.NotEqual or MatchKind.NotRegex ? "NOT " : "";
            string text = regex ? $"^(?s:{matcher.Value})$" : matcher.Value;
            switch (matcher.Label)
            {
                case "le":
                    break;
                case Labels.MetricName when matcher.Kind == MatchKind.Equal:
                    where.Append(CultureInfo.InvariantCulture, $" AND metric IN {{{value}:Array(String)}}");
                    parameters.Add(value, SqlText.Array(BaseNames(matcher.Value)));
                    break;
                case Labels.MetricName:
                    string condition = regex ? $"match(name, {{{value}:String}})" : $"name = {{{value}:String}}";
                    where.Append(CultureInfo.InvariantCulture, $" AND arrayExists(name -> {not}{condition}, {NamesSql})");
                    parameters.Add(value, text);
                    break;
                default:
                    string of = $"labels[{{{label}:String}}]";
                    where.Append(CultureInfo.InvariantCulture, $" AND {not}{(regex ? $"match({of}, {{{value}:String}})" : $"{of} = {{{value}:String}}")}");
                    parameters.Add(label, matcher.Label);
                    parameters.Add(value, text);
                    break;
            }
        }
        if (active is { } range)
        {
            where.Append(CultureInfo.InvariantCulture, $" AND id IN ({PointsWithin(tenant, NameOf(matchers), range, parameters)})");
        }
        return where.ToString();
    }

    /// <summary>Between which ids the series lie that have a name.</summary>
    private static IEnumerable<(UInt128 First, UInt128 Last)> Families(string tenant, LabelMatcher name) => BaseNames(name.Value).Select(metric => SeriesRow.IdsOf(tenant, metric));

    /// <summary>The ids of points within a time, each as often as it has points; of those of a name, if one is given, and a few others.</summary>
    private static string PointsWithin(string tenant, LabelMatcher? name, TimeRange range, Dictionary<string, string> parameters)
    {
        parameters.Add("from", range.StartMs.ToString(CultureInfo.InvariantCulture));
        parameters.Add("to", range.EndMs.ToString(CultureInfo.InvariantCulture));
        var families = new List<string>();
        foreach ((UInt128 first, UInt128 last) in name is null ? [] : Families(tenant, name))
        {
            string number = families.Count.ToString(CultureInfo.InvariantCulture);
            families.Add($"id BETWEEN {{first{number}:UInt128}} AND {{last{number}:UInt128}}");
            parameters.Add("first" + number, first.ToString(CultureInfo.InvariantCulture));
            parameters.Add("last" + number, last.ToString(CultureInfo.InvariantCulture));
        }
        string which = name is null ? "1" : $"({string.Join(" OR ", families)})";
        return string.Join(" UNION ALL ", PointTables.Select(
            table => $"SELECT id FROM {table.Name} WHERE {which} AND {table.Time} >= fromUnixTimestamp64Milli({{from:Int64}}) AND {table.Time} <= fromUnixTimestamp64Milli({{to:Int64}})"));
    }

    /// <summary>Names under which a series of that name may be stored.</summary>
    private static IEnumerable<string> BaseNames(string name)
    {
        yield return name;
        foreach (string suffix in (string[])["_bucket", "_count", "_sum"])
        {
            if (name.EndsWith(suffix, StringComparison.Ordinal))
            {
                yield return name[..^suffix.Length];
            }
        }
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
