using FsCheck;
using FsCheck.Fluent;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Export;
using SloEngine.Slo.Expressions;
using SloEngine.Slo.Files;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Slo.Tests;

/// <summary>SloEngine's own files: what is written reads back as the same SLOs.</summary>
public sealed class NativeFileTests
{
    private static readonly string[] Zones = ["Europe/Berlin", "America/St_Johns", "UTC"];
    private static readonly string[] Texts = ["web", "a: b", "- x", "#c", "line 1\nline 2", "it's \"quoted\"", "0x10", "1e3", "on", "{a}", "ünï", "2026-01-01", "trailing ", "% @ ` |"];

    public static TheoryData<string> Files() => OpenSloWriterTests.Files();

    [Theory]
    [MemberData(nameof(Files))]
    public void SLOs_of_other_formats_read_back(string file)
    {
        if (file.Length > 0)
        {
            AssertReadsBack(Read(file, File.ReadAllText(Conformance.Find(file)!)));
        }
    }

    [Fact]
    public void Whatever_the_model_can_say_reads_back() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll(Arb.From(Slos()), slo => AssertReadsBack([slo])));

    [Fact]
    public void A_file_by_hand_says_what_it_means()
    {
        ServiceLevelObjective slo = Assert.Single(Read("checkout.yaml", """
            apiVersion: sloengine/v1
            kind: SLO
            metadata: {name: checkout, displayName: Checkout, labels: {team: shop}}
            spec:
              description: Checkouts go through, and fast.
              service: shop
              runbook: https://runbooks.example.com/checkout
              window: {calendar: 1M, start: 2026-01-01, timeZone: Europe/Berlin}
              budgetingMethod: Timeslices
              lateness: 2h
              groupBy: [tenant]
              maxGroups: 50
              minimumEvents: 100
              minimumFailures: 3
              coverageFloor: 0.9
              trafficAware: true
              exclusions:
              - {cron: "0 3 * * SUN", timeZone: Europe/Berlin, duration: 2h, reason: backups}
              alerts:
              - {name: fast, severity: page, long: 1h, short: 5m, budgetShare: 2%, for: 1m, pausesReleases: true}
              - {name: slow, severity: ticket, long: 3d, exhaustion: 15d}
              objectives:
              - name: success
                target: 99.9%
                slice: 5m
                sliceTarget: 0.95
                indicator: {bad: 'sum(rate(checkouts_total{code=~"5.."}[5m]))', total: 'sum(rate(checkouts_total[5m]))'}
              - name: fast
                target: 0.99
                sliceTarget: 90%
                indicator:
                  good: {signal: spans, service: shop, name: checkout, maxDurationMs: 300}
                  total: {signal: spans, service: shop, name: checkout}
                alerts: []
            """));

        Assert.Equal(("checkout", "Checkout", "shop", "https://runbooks.example.com/checkout"), (slo.Id, slo.DisplayName, slo.Service, slo.Runbook));
        Assert.Equal(new CalendarWindow(CalendarUnit.Month, 1, new DateTime(2026, 1, 1), TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin")), slo.BudgetWindow);
        Assert.Equal((BudgetingMethod.Timeslices, TimeSpan.FromHours(2), 50, 100, 3, 0.9, true), (slo.Method, slo.Lateness, slo.MaxGroups, slo.MinimumEvents, slo.MinimumFailures, slo.CoverageFloor, slo.IsTrafficAware));
        Assert.Equal(["tenant"], slo.GroupBy);
        Assert.Equal("backups", Assert.Single(slo.Exclusions).Reason);
        ServiceLevelObjective[] each = [.. slo.Each()];
        Assert.Equal(["checkout/success", "checkout/fast"], each.Select(one => one.Id));
        Assert.Equal([0.999, 0.99], each.Select(one => one.Objective));
        Assert.Equal([0.95, 0.9], each.Select(one => one.Objectives[0].SliceTarget));
        Assert.Equal(["increase of checkouts_total{code=~\"5..\"}", "spans {service=shop, name=checkout, duration<=00:00:00.3000000}"], each.Select(one => one.Indicator.Part.Describe()));
        Assert.Empty(each[1].Policies);
        // A month has 31 days and an hour at most: 2 % of its budget within an hour, and a budget that lasts 15 days.
        Assert.Equal([14.9, 745 / 360d], each[0].Policies.Select(policy => policy.Factor), (expected, actual) => Math.Abs(expected - actual) < 1e-9);
        Assert.Equal([(TimeSpan.FromMinutes(5), true), (TimeSpan.FromHours(6), false)], each[0].Policies.Select(policy => (policy.Short, policy.PausesReleases)));
    }

    [Theory]
    [InlineData("kind: SLO", "kind: Slo", 2, "kind is 'Slo', expected SLO, MaintenanceWindow or SliPlugin")]
    [InlineData("  service: web", "  servise: web", 5, "unknown key spec.servise; did you mean service?")]
    [InlineData("{good: a, total: b}", "{good: a}", 6, "spec.indicator has none of total, errorRatio, successRatio, threshold, heartbeat, composite")]
    [InlineData("{good: a, total: b}", "{good: 'sum(', total: b}", 6, "spec.indicator.good: not PromQL")]
    [InlineData("{good: a, total: b}", "{threshold: {query: a, op: eq, value: 1}}", 6, "op is 'eq', expected lte, lt, gte or gt")]
    [InlineData("target: 0.99", "target: 99", 7, "spec.objectives[0].target is 99, expected above 0 and below 1")]
    [InlineData("target: 0.99", "target: 0.99}, {target: 0.9", 7, "spec.objectives[0].name is missing")]
    [InlineData("factor: 14.4", "factor: 144", 9, "spec.alerts[0]: the factor is 144; even a total outage burns at 100")]
    [InlineData("factor: 14.4", "exhaustion: 2d, factor: 3", 9, "spec.alerts[0] is to have one of factor, budgetShare and exhaustion")]
    [InlineData("severity: page", "severity: critical", 9, "spec.alerts[0].severity is 'critical', expected page or ticket")]
    [InlineData("window: 30d", "window: 30m", 10, "spec.window is 30m, expected 1h to 366d")]
    [InlineData("window: 30d", "window: {calendar: 30m, start: 2026-01-01, timeZone: Nowhere}", 10, "spec.window.timeZone is 'Nowhere'")]
    [InlineData("window: 30d", "lateness: 5s", 10, "spec.lateness is 5s, expected at least 1m")]
    public void What_is_wrong_is_told_with_its_line(string right, string wrong, int line, string message)
    {
        string text = """
            apiVersion: sloengine/v1
            kind: SLO
            metadata: {name: web}
            spec:
              service: web
              indicator: {good: a, total: b}
              objectives: [{target: 0.99}]
              alerts:
              - {name: fast, severity: page, long: 1h, factor: 14.4}
              window: 30d
            """;
        Assert.NotEmpty(Read("slo.yaml", text));
        (_, IReadOnlyList<SloFileError> errors) = SloFileReader.Read([("slo.yaml", text.Replace(right, wrong, StringComparison.Ordinal))]);

        SloFileError error = Assert.Single(errors);
        Assert.Equal(("slo.yaml", line), (error.File, error.Line));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    private static Gen<ServiceLevelObjective> Slos() =>
        from texts in Gen.ArrayOf(Gen.Elements(Texts), 5)
        from labels in Gen.Choose(0, 2)
        from runbook in Gen.Elements<string?>(null, "https://runbooks/x?a=b#c")
        from method in Gen.Elements(Enum.GetValues<BudgetingMethod>())
        from window in Windows()
        from count in Gen.Choose(1, 3)
        from indicators in Gen.ArrayOf(Indicators(), count)
        from targets in Gen.ArrayOf(Gen.Choose(1, 99_999), count)
        from slices in Gen.ArrayOf(Gen.Elements<int?>(null, 1, 5, 60), count)
        from policies in Gen.ArrayOf(Policies(), count)
        from exclusions in Gen.ListOf(Exclusions(), 3)
        from isCommon in Gen.Elements(true, false)
        from numbers in Gen.ArrayOf(Gen.Choose(0, 1000), 5)
        from lateness in Gen.Elements<int?>(null, 1, 90, 2880)
        from isWhole in Gen.Elements(true, false)
        select new ServiceLevelObjective
        {
            Id = "slo-1.x_y",
            DisplayName = texts[0],
            Description = texts[1],
            Service = texts[2],
            Labels = Enumerable.Range(0, labels).ToDictionary(index => $"label-{index}", index => texts[3 + index]),
            Runbook = runbook,
            Method = method,
            BudgetWindow = window,
            Indicator = indicators[0],
            Policies = policies[0],
            Objectives = count == 1
                ? [new Objective("", targets[0] / 100_000d, 0.95, Minutes(slices[0]), (1 + numbers[4]) / 10d)]
                : [.. targets.Select((target, index) => new Objective($"objective-{index}", target / 100_000d, 0.001 * (index + 1), Minutes(slices[isWhole ? 0 : index]), isWhole && index < 2 ? (1 + numbers[index]) / 10d : null)
                {
                    Indicator = isCommon ? indicators[0] : indicators[index],
                    Policies = isWhole && isCommon ? null : isCommon ? policies[0] : policies[index],
                })],
            GroupBy = numbers[0] % 2 == 0 ? [] : ["tenant", "http.route"],
            MaxGroups = 1 + numbers[0],
            MinimumEvents = numbers[1],
            MinimumFailures = numbers[2],
            CoverageFloor = numbers[3] / 1000d,
            IsTrafficAware = numbers[4] % 2 == 0,
            Lateness = Minutes(lateness),
            Exclusions = [.. exclusions],
        };

    private static TimeSpan? Minutes(int? minutes) => minutes is { } some ? TimeSpan.FromMinutes(some) : null;

    private static Gen<BudgetWindow> Windows() => Gen.OneOf(
        from hours in Gen.Choose(96, 366 * 24) select (BudgetWindow)new RollingWindow(TimeSpan.FromHours(hours)),
        from unit in Gen.Elements(CalendarUnit.Week, CalendarUnit.Month, CalendarUnit.Quarter, CalendarUnit.Year)
        from minutes in Gen.Choose(0, 1_000_000)
        from zone in Gen.Elements(Zones)
        select (BudgetWindow)new CalendarWindow(unit, 1, new DateTime(2025, 1, 1).AddMinutes(minutes), TimeZoneInfo.FindSystemTimeZoneById(zone)));

    private static Gen<Exclusion> Exclusions() => Gen.OneOf(
        from start in Gen.Choose(0, 1_000_000)
        from length in Gen.Choose(1, 10_000)
        from reason in Gen.Elements(Texts)
        let begin = new DateTimeOffset(2025, 1, 1, 0, 0, 0, TimeSpan.Zero).AddMinutes(start)
        select (Exclusion)new OneOffExclusion(begin, begin.AddMinutes(length)) { Reason = reason },
        from unit in Gen.Elements(Enum.GetValues<CalendarUnit>())
        from minutes in Gen.Choose(0, 1_000_000)
        from length in Gen.Choose(1, 7 * 1440)
        from zone in Gen.Elements(Zones)
        select (Exclusion)new RecurringExclusion(
            new CalendarWindow(unit, 1, new DateTime(2025, 1, 1).AddMinutes(minutes), TimeZoneInfo.FindSystemTimeZoneById(zone)), TimeSpan.FromMinutes(length)),
        from cron in Gen.Elements("0 3 * * SUN", "*/5 0-4,22 1-7 JAN,JUL *", "30 22 * * 1-5")
        from length in Gen.Choose(1, 7 * 1440)
        from zone in Gen.Elements(Zones)
        select (Exclusion)new ScheduledExclusion(CronSchedule.Parse(cron), TimeZoneInfo.FindSystemTimeZoneById(zone), TimeSpan.FromMinutes(length)));

    private static Gen<IReadOnlyList<BurnPolicy>> Policies() =>
        from policies in Gen.ListOf(
            from name in Gen.Elements(Texts)
            from severity in Gen.Elements(Severity.Page, Severity.Ticket)
            from longMinutes in Gen.Choose(2, 72 * 60)
            from shortSeconds in Gen.Choose(20, 119)
            from factor in Gen.Choose(1, 1000)
            from hold in Gen.Choose(0, 2)
            from pauses in Gen.Elements(true, false)
            select new BurnPolicy(name, severity, TimeSpan.FromMinutes(longMinutes), TimeSpan.FromSeconds(shortSeconds), factor / 1000d, TimeSpan.FromMinutes(hold)) { PausesReleases = pauses }, 3)
        select (IReadOnlyList<BurnPolicy>)[.. policies];

    private static Gen<Indicator> Indicators() => Gen.OneOf(
        from part in Gen.Elements(
            "sum(rate(requests_total{code!~\"5..\",path=\"/a\\\"b\"}[{{.window}}]))", "latency_seconds_bucket{le=\"0.3\"}", "sum(rate(weird[10m])) * 2", "count_over_time(up[5m])", "a or b")
        from total in Gen.Elements("sum(rate(requests_total[{{.window}}]))", "latency_seconds_count", "sum by (x) (rate(weird[10m]))", "up")
        from isBad in Gen.Elements(true, false)
        from own in Gen.Elements(true, false)
        let indicator = IndicatorCompiler.Events(WindowedQuery.Parse(part), WindowedQuery.Parse(total), isBad)
        select own ? indicator with { ErrorRatio = WindowedQuery.Parse("1 - sum(x) / sum(y)") } : indicator,
        from ratio in Gen.Elements("1 - avg(up)", "sum(rate(a[{{.window}}])) / sum(rate(b[{{.window}}]))", "avg_over_time(x[5m])", "1 - rate(a[5m]) / rate(b[5m])")
        from isBad in Gen.Elements(true, false)
        select IndicatorCompiler.Raw(WindowedQuery.Parse(ratio), isBad),
        from query in Gen.Elements("temperature{room=\"1\"}", "max(queue)\n  by (x)", "(a - b)")
        from op in Gen.Elements("lt", "lte", "gt", "gte")
        from bound in Gen.Elements(0, -1.5, 1e-9, 123456789.123)
        select IndicatorCompiler.Threshold(WindowedQuery.Parse(query), op, bound),
        from service in Gen.Elements<string?>(null, "shop")
        from kind in Gen.Elements<int?>(null, 0, 2, 5)
        from isError in Gen.Elements<bool?>(null, true, false)
        from most in Gen.Elements<int?>(null, 1, 300)
        from isBad in Gen.Elements(true, false)
        let all = new SpanMeasure(service, null, kind, null, null, [new Matcher("http.route", "=", "/a: b")])
        select new Indicator("spans", all with { IsError = isError, MaxDuration = most is { } ms ? TimeSpan.FromMilliseconds(ms) : null, MinDuration = TimeSpan.FromMilliseconds(0.5) }, all, isBad),
        from weight in Gen.Elements(1, 0.25, 7)
        let composite = new CompositeMeasure([new CompositeMember("a", weight), new CompositeMember("b", 1)])
        select new Indicator("composite", composite, composite, PartIsBad: false),
        from isBad in Gen.Elements(true, false)
        select new Indicator("foreign", new ForeignMeasure("Datadog", "sum:errors{*}"), new ForeignMeasure("Datadog", "sum:all{*}"), isBad));

    private static void AssertReadsBack(IReadOnlyList<ServiceLevelObjective> slos) =>
        Assert.Equal(slos.Select(Describe), Read("native.yaml", NativeSloWriter.Write(slos)).Select(Describe));

    private static string Describe(ServiceLevelObjective slo) => string.Join(
        "\n", slo.Id, slo.DisplayName, slo.Description, slo.Service, slo.Runbook, string.Join(",", slo.Labels.OrderBy(label => label.Key, StringComparer.Ordinal)), slo.Method, slo.BudgetWindow,
        string.Join(",", slo.GroupBy), slo.MaxGroups, slo.MinimumEvents, slo.MinimumFailures, slo.CoverageFloor, slo.IsTrafficAware, slo.Lateness, string.Join(",", slo.Exclusions),
        string.Join("\n", slo.Each().Select(one => string.Join(
            "\n", one.Id, one.Objective.ToString("R"), one.Objectives[0].TimesliceTarget, one.Objectives[0].TimesliceWindow, one.Objectives[0].Weight, one.LedgerKey, one.Indicator.Kind,
            one.Indicator.PartIsBad, one.Indicator.Part.Describe(), one.Indicator.Total.Describe(), one.Indicator.ErrorRatio?.Text, string.Join("\n", one.Policies)))));

    private static IReadOnlyList<ServiceLevelObjective> Read(string name, string text)
    {
        (IReadOnlyList<ServiceLevelObjective> slos, IReadOnlyList<SloFileError> errors) = SloFileReader.Read([(name, text)]);
        Assert.Empty(errors);
        Assert.NotEmpty(slos);
        return slos;
    }
}
