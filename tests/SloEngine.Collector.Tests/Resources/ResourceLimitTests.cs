using System.Globalization;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Limits;
using SloEngine.Collector.Resources;
using SloEngine.Collector.Series;
using SloEngine.Collector.Tests.Ingest;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Tests.Building;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Collector.Tests.Resources;

/// <summary>What a tenant can make of resources: each costs what was sent of it, and there are so many at most.</summary>
[Collection(MemoryCollection.Name)]
public sealed class ResourceLimitTests
{
    private const int Large = 1_000_000;
    private const int Many = 5_000;

    private static readonly CollectorOptions NoLimits = new()
    {
        Limits = new TenantLimits { MaxActiveResources = int.MaxValue, MaxActiveSeries = int.MaxValue, MaxLabelValueLength = int.MaxValue },
    };

    [Fact]
    public void A_large_resource_is_decoded_once_however_many_scopes_it_has()
    {
        using var block = new LogBlock();
        var decoder = new LogsDecoder(new TenantResources("default", new ResourceIndex(NoLimits, TimeProvider.System)), 7, TimeProvider.System);
        byte[] request = Encode(logs => logs.Message(1, resource =>
        {
            resource.Message(1, attributes => attributes.Attribute(1, "text", new string('x', Large)));
            for (int scope = 0; scope < Many; scope++)
            {
                Scope(resource, scope);
            }
        }));

        DecodeResult result = Allocating(64, () => decoder.Decode(request, block));

        Assert.Equal((Many, 0), (result.Accepted, result.Rejected));
        Assert.Equal(Many, block.Resources.Values.ToArray().Distinct().Count());
    }

    [Fact]
    public void A_large_resource_is_decoded_once_however_many_series_it_has()
    {
        using var block = new MetricBlock();
        var series = new TenantSeries("default", new SeriesIndex(NoLimits, new RecordingTaps(new RecordingStore()) { ListensToSeries = false }, TimeProvider.System));
        byte[] request = Encode(metrics => metrics.Message(1, resource =>
        {
            resource.Message(1, attributes => attributes.Attribute(1, "text", new string('x', Large)));
            resource.Message(2, scope => scope.Message(2, Gauge("load", [.. Enumerable.Range(0, Many).Select(point => Number(1, "/" + point))])));
        }));

        DecodeResult result = Allocating(64, () => new MetricsDecoder(series, 7).Decode(request, block));

        Assert.Equal((Many, 0), (result.Accepted, result.Rejected));
    }

    [Fact]
    public void What_a_metric_says_once_is_not_kept_at_length_for_each_of_its_series()
    {
        using var block = new MetricBlock();
        var series = new TenantSeries(
            "default", new SeriesIndex(new CollectorOptions(), new RecordingTaps(new RecordingStore()) { ListensToSeries = false }, TimeProvider.System));
        byte[] request = Encode(metrics => metrics.Message(1, resource => resource.Message(2, scope => scope.Message(2, metric =>
        {
            metric.Text(2, new string('x', Large));
            Gauge("load", [.. Enumerable.Range(0, Many).Select(point => Number(1, "/" + point))])(metric);
        }))));

        DecodeResult result = Allocating(64, () => new MetricsDecoder(series, 7).Decode(request, block));

        Assert.Equal((Many, 0), (result.Accepted, result.Rejected));
    }

