using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using SloEngine.Collector.Gateway;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Tests.Ingest;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Collector.Tests.Gateway;

/// <summary>What is counted of forwards. The counters are those of the whole process.</summary>
[Collection(MemoryCollection.Name)]
public sealed class ForwardCountTests
{
    [Fact]
    public async Task A_forward_is_counted_once_it_is_kept_and_not_when_the_log_refuses_it()
    {
        await using var rig = new IngestRig(segmentBytes: 2000, maxLogBytes: 8000);
        rig.Store.Before = _ => throw RecordingStore.Away;
        await rig.StartAsync();
        var counted = new ConcurrentDictionary<string, long>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Name == OtlpIngest.MeterName && instrument is Counter<long>)
            {
                self.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, items, _, _) => counted.AddOrUpdate(instrument.Name, items, (_, before) => before + items));
        listener.Start();
        byte[] slice = RichLogs();
        var gateway = Guid.NewGuid();

        long kept = 0;
        await Assert.ThrowsAsync<IngestUnavailableException>(async () =>
        {
            for (; kept < 1000; kept++)
            {
                await rig.Ingest.IngestForwardAsync(
                    new ForwardId(gateway, kept * 10, (kept * 10) + 10),
                    [new ForwardFrame((kept * 10) + 5, RequestKind.Logs, "default", slice), new ForwardFrame((kept * 10) + 10, RequestKind.Logs, "default", new byte[] { 0x0A, 0x05, 0x01 })],
                    default);
            }
        });

        Assert.True(kept > 0);
        Assert.Equal(kept, counted["sloengine.collector.items"]);
        Assert.Equal(kept * slice.Length, counted["sloengine.collector.request_size"]);
        Assert.Equal(kept, counted["sloengine.collector.rejected_items"]);
    }
}
