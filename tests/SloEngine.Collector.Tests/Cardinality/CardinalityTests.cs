using System.Globalization;
using SloEngine.Collector.Cardinality;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Limits;
using SloEngine.Collector.Tests.Ingest;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Tests.Building;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Collector.Tests.Cardinality;

/// <summary>Who has how many series, and why.</summary>
[Collection(MemoryCollection.Name)]
public sealed class CardinalityTests
{
    [Fact]
    public async Task A_tenant_of_endless_label_sets_is_named_with_the_label_and_costs_others_nothing()
    {
        const int Attack = 200_000;
        const int Limit = 10_000;
        await using var rig = new IngestRig(new CollectorOptions { Tenants = new Dictionary<string, TenantLimits> { ["reckless"] = new() { MaxActiveSeries = Limit } } });
        rig.Taps.ListensToSeries = false;
        await rig.StartAsync();
        await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(1, "/a"), Number(2, "/b"))), "careful");
        int accepted = 0;
        long atLimit = 0;

        for (int request = 0; request < Attack / 1000; request++)
        {
            int first = request * 1000;
            accepted += (await rig.SendAsync(Signal.Metrics, Request(Gauge("sessions", [.. Enumerable.Range(first, 1000).Select(Session)])), "reckless")).Accepted;
            atLimit = request == Attack / 10_000 ? GC.GetTotalMemory(forceFullCollection: true) : atLimit;
        }
        long grown = GC.GetTotalMemory(forceFullCollection: true) - atLimit;
        DecodeResult careful = await rig.SendAsync(Signal.Metrics, Request(Gauge("load", Number(3, "/a"), Number(4, "/c"))), "careful");

        Assert.Equal(Limit, accepted);
        Assert.Equal((2, 0), (careful.Accepted, careful.Rejected));
        Assert.InRange(grown, long.MinValue, 16 << 20);
        IReadOnlyList<TenantCardinality> tenants = rig.Ingest.Cardinality.Read(null, 10);
        Assert.Equal(["reckless", "careful"], tenants.Select(tenant => tenant.Tenant));
        Assert.Equal((Limit, Limit, Attack - Limit), (tenants[0].ActiveSeries, tenants[0].SeriesLimit, tenants[0].RejectedSeries.SeriesLimit));
        Assert.Equal(new NamedCount("sessions_seconds", Limit), tenants[0].SeriesCountByMetricName[0]);
        Assert.Equal("session", tenants[0].LabelValueCountByLabelName[0].Name);
        Assert.InRange(tenants[0].LabelValueCountByLabelName[0].Value, Limit * 0.92, Limit * 1.08);
        Assert.Equal((3, new RejectedSeries(0, 0)), (tenants[1].ActiveSeries, tenants[1].RejectedSeries));
        Assert.Equal(new NamedCount("path", 3), tenants[1].LabelValueCountByLabelName[0]);
        Assert.Equal("careful", Assert.Single(rig.Ingest.Cardinality.Read("careful", 10)).Tenant);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(50)]
    [InlineData(5_000)]
    [InlineData(300_000)]
    public void Distinct_values_are_told_within_a_few_percent(int values)
    {
        var count = new DistinctCount();
        for (int value = 0; value < values; value++)
        {
            count.Add(value.ToString(CultureInfo.InvariantCulture));
            count.Add(value.ToString(CultureInfo.InvariantCulture));
        }

        Assert.InRange(count.Value, values * 0.95, values * 1.05);
    }

    private static Action<ProtobufWriter> Session(int id) => point =>
    {
        point.Attribute(7, "session", id.ToString(CultureInfo.InvariantCulture));
        point.Attribute(7, "zone", "a");
        point.Fixed64(3, Time);
        point.Double(4, 1);
    };
}
