using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Server.Backtesting;

/// <summary>Log records.</summary>
internal sealed class StoredLogs(QueryResult result, string tenant, RecordAttributes attributes) : StoredRecords(result, attributes, FirstAttribute)
{
    /// <summary>Columns before those of the attributes.</summary>
    private const int FirstAttribute = 5;

    /// <summary>Number of the records of a stretch; with bodies a longer one is as many as take about as much memory.</summary>
    public static string Count(bool withBodies) => withBodies ? "SELECT toInt64(count() + intDiv(sum(length(body)), 256)) FROM logs" : "SELECT toInt64(count()) FROM logs";

    /// <summary>Whether an SLO looks at bodies, which are most of what a record is.</summary>
    public static bool LooksAtBodies(ServiceLevelObjective slo) =>
        ((Measure[])[slo.Indicator.Part, slo.Indicator.Total]).OfType<LogMeasure>().Any(measure => measure.BodyContains is not null || measure.BodyMatches is not null);

    /// <summary>Records of a stretch (from, to].</summary>
    public static StoreQuery Query(string tenant, RecordAttributes attributes, bool withBodies, DateTimeOffset from, DateTimeOffset to) => new(
        $$"""
        SELECT toUnixTimestamp64Nano(ts) AS nanos, service, severity, {{(withBodies ? "body" : "''")}} AS text, if(event_name != '', event_name, attributes['event.name']) AS event{{attributes.Columns}}
        FROM logs{{attributes.Join}}
        WHERE logs.tenant = {tenant:String} AND ts > fromUnixTimestamp64Milli({start:Int64}) AND ts <= fromUnixTimestamp64Milli({end:Int64}) ORDER BY nanos
        """)
    {
        Parameters = attributes.Parameters(tenant, from, to),
        Timeout = StoredTelemetry.Patience,
    };

    protected override void Show(ResultBlock block, int row, IRecordAttributes attributes, long nanos, Ledger ledger)
    {
        var view = new LogView
        {
            Tenant = tenant,
            Service = block.Text(1).String(row),
            Severity = block.Values<byte>(2)[row],
            Body = block.Text(3).Bytes(row),
            EventName = block.Text(4).Bytes(row),
            Attributes = attributes,
            Row = row,
        };
        ledger.Observe(view, nanos);
    }
}
