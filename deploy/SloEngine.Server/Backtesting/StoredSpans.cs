using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Server.Backtesting;

/// <summary>Spans, by the time at which they ended.</summary>
internal sealed class StoredSpans(QueryResult result, string tenant, RecordAttributes attributes) : StoredRecords(result, attributes, FirstAttribute)
{
    /// <summary>Columns before those of the attributes.</summary>
    private const int FirstAttribute = 6;

    /// <summary>Number of the spans of a stretch.</summary>
    public const string Count = "SELECT toInt64(count()) FROM spans";

    /// <summary>Spans that ended in a stretch (from, to].</summary>
    public static StoreQuery Query(string tenant, RecordAttributes attributes, DateTimeOffset from, DateTimeOffset to) => new(
        // A span that lasted for more than a day is not looked for.
        $$"""
        SELECT toInt64(toUnixTimestamp64Nano(ts) + duration) AS ended, service, name, kind, status_code, toInt64(duration){{attributes.Columns}} FROM spans{{attributes.Join}}
        WHERE spans.tenant = {tenant:String} AND ts > fromUnixTimestamp64Milli({start:Int64}) - INTERVAL 1 DAY AND ts <= fromUnixTimestamp64Milli({end:Int64})
        AND ended > {start:Int64} * 1000000 AND ended <= {end:Int64} * 1000000 ORDER BY ended
        """)
    {
        Parameters = attributes.Parameters(tenant, from, to),
        Timeout = StoredTelemetry.Patience,
    };

    protected override void Show(ResultBlock block, int row, IRecordAttributes attributes, long nanos, Ledger ledger)
    {
        var view = new SpanView
        {
            Tenant = tenant,
            Service = block.Text(1).String(row),
            Name = block.Text(2).Bytes(row),
            Kind = block.Values<byte>(3)[row],
            StatusCode = block.Values<byte>(4)[row],
            DurationNanos = block.Values<long>(5)[row],
            Attributes = attributes,
            Row = row,
        };
        ledger.Observe(view, nanos);
    }
}