    [Theory]
    [InlineData("the metric name has 1000000 bytes; the limit is 2048")]
    [InlineData("the scope has 1000004 bytes; the limit is 16384")]
    public void A_long_name_or_scope_rejects_the_points_and_costs_nothing_for_each(string reason)
    {
        using var block = new MetricBlock();
        var series = new TenantSeries("default", new SeriesIndex(new CollectorOptions(), new RecordingTaps(new RecordingStore()), TimeProvider.System));
        string text = new('x', Large);
        bool isName = reason.Contains("name", StringComparison.Ordinal);
        byte[] request = Encode(metrics => metrics.Message(1, resource => resource.Message(2, scope =>
        {
            scope.Message(1, instrumentation => instrumentation.Text(1, isName ? "scope" : text));
            scope.Message(2, Gauge(isName ? text : "load", [.. Enumerable.Range(0, Many).Select(point => Number(1, "/" + point))]));
        })));

        DecodeResult result = Allocating(64, () => new MetricsDecoder(series, 7).Decode(request, block));

        Assert.Equal((0, Many), (result.Accepted, result.Rejected));
        Assert.Contains(reason, result.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Items_of_resources_beyond_the_limit_are_rejected_by_its_name_and_those_of_known_ones_and_of_others_go_on()
    {
        await using var rig = new IngestRig(Limited(2));
        await rig.StartAsync();

        DecodeResult first = await rig.SendAsync(Signal.Logs, Logs("a", "b", "c"), "small");
        DecodeResult again = await rig.SendAsync(Signal.Logs, Logs("b", "c", "a"), "small");
        DecodeResult other = await rig.SendAsync(Signal.Logs, Logs("a", "b", "c"));

        Assert.Equal((2, 1), (first.Accepted, first.Rejected));
        Assert.Contains(
            "resource_logs[2].scope_logs[0].log_records[0]: tenant small has reached its limit of 2 active resources (max_active_resources", first.ErrorMessage, StringComparison.Ordinal);
        Assert.Equal((2, 1), (again.Accepted, again.Rejected));
        Assert.Equal((3, 0), (other.Accepted, other.Rejected));
        await rig.Store.HoldsAsync("logs", 7);
        Assert.Equal(5, rig.Store.Rows("resources"));
    }

    [Fact]
    public async Task Many_scopes_of_a_large_resource_are_bounded_by_their_bytes_which_the_store_would_have_to_hold()
    {
        await using var rig = new IngestRig(Limited(1000));
        await rig.StartAsync();
        byte[] request = Encode(logs => logs.Message(1, resource =>
        {
            resource.Message(1, attributes => attributes.Attribute(1, "text", new string('x', 100_000)));
            for (int scope = 0; scope < Many; scope++)
            {
                Scope(resource, scope);
            }
        }));

        DecodeResult result = await rig.SendAsync(Signal.Logs, request, "small");

        Assert.Equal(1_024_000 / 100_000, result.Accepted);
        Assert.Equal(Many - result.Accepted, result.Rejected);
        Assert.Contains("the 1024000 bytes that tenant small may have in all", result.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Endless_resources_cost_as_much_memory_as_the_limit_lets_in()
    {
        const int Limit = 1_000;
        await using var rig = new IngestRig(Limited(Limit));
        await rig.StartAsync();
        int accepted = 0;
        long atLimit = 0;
        for (int request = 0; request < 100; request++)
        {
            accepted += (await rig.SendAsync(Signal.Logs, Logs([.. Enumerable.Range(request * 1000, 1000).Select(pod => "pod-" + pod)]), "small")).Accepted;
            atLimit = request == 10 ? GC.GetTotalMemory(forceFullCollection: true) : atLimit;
        }
        long grown = GC.GetTotalMemory(forceFullCollection: true) - atLimit;

        Assert.Equal(Limit, accepted);
        Assert.InRange(grown, long.MinValue, 8 << 20);
        Assert.Equal((Limit, 99 * 1000), rig.Ingest.Resources.Usages().Where(tenant => tenant.Tenant == "small").Select(tenant => (tenant.Usage.Active, (int)tenant.Usage.Rejected)).Single());
    }

    private static CollectorOptions Limited(int resources) => new()
    {
        Tenants = new Dictionary<string, TenantLimits> { ["small"] = new() { MaxActiveResources = resources } },
    };

    private static byte[] Logs(params string[] services) => Encode(logs =>
    {
        foreach (string service in services)
        {
            logs.Message(1, resource =>
            {
                resource.Message(1, attributes => attributes.Attribute(1, "service.name", service));
                Scope(resource, 0);
                resource.Message(2, scope => scope.Message(1, empty => empty.Text(1, "a scope without records")));
            });
        }
    });

    private static void Scope(ProtobufWriter resource, int number) => resource.Message(2, scope =>
    {
        scope.Message(1, instrumentation => instrumentation.Text(1, number.ToString(CultureInfo.InvariantCulture)));
        scope.Message(2, record => record.Fixed64(1, Time));
    });

    /// <summary>Allocates less than so many MiB: far less than a copy of the large part for each item would take.</summary>
    private static DecodeResult Allocating(int mebibytes, Func<DecodeResult> decode)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        DecodeResult result = decode();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, mebibytes << 20);
        return result;
    }
}
