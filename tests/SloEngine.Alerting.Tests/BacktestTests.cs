using SloEngine.Alerting.Backtests;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Alerting.Tests;

public sealed class BacktestTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly BacktestRange Range = new(Start, Start.AddHours(12), TimeSpan.FromSeconds(10));
    private static readonly Dictionary<string, string> Labels = [];

    [Fact]
    public async Task A_total_outage_pages_when_the_workbook_says_and_the_page_ends_with_the_last_short_window()
    {
        DateTimeOffset outage = Start.AddHours(3);
        using Backtest backtest = await RunAsync(BurnPreset.Workbook, now => now > outage && now <= outage.AddMinutes(10) ? 1 : 0);

        BacktestResult result = backtest.Result([], TimeSpan.Zero);

        BacktestAlert page = Assert.Single(result.Alerts, alert => alert.Severity == "page");
        Assert.Equal("fast-burn", page.Policy.Name);
        // 14.4 x 0.1 % of an hour are 51.84 s of an outage; evaluated every 10 s.
        Assert.Equal(outage.AddSeconds(60), page.Start);
        // The page over 6 h holds as well: until less than 6 x 0.1 % of its short window of 30 minutes are bad; then 10 s until it is over.
        Assert.InRange((page.End!.Value - outage.AddMinutes(40)).TotalSeconds, 0, 20);
        Assert.Equal(1, result.Pages);
        Assert.Equal(14, result.PagesPerWeek, 9);
    }

    [Fact]
    public async Task What_the_range_and_its_budget_come_to_is_exact()
    {
        DateTimeOffset outage = Start.AddHours(6);
        using Backtest backtest = await RunAsync(BurnPreset.Workbook, now => now > outage && now <= outage.AddMinutes(1) ? 1 : 0);

        BacktestedSlo slo = Assert.Single(backtest.Result([], TimeSpan.Zero).Slos);

        // 10 requests each of 4,320 steps, of which six failed.
        Assert.Equal(43_200, slo.Total);
        Assert.Equal(43_140, slo.Good);
        Assert.Equal(1, slo.Budget[0].Remaining);
        // A request a second, for 30 days: 2,592 may fail.
        Assert.Equal(1 - (60 / 2592d), slo.Budget[^1].Remaining!.Value, 3);
        Assert.InRange(slo.Budget.Count, 60, 61);
    }

    [Fact]
    public async Task Alerts_within_incidents_tell_of_them_and_others_are_false()
    {
        DateTimeOffset outage = Start.AddHours(3);
        DateTimeOffset other = Start.AddHours(8);
        using Backtest backtest = await RunAsync(
            BurnPreset.Sloth, now => (now > outage && now <= outage.AddMinutes(10)) || (now > other && now <= other.AddMinutes(10)) ? 1 : 0);

        Incident[] incidents =
        [
            new("known", outage, outage.AddMinutes(10), []),
            new("missed", Start.AddHours(5), Start.AddHours(5.5), []),
            new("of another", outage, outage.AddMinutes(10), ["another"]),
            new("later", Range.To, Range.To.AddHours(1), []),
        ];
        BacktestResult result = backtest.Result(incidents, TimeSpan.FromMinutes(5));
        Detection detection = result.Detection!;

        Assert.Equal(["known", "missed", "of another"], detection.Incidents.Select(incident => incident.Name));
        Assert.Equal(60, detection.Incidents[0].PageDelaySeconds);
        Assert.Null(detection.Incidents[1].DelaySeconds);
        Assert.Null(detection.Incidents[2].DelaySeconds);
        Assert.Equal((1, 1), (detection.Paged, detection.FalsePages));
        Assert.Equal(60, detection.MedianPageDelaySeconds);
        Assert.Equal("known", result.Alerts.First(alert => alert.Severity == "page").Incident);
        Assert.Null(result.Alerts.Last(alert => alert.Severity == "page").Incident);
    }

    [Fact]
    public async Task Budgets_at_the_start_are_those_of_what_came_before()
    {
        DateTimeOffset outage = Start.AddDays(-2);
        using Backtest backtest = await RunAsync(BurnPreset.Workbook, now => now > outage && now <= outage.AddHours(1) ? 1 : 0);

        BacktestResult result = backtest.Result([], TimeSpan.Zero);

        // An hour out of 30 days is 1.39 budgets of 0.1 %. That of days ago still burns over three days, and only tickets look at those; its page is over.
        Assert.Equal(1 - (1 / 0.72), result.Slos[0].Budget[0].Remaining!.Value, 2);
        Assert.Equal(0, result.Pages);
    }

    [Theory]
    [InlineData("incidents: [{name: a, start: 2026-01-01T10:00:00Z, end: 2026-01-01T09:00:00Z}]", "incidents[0].end is 2026-01-01T09:00:00Z, expected a time after the start")]
    [InlineData("incidents: [{name: a, start: yesterday, end: 2026-01-01T09:00:00Z}]", "incidents[0].start is 'yesterday', expected a time such as")]
    [InlineData("incidents: [{nane: a}]", "unknown key incidents[0].nane; did you mean name?")]
    [InlineData("incident: []", "unknown key incident")]
    public void A_file_of_incidents_that_does_not_read_says_where_and_what(string text, string expected)
    {
        SloFileException wrong = Assert.Throws<SloFileException>(() => Incident.Read("incidents.yaml", text));

        Assert.StartsWith("incidents.yaml:1:", wrong.Message, StringComparison.Ordinal);
        Assert.Contains(expected, wrong.Message, StringComparison.Ordinal);
    }

    /// <summary>Shows ten requests each 10 s, of which a share fails, from a window before the range to its end.</summary>
    private static async Task<Backtest> RunAsync(BurnPreset preset, Func<DateTimeOffset, double> badShare)
    {
        var total = new MetricMeasure("requests", [], MetricPart.Increase);
        var slo = new ServiceLevelObjective
        {
            Id = "checkout",
            DisplayName = "Checkout",
            Service = "shop",
            Objective = 0.999,
            Indicator = new Indicator("ratio", total with { Metric = "failures" }, total, PartIsBad: true),
            Policies = BurnPresets.Of(preset, 0.999, TimeSpan.FromDays(30)),
        };
        Backtest backtest = await Backtest.BeginAsync(preset.ToString(), [slo], Range, TimeSpan.FromMinutes(1), CancellationToken.None);
        SeriesTap requests = Tap("requests");
        SeriesTap failures = Tap("failures");
        (double all, double failed) = (0, 0);
        for (DateTimeOffset now = backtest.Begin; now <= Range.To; now += Range.Step)
        {
            backtest.MoveTo(now);
            using (backtest.Ledger.BeginBatch())
            {
                requests.Number(Nanos(backtest.Begin), Nanos(now), all += 10);
                failures.Number(Nanos(backtest.Begin), Nanos(now), failed += 10 * badShare(now));
            }
            backtest.Evaluate();
        }
        return backtest;

        SeriesTap Tap(string metric) => backtest.Ledger.Bind(new SeriesView(metric, metric, SeriesKind.Counter, false, Labels, [], "shop"))!;
    }

    private static long Nanos(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks * 100;
}
