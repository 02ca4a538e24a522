using SloEngine.Collector.Gateway;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Limits;
using SloEngine.Collector.Pipelines.Tail;
using SloEngine.Collector.Resources;
using SloEngine.Collector.Series;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Collector.Tests.Ingest;

/// <summary>Records of the write-ahead log: what a start after a crash knows of a request.</summary>
public sealed class LogRecordTests
{
    [Theory]
    [InlineData(RequestPacking.None, false, 0)]
    [InlineData(RequestPacking.Gzip, false, 0)]
    [InlineData(RequestPacking.None, true, 0)]
    [InlineData(RequestPacking.None, false, 1)]
    [InlineData(RequestPacking.Snappy, false, 5000)]
    [InlineData(RequestPacking.None, true, 5000)]
    public void A_record_tells_all_that_it_was_written_with(RequestPacking packing, bool isForwarded, int rejected)
    {
        ForwardMark? mark = isForwarded ? new ForwardMark(Guid.Parse("6f9619ff-8b86-d011-b42d-00cf4fc964ff"), 123_456_789_012) : null;
        byte[] items = [.. Enumerable.Range(0, rejected).Select(item => (byte)(item % 128))];
        byte[] payload = new byte[LogRecord.MaxHeadBytes + items.Length];
        int head = LogRecord.WriteHead(payload, RequestKind.RemoteWrite2, 42, "ténant", packing, mark, items);
        byte[] body = [1, 2, 3];
        body.CopyTo(payload, head);

        LogRecord read = LogRecord.Read(payload.AsMemory(0, head + body.Length));

        Assert.Equal((RequestKind.RemoteWrite2, 42, "ténant", packing, mark), (read.Kind, read.ArrivalNanos, read.Tenant, read.Packing, read.Forwarded));
        Assert.Equal(items, read.RejectedItems.ToArray());
        Assert.Equal(body, read.Body.ToArray());
    }

    [Fact]
    public void A_longest_tenant_fits_into_a_head()
    {
        byte[] head = new byte[LogRecord.MaxHeadBytes + 1];
        string tenant = new('t', OtlpIngest.MaxTenantBytes);

        Assert.InRange(LogRecord.WriteHead(head, RequestKind.Logs, 1, tenant, RequestPacking.None, new ForwardMark(Guid.NewGuid(), 1), [1]), 1, head.Length);
    }

    [Fact]
    public void What_was_accepted_is_so_again_beyond_all_limits()
    {
        // A series may have stopped, and others have taken its place, before what lies in the log is read again.
        var options = new CollectorOptions { MaxTotalSeries = 1, Limits = new TenantLimits { MaxActiveSeries = 1, MaxActiveResources = 1, MaxLabels = 1, MaxLabelValueLength = 1 } };
        using var decoder = new LogDecoder(options, new SeriesIndex(options, new SilentTaps(), TimeProvider.System), new ResourceIndex(options, TimeProvider.System), new TenantKeys());
        int points = 0;
        int records = 0;

        decoder.Decode(Record(RequestKind.Metrics, Request(Gauge("load", Number(1, "/long"), Number(2, "/longer"), Number(3, "/longest")))), block => points += ((MetricBlock)block).Numbers.Count);
        decoder.Decode(Record(RequestKind.Logs, RichLogs()), block => records += ((LogBlock)block).Count);
        decoder.Decode(Record(RequestKind.Logs, Encode(request => request.Resource("another", scope => scope.Message(2, record => record.Fixed64(1, Time))))), block => records += ((LogBlock)block).Count);

        Assert.Equal((3, 2), (points, records));
    }

    private static LogRecord Record(RequestKind kind, byte[] request) => new(kind, 1, "default", request);
}
