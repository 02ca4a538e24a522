using System.Text;
using SloEngine.Alerting.Events;
using SloEngine.Collector.Taps;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Server.Events;

namespace SloEngine.EndToEnd;

/// <summary>What counts as an event in telemetry.</summary>
public sealed class EventWatchTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly EventWatch _watch = new(new VersionBook([], Start), TimeProvider.System);

    [Fact]
    public void A_version_is_deployed_when_it_is_new_or_comes_back_after_an_hour_without_it()
    {
        Run(0, "1.0");
        Run(10, "1.1");
        // Both run while one replaces the other.
        Run(11, "1.0");
        Run(12, "1.1");
        Run(69, "1.1");
        Run(128, "1.1");
        Run(129, "1.0");

        Assert.Equal(
            ["discovery seen for the first time, version 1.0 @0", "deployment 1.1 @10", "deployment 1.0 is back @129"],
            _watch.Take().Select(one => $"{EventTable.Name(one.Kind)} {one.Title["shop ".Length..]} @{(one.Time - Start).TotalMinutes}"));
    }

    [Fact]
    public void A_service_that_was_silent_for_hours_and_goes_on_with_its_version_is_not_deployed()
    {
        Run(0, "1.0");
        Run(300, "1.0");
        // What is no version is none, and is not remembered.
        Run(301, "");
        Run(302, new string('1', 10_000));

        Assert.Equal("shop seen for the first time, version 1.0", Assert.Single(_watch.Take()).Title);
    }

    [Fact]
    public void Which_versions_are_known_is_read_from_events_and_what_is_told_again_has_the_same_id()
    {
        Run(0, "1.0");
        Run(10, "1.1");
        IReadOnlyList<ChangeEvent> told = _watch.Take();
        using var restarted = new EventWatch(new VersionBook(told, Start.AddHours(5)), TimeProvider.System);
        Show(restarted, 301, "1.1");
        Show(restarted, 302, "1.0");
        Assert.Empty(restarted.Take());

        // The process ended before the second event was stored.
        using var forgetful = new EventWatch(new VersionBook([told[0]], Start.AddMinutes(10)), TimeProvider.System);
        Show(forgetful, 11, "1.1");
        Assert.Equal(told[1].Id, Assert.Single(forgetful.Take()).Id);
    }

    [Fact]
    public void A_service_that_sends_nothing_but_metrics_tells_its_version_by_target_info()
    {
        foreach (string version in (string[])["1", "2", "1"])
        {
            _watch.Observe(new SeriesDescriptor(
                1, "acme", "target_info", "target_info", MetricKind.Gauge, Temporality.Unspecified, "", "", [new("job", "shop"), new("service_version", version)], [], 1));
        }

        IReadOnlyList<ChangeEvent> found = _watch.Take();
        Assert.Equal([ChangeKind.Discovery, ChangeKind.Deployment], found.Select(one => one.Kind));
        Assert.All(found, one => Assert.Equal(("acme", "shop"), (one.Tenant, one.Service)));
    }

    [Theory]
    [InlineData("deployment.finished", ChangeKind.Deployment)]
    [InlineData("k8s/rollout", ChangeKind.Deployment)]
    [InlineData("secret.rotation.completed", ChangeKind.Rotation)]
    [InlineData("autoscaler.scaling", ChangeKind.Scaling)]
    [InlineData("App-Config-Changed", ChangeKind.Configuration)]
    [InlineData("admission.policy.updated", ChangeKind.Policy)]
    [InlineData("session.start", null)]
    [InlineData("feature_flag.evaluation", null)]
    [InlineData("redeployments", null)]
    [InlineData("", null)]
    public void Names_of_events_tell_the_kind_of_change(string name, ChangeKind? kind) => Assert.Equal(kind, EventName.Kind(Encoding.UTF8.GetBytes(name)));

    [Theory]
    [InlineData("https://ci.example.com/runs/7", "https://ci.example.com/runs/7")]
    [InlineData("javascript:alert(1)", "")]
    public void Telemetry_makes_no_link_of_anything_but_an_address(string address, string link)
    {
        using LogBlock block = Block(0, name: "");
        block.Attributes.Add("url.full"u8, Encoding.UTF8.GetBytes(address), AttributeType.Text);
        block.Attributes.EndRow();
        block.Resources.Append(0);
        block.TimeNanos.Append(1);
        block.Bodies.Append("done"u8);
        block.EventNames.Append("deployment.finished"u8);
        _watch.Observe(block, new OneResource(Resource(null)));

        Assert.Equal(link, Assert.Single(_watch.Take()).Link);
    }

    [Fact]
    public void Logs_without_events_cost_no_memory_and_of_a_flood_so_many_are_kept()
    {
        using LogBlock plain = Block(1000, name: "");
        var resources = new OneResource(Resource(null));
        _watch.Observe(plain, resources);
        Assert.Equal(0, Allocations.Of(() => _watch.Observe(plain, resources)));
        Assert.Empty(_watch.Take());

        using LogBlock flood = Block(5000, name: "deployment.finished");
        _watch.Observe(flood, resources);
        Assert.Equal(1000, _watch.Take().Count);
    }

    public void Dispose() => _watch.Dispose();

    private void Run(int minute, string version) => Show(_watch, minute, version);

    private static void Show(EventWatch watch, int minute, string version)
    {
        using LogBlock block = Block(3, name: "", Start.AddMinutes(minute));
        watch.Observe(block, new OneResource(Resource(version)));
    }

    private static LogBlock Block(int records, string name, DateTimeOffset time = default)
    {
        var block = new LogBlock();
        for (int record = 0; record < records; record++)
        {
            block.Attributes.Add("http.route"u8, "/cart"u8, AttributeType.Text);
            block.Attributes.EndRow();
            block.Resources.Append(0);
            block.TimeNanos.Append(((time == default ? Start : time) - DateTimeOffset.UnixEpoch).Ticks * 100);
            block.Bodies.Append(Encoding.UTF8.GetBytes($"record {record}"));
            block.EventNames.Append(Encoding.UTF8.GetBytes(name));
        }
        return block;
    }

    private static ResourceDescriptor Resource(string? version) => new(
        1, "default", "shop", version is null ? new Dictionary<string, string>() : new Dictionary<string, string> { ["service.version"] = version });

    private sealed class OneResource(ResourceDescriptor resource) : IResourceLookup
    {
        public ResourceDescriptor this[int reference] => resource;
    }
}
