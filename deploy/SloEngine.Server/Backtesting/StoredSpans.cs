using System.Text;
using SloEngine.Slo.Model;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Server.Backtesting;

/// <summary>Spans, by the time at which they ended.</summary>
internal sealed class StoredSpans : StoredStretch
{
    /// <summary>Columns before those of the attributes.</summary>
    private const int FirstAttribute = 6;

    private readonly (ResultBlock Block, int Row)[] _rows;
    private readonly string _tenant;
    private readonly IReadOnlyList<string> _attributes;

    public StoredSpans(QueryResult result, string tenant, IReadOnlyList<string> attributes)
        : base(StoredPoints.Column<long>(result, 0)) =>
        (_tenant, _rows, _attributes) = (tenant, [.. result.Blocks.SelectMany(block => Enumerable.Range(0, block.Rows).Select(row => (block, row)))], attributes);

    /// <summary>Attributes that indicators or groups ask for.</summary>
    public static string[] AttributesOf(IEnumerable<ServiceLevelObjective> slos) => [.. slos
        .Where(slo => slo.Indicator.Total is SpanMeasure)
        .SelectMany(slo => ((Measure[])[slo.Indicator.Part, slo.Indicator.Total]).OfType<SpanMeasure>().SelectMany(measure => measure.Attributes)
            .Select(matcher => matcher.Label).Concat(slo.GroupBy.Where(label => label != "service")))
        .Distinct(StringComparer.Ordinal)];

    /// <summary>Spans that ended in a stretch: the attribute of a span, else that of its resource.</summary>
    public static StoreQuery Query(string tenant, IReadOnlyList<string> attributes, DateTimeOffset from, DateTimeOffset to)
    {
        var parameters = new Dictionary<string, string>(StoredTelemetry.Times(from, to), StringComparer.Ordinal) { ["tenant"] = tenant };
        string columns = "";
        for (int index = 0; index < attributes.Count; index++)
        {
            string name = $"a{index}";
            parameters[name] = attributes[index];
            columns += $", if(mapContains(attributes, {{{name}:String}}), attributes[{{{name}:String}}], resource_attributes[{{{name}:String}}]) AS {name}";
        }
        string join = attributes.Count == 0 ? ""
            : " LEFT JOIN (SELECT id, any(resources.attributes) AS resource_attributes FROM resources GROUP BY id) AS described ON described.id = spans.resource";
        // A span that lasted for more than a day is not looked for.
        return new StoreQuery($$"""
            SELECT toInt64(toUnixTimestamp64Nano(ts) + duration) AS ended, service, name, kind, status_code, toInt64(duration){{columns}} FROM spans{{join}}
            WHERE spans.tenant = {tenant:String} AND ts > fromUnixTimestamp64Milli({start:Int64}) - INTERVAL 1 DAY AND ts <= fromUnixTimestamp64Milli({end:Int64})
            AND ended > {start:Int64} * 1000000 AND ended <= {end:Int64} * 1000000 ORDER BY ended
            """)
        {
            Parameters = parameters,
            Timeout = StoredTelemetry.Patience,
        };
    }

    public override void Show(Range rows, ReplayedBacktest to)
    {
        for (int row = rows.Start.Value; row < rows.End.Value; row++)
        {
            (ResultBlock block, int at) = _rows[row];
            var view = new SpanView
            {
                Tenant = _tenant,
                Service = block.Text(1).String(at),
                Name = block.Text(2).Bytes(at),
                Kind = block.Values<byte>(3)[at],
                StatusCode = block.Values<byte>(4)[at],
                DurationNanos = block.Values<long>(5)[at],
                Attributes = new Attributes(block, _attributes),
                Row = at,
            };
            to.Backtest.Ledger.Observe(view, Times[row]);
        }
    }

    /// <summary>What the query found is the span's own attribute or, where that has none, its resource's.</summary>
    private sealed class Attributes(ResultBlock block, IReadOnlyList<string> names) : IRecordAttributes
    {
        public bool TryGetOwn(int row, ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value)
        {
            for (int index = 0; index < names.Count; index++)
            {
                if (Ascii.Equals(key, names[index]) || key.SequenceEqual(Encoding.UTF8.GetBytes(names[index])))
                {
                    value = block.Text(FirstAttribute + index).Bytes(row);
                    return true;
                }
            }
            value = default;
            return false;
        }

        public bool TryGetOfResource(int row, string key, out string value)
        {
            value = "";
            return false;
        }
    }
}
