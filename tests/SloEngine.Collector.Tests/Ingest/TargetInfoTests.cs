using SloEngine.Collector.Ingest;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Tests.Building;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Collector.Tests.Ingest;

/// <summary><c>target_info</c> (compatibility specification, "Resource Attributes") beside the points of its resource.</summary>
public sealed class TargetInfoTests
{
    [Fact]
    public async Task Target_info_comes_with_every_kind_of_point_once_a_while()
    {
        await using var rig = new IngestRig();
        await rig.StartAsync();

        await rig.SendAsync(Signal.Metrics, OnHost("a", OtlpBuilder.Histogram("latency", Buckets([1], 1, 2))));
        await rig.SendAsync(Signal.Metrics, OnHost("a", OtlpBuilder.Histogram("latency", Buckets([1], 1, 2))));
        await rig.Store.HoldsAsync("histograms", 2);
        await rig.Store.HoldsAsync("samples", 1);
    }

    [Fact]
    public async Task Target_info_recovers_from_a_point_of_a_clock_far_ahead()
    {
        await using var rig = new IngestRig(new CollectorOptions { MaxFuture = null });
        await rig.StartAsync();

        await rig.SendAsync(Signal.Metrics, OnHost("a", Gauge("load", At(Time + 1_000_000_000_000_000_000))));
        await rig.Store.HoldsAsync("samples", 2);
        await rig.SendAsync(Signal.Metrics, OnHost("a", Gauge("load", At(Time))));

        // Each of the two points has one of target_info beside it.
        await rig.Store.HoldsAsync("samples", 4);
    }

    [Fact]
    public async Task Target_info_follows_a_resource_whose_series_stay_the_same()
    {
        await using var rig = new IngestRig();
        await rig.StartAsync();

        await rig.SendAsync(Signal.Metrics, OnHost("a", Gauge("load", At(Time))));
        await rig.Store.HoldsAsync("samples", 2);
        await rig.SendAsync(Signal.Metrics, OnHost("b", Gauge("load", At(Time))));
        await rig.Store.HoldsAsync("samples", 4);

        Assert.Single(rig.Taps.Series, series => series.Metric == "load_seconds");
    }

    /// <summary>A request of a service on a host, which is no label of its series.</summary>
    private static byte[] OnHost(string host, Action<ProtobufWriter> metric) => Encode(request => request.Message(1, resource =>
    {
        resource.Message(1, attributes =>
        {
            attributes.Attribute(1, "service.name", "shop");
            attributes.Attribute(1, "host.id", host);
        });
        resource.Message(2, scope => scope.Message(2, metric));
    }));
}
