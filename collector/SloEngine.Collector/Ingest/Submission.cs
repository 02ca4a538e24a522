using SloEngine.Collector.Gateway;
using SloEngine.Otlp.Metrics;

namespace SloEngine.Collector.Ingest;

/// <summary>A decoded request on its way into the log and from there into a batch.</summary>
/// <param name="kind">What it is.</param>
/// <param name="tenant">Owner.</param>
/// <param name="arrivalNanos">When it came, in Unix nanoseconds.</param>
/// <param name="request">The request's bytes, which stay as they are until it is logged.</param>
/// <param name="block">Its columns.</param>
/// <param name="rows">Rows in them.</param>
/// <param name="release">Takes the columns back once they are gathered.</param>
internal sealed class Submission(
    RequestKind kind, string tenant, long arrivalNanos, RequestBytes request, IDisposable block, int rows, Action<IDisposable> release)
    : LogEntry(request.Logged)
{
    private readonly RequestPacking _packing = request.Packing;

    public RequestKind Kind { get; } = kind;

    public string Tenant { get; } = tenant;

    public long ArrivalNanos { get; } = arrivalNanos;

    public IDisposable Block { get; } = block;

    public int Rows { get; } = rows;

    /// <summary>What its columns take in memory, about: the attributes of a point are left behind, those of spans and logs are not.</summary>
    public long ColumnBytes { get; } = block is MetricBlock metrics ? metrics.Bytes : request.Plain.Length;

    /// <summary>Generation of the lease on the references in its columns.</summary>
    public int Lease { get; init; }

    /// <summary>Where a gateway's log ends behind it; null for what came from elsewhere.</summary>
    public ForwardMark? Forwarded { get; init; }

    /// <summary>Which of its items were rejected; empty when none was.</summary>
    public ReadOnlyMemory<byte> RejectedItems { get; init; }

    public override int MaxHeadBytes => LogRecord.MaxHeadBytes + RejectedItems.Length;

    public override int WriteHead(Span<byte> head) => LogRecord.WriteHead(head, Kind, ArrivalNanos, Tenant, _packing, Forwarded, RejectedItems.Span);

    public override void Refuse(IngestUnavailableException why)
    {
        release(Block);
        base.Refuse(why);
    }

    public void Release() => release(Block);
}
