using System.Globalization;
using System.Text;
using SloEngine.PromQL.Series;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Query.Metrics;

/// <summary>A series of the store: what its samples mean.</summary>
/// <param name="Id">Id.</param>
/// <param name="Metric">Name; of histograms the base name.</param>
/// <param name="Kind">MetricKind: 3 and 4 are histograms.</param>
/// <param name="IsDelta">Whether points are deltas.</param>
/// <param name="Labels">Labels without the name.</param>
/// <param name="Bounds">Histogram bounds.</param>
internal sealed record StoredSeries(UInt128 Id, string Metric, byte Kind, bool IsDelta, Labels Labels, double[] Bounds)
{
    public const byte Histogram = 3;
    public const byte ExponentialHistogram = 4;

    public bool IsHistogram => Kind is Histogram or ExponentialHistogram;
}

/// <summary>Finds series by matchers in the table <c>series</c>.</summary>
internal sealed class SeriesMatch(IColumnStore store, QueryOptions options)
{
    /// <summary>
    /// Series whose labels satisfy the matchers, the name apart: a matcher on the name narrows the search to the base names that could
    /// carry it, and the caller decides which virtual series of a histogram match.
    /// </summary>
    public async ValueTask<IReadOnlyList<StoredSeries>> FindAsync(
        string tenant, IReadOnlyList<LabelMatcher> matchers, long startMs, CancellationToken cancellation)
    {
        var parameters = new Dictionary<string, string>
        {
            ["tenant"] = tenant,
            ["since"] = Math.Max(0, startMs / 1000).ToString(CultureInfo.InvariantCulture),
        };
        var where = new StringBuilder("tenant = {tenant:String}");
        foreach (LabelMatcher matcher in matchers)
        {
            string value = "m" + parameters.Count.ToString(CultureInfo.InvariantCulture);
            if (matcher.Label == Labels.MetricName)
            {
                if (matcher.Kind == MatchKind.Equal)
                {
                    where.Append(CultureInfo.InvariantCulture, $" AND metric IN {{{value}:Array(String)}}");
                    parameters.Add(value, SqlText.Array(BaseNames(matcher.Value)));
                }
                continue;
            }
            if (matcher.Label == "le")
            {
                continue;
            }
            string label = "l" + parameters.Count.ToString(CultureInfo.InvariantCulture);
            parameters.Add(label, matcher.Label);
            bool regex = matcher.Kind is MatchKind.Regex or MatchKind.NotRegex;
            parameters.Add(value, regex ? $"^(?s:{matcher.Value})$" : matcher.Value);
            string sql = regex ? $"match(labels[{{{label}:String}}], {{{value}:String}})" : $"labels[{{{label}:String}}] = {{{value}:String}}";
            where.Append(matcher.Kind is MatchKind.NotEqual or MatchKind.NotRegex ? $" AND NOT {sql}" : $" AND {sql}");
        }
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
            throw new PromQL.Evaluation.PromQLEvaluationException(
                PromQL.Evaluation.QueryFailure.Limit, $"the selector matches more than {options.MaxSeries} series; narrow it down");
        }
        var found = new List<StoredSeries>(result.Rows);
        foreach (ResultBlock block in result.Blocks)
        {
            Read(block, found);
        }
        return found;
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

    private static void Read(ResultBlock block, List<StoredSeries> into)
    {
        MapColumn labels = block.Map(4);
        ArrayColumn bounds = block.Array(5);
        ReadOnlySpan<double> allBounds = ((FixedColumn<double>)bounds.Items).Values;
        for (int row = 0; row < block.Rows; row++)
        {
            (int start, int length) = labels.Row(row);
            var pairs = new KeyValuePair<string, string>[length];
            for (int entry = 0; entry < length; entry++)
            {
                pairs[entry] = new(labels.Keys.String(start + entry), labels.Values.String(start + entry));
            }
            (int firstBound, int boundCount) = bounds.Row(row);
            into.Add(new StoredSeries(
                block.Values<UInt128>(0)[row], block.Text(1).String(row), block.Values<byte>(2)[row], block.Values<byte>(3)[row] == 1,
                Labels.Of(pairs), allBounds.Slice(firstBound, boundCount).ToArray()));
        }
    }
}
