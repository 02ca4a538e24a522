using SloEngine.Collector.Ingest;
using SloEngine.Collector.Limits;
using SloEngine.Collector.Pipelines;
using SloEngine.Collector.Tests.Ingest;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Tests.Building;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Collector.Tests.Pipelines;

/// <summary>Requests whose resources name their tenants.</summary>
public sealed class TenantAttributeTests
{
    private static readonly CollectorOptions ByAttribute = new() { TenantAttribute = "tenant.id" };

    [Fact]
    public async Task Each_resource_goes_to_the_tenant_that_it_names_and_the_others_to_the_requests()
    {
        await using var rig = new IngestRig(ByAttribute);
        await rig.StartAsync();

        DecodeResult result = await rig.SendAsync(Signal.Metrics, Resources("acme", "other", null, "acme"), "sender");

        Assert.Equal((4, 0), (result.Accepted, result.Rejected));
        Assert.Equal(["acme", "acme", "other", "sender"], rig.Taps.Series.Where(series => series.Metric == "up_seconds").Select(series => series.Tenant).Order());
    }

    [Fact]
    public async Task A_replay_gives_each_row_the_tenant_it_had()
    {
        await using var rig = new IngestRig(ByAttribute);
        rig.Store.Before = _ => throw RecordingStore.Away;
        await rig.StartAsync();
        await rig.SendAsync(Signal.Metrics, Resources("acme", null), "sender");
        await rig.StopAsync();

        rig.Store.Before = _ => Task.CompletedTask;
        await rig.StartAsync();

        Assert.Equal(["acme", "sender"], rig.ReplayTaps!.Series.Where(series => series.Metric == "up_seconds").Select(series => series.Tenant).Order());
        Assert.Equal(2, rig.ReplayTaps.Numbers.Count(point => point.Metric == "up_seconds"));
    }

    [Fact]
    public async Task Limits_are_those_of_the_tenant_that_is_named_and_a_refusal_keeps_nothing()
    {
        await using var rig = new IngestRig(ByAttribute with
        {
            Tenants = new Dictionary<string, TenantLimits> { ["small"] = new() { MaxActiveSeries = 1 }, ["slow"] = new() { BytesPerSecond = 1, BurstBytes = 1 } },
        });
        await rig.StartAsync();

        DecodeResult result = await rig.SendAsync(Signal.Metrics, Resources("small", "small", "large", "large"), "sender");
        await rig.SendAsync(Signal.Metrics, Resources("slow"), "sender");
        IngestUnavailableException refused = await Assert.ThrowsAsync<IngestUnavailableException>(
            () => rig.SendAsync(Signal.Metrics, Resources("large", "slow"), "sender"));

        Assert.Equal((3, 1), (result.Accepted, result.Rejected));
        Assert.Contains("tenant slow is over its limit", refused.Message, StringComparison.Ordinal);
        Assert.Equal(4, rig.Taps.Numbers.Count(point => point.Metric == "up_seconds"));
    }

    [Fact]
    public async Task A_tenant_pays_nothing_for_a_request_that_is_refused_because_of_another()
    {
        var slow = new TenantLimits { BytesPerSecond = 1, BurstBytes = 1 };
        await using var rig = new IngestRig(ByAttribute with { Tenants = new Dictionary<string, TenantLimits> { ["paid"] = slow, ["unpaid"] = slow } });
        await rig.StartAsync();
        await rig.SendAsync(Signal.Metrics, Resources("unpaid"), "sender");

        IngestUnavailableException refused = await Assert.ThrowsAsync<IngestUnavailableException>(
            () => rig.SendAsync(Signal.Metrics, Resources("paid", "unpaid"), "sender"));
        DecodeResult alone = await rig.SendAsync(Signal.Metrics, Resources("paid"), "sender");

        Assert.Contains("tenant unpaid is over its limit", refused.Message, StringComparison.Ordinal);
        Assert.Equal(1, alone.Accepted);
    }

    [Fact]
    public async Task A_tenant_that_the_sender_may_not_write_for_refuses_the_request_and_so_does_a_name_that_none_can_have()
    {
        await using var rig = new IngestRig(ByAttribute);
        await rig.StartAsync();

        await Assert.ThrowsAsync<TenantForbiddenException>(
            async () => await rig.Ingest.IngestAsync(Signal.Metrics, "own", Resources("own", "foreign"), tenant => tenant == "own", default));
        OtlpFormatException wrong = await Assert.ThrowsAsync<OtlpFormatException>(() => rig.SendAsync(Signal.Metrics, Resources("a/b"), "own"));

        Assert.Contains("tenant.id is no valid tenant name", wrong.Message, StringComparison.Ordinal);
        Assert.Empty(rig.Taps.Numbers);
    }

    /// <summary>A resource with one gauge for each tenant.</summary>
    private static byte[] Resources(params string?[] tenants) => Encode(request =>
    {
        for (int index = 0; index < tenants.Length; index++)
        {
            string? tenant = tenants[index];
            string instance = $"{index}";
            request.Message(1, resource =>
            {
                resource.Message(1, attributes =>
                {
                    attributes.Attribute(1, "service.name", "shop");
                    attributes.Attribute(1, "service.instance.id", instance);
                    if (tenant is not null)
                    {
                        attributes.Attribute(1, "tenant.id", tenant);
                    }
                });
                resource.Message(2, scope => scope.Message(2, Gauge("up", Number(1))));
            });
        }
    });
}
