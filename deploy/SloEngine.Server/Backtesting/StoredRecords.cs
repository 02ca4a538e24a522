using System.Text;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Storage.Results;

namespace SloEngine.Server.Backtesting;

/// <summary>Spans or log records, by the time at which they count; the columns of their attributes come last.</summary>
internal abstract class StoredRecords : StoredStretch
{
    private readonly (ResultBlock Block, IRecordAttributes Attributes)[] _blocks;

    /// <summary>Row that each block begins with.</summary>
    private readonly int[] _starts;

    protected StoredRecords(QueryResult result, RecordAttributes attributes, int firstAttribute)
        : base(StoredPoints.Column<long>(result, 0))
    {
        _blocks = [.. result.Blocks.Where(block => block.Rows > 0).Select(block => (block, attributes.In(block, firstAttribute)))];
        _starts = new int[_blocks.Length];
        for (int index = 1; index < _starts.Length; index++)
        {
            _starts[index] = _starts[index - 1] + _blocks[index - 1].Block.Rows;
        }
    }

    public override void Show(Range rows, ReplayedBacktest to)
    {
        if (rows.Start.Value == rows.End.Value)
        {
            return;
        }
        int found = Array.BinarySearch(_starts, rows.Start.Value);
        int index = found >= 0 ? found : ~found - 1;
        for (int row = rows.Start.Value; row < rows.End.Value; row++)
        {
            if (index + 1 < _starts.Length && row == _starts[index + 1])
            {
                index++;
            }
            (ResultBlock block, IRecordAttributes attributes) = _blocks[index];
            Show(block, row - _starts[index], attributes, Times[row], to.Backtest.Ledger);
        }
    }

    /// <summary>Shows a record to a ledger.</summary>
    protected abstract void Show(ResultBlock block, int row, IRecordAttributes attributes, long nanos, Ledger ledger);
}

/// <summary>Attributes that SLOs ask records of a table for, each as a column: the record's own or, where that has none, its resource's.</summary>
internal sealed class RecordAttributes
{
    private readonly string _table;
    private readonly string[] _names;
    private readonly byte[][] _keys;

    private RecordAttributes(string table, string[] names) => (_table, _names, _keys) = (table, names, [.. names.Select(Encoding.UTF8.GetBytes)]);

    /// <summary>Those that SLOs on spans look at, or are grouped by; null where there are no such SLOs.</summary>
    public static RecordAttributes? OfSpans(IEnumerable<ServiceLevelObjective> slos) =>
        Of("spans", [.. slos.Where(slo => slo.Indicator.Total is SpanMeasure)], measure => (measure as SpanMeasure)?.Attributes);

    /// <summary>Those that SLOs on log records look at, or are grouped by; null where there are no such SLOs.</summary>
    public static RecordAttributes? OfLogs(IEnumerable<ServiceLevelObjective> slos) =>
        Of("logs", [.. slos.Where(slo => slo.Indicator.Total is LogMeasure)], measure => (measure as LogMeasure)?.Attributes);

    /// <summary>What goes behind the columns of a query.</summary>
    public string Columns => string.Concat(_names.Select((_, index) =>
        $", if(mapContains(attributes, {{a{index}:String}}), attributes[{{a{index}:String}}], resource_attributes[{{a{index}:String}}]) AS a{index}"));

    /// <summary>What goes behind the table's name.</summary>
    public string Join => _names.Length == 0 ? ""
        : $" LEFT JOIN (SELECT id, any(resources.attributes) AS resource_attributes FROM resources GROUP BY id) AS described ON described.id = {_table}.resource";

    /// <summary>The parameters of a query over a stretch of a tenant's records.</summary>
    public Dictionary<string, string> Parameters(string tenant, DateTimeOffset from, DateTimeOffset to)
    {
        Dictionary<string, string> parameters = StoredTelemetry.Times(from, to);
        parameters["tenant"] = tenant;
        for (int index = 0; index < _names.Length; index++)
        {
            parameters[$"a{index}"] = _names[index];
        }
        return parameters;
    }

    /// <summary>The attributes of a block of a result.</summary>
    public IRecordAttributes In(ResultBlock block, int first) => new BlockAttributes(block, first, _keys);

    private static RecordAttributes? Of(string table, ServiceLevelObjective[] slos, Func<Measure, IReadOnlyList<Matcher>?> conditions) => slos.Length == 0 ? null
        : new RecordAttributes(table, [.. slos
            .SelectMany(slo => ((Measure[])[slo.Indicator.Part, slo.Indicator.Total]).SelectMany(measure => conditions(measure) ?? []).Select(matcher => matcher.Label)
                .Concat(slo.GroupBy.Where(label => label != "service")))
            .Distinct(StringComparer.Ordinal)]);

    private sealed class BlockAttributes(ResultBlock block, int first, byte[][] keys) : IRecordAttributes
    {
        public bool TryGetOwn(int row, ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value)
        {
            for (int index = 0; index < keys.Length; index++)
            {
                if (key.SequenceEqual(keys[index]))
                {
                    value = block.Text(first + index).Bytes(row);
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
