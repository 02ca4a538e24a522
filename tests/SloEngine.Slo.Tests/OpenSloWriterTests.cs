using SloEngine.Slo.Export;
using SloEngine.Slo.Files;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Slo.Tests;

public sealed class OpenSloWriterTests
{
    public static TheoryData<string> Files() =>
    [
        .. ((string[])["sloth/examples", "sloth/integration/testdata/validate/good", "pyrra/examples", "pyrra/pairs", "pyrra/spec-parse"])
            .SelectMany(folder => Conformance.Files(folder, "*.y*ml"))
            .Where(file => !file.Contains("_gen", StringComparison.Ordinal) && !file.Contains("expected-", StringComparison.Ordinal) && !file.Contains("windows", StringComparison.Ordinal)
                && !file.EndsWith("/plugin-getting-started.yml", StringComparison.Ordinal))
            .DefaultIfEmpty(""),
    ];

    [Theory]
    [MemberData(nameof(Files))]
    public void What_is_imported_reads_back_as_the_same_SLOs(string file)
    {
        if (file.Length > 0)
        {
            AssertSame(Read(file, File.ReadAllText(Conformance.Find(file)!)));
        }
    }

    [Fact]
    public void Calendars_slices_and_several_objectives_read_back()
    {
        AssertSame(Read("slo.yaml", """
            apiVersion: openslo/v1
            kind: SLO
            metadata:
              name: web
              labels: {tier: "2", team: [a, b]}
              annotations:
                sloengine/group-by: "tenant, region"
                sloengine/max-groups: "7"
                sloengine/minimum-events: "0.5"
                sloengine/minimum-failures: "3"
                sloengine/coverage-floor: "0.9"
                sloengine/traffic-aware: "true"
                sloengine/lateness: 2h
                sloengine/exclusions: '[{from: 2026-01-01T00:00:00Z, to: 2026-01-02T00:00:00Z, reason: "a: b"}, {cron: 0 3 * * SUN, timeZone: Europe/Berlin, duration: 2h}]'
            spec:
              service: web
              indicator:
                metadata: {name: web}
                spec: {thresholdMetric: {metricSource: {spec: {query: 'temperature{room="1\"2"}'}}}}
              timeWindow: [{duration: 1M, isRolling: false, calendar: {startTime: 2026-01-31 06:00:00, timeZone: Europe/Berlin}}]
              budgetingMethod: Timeslices
              objectives:
                - {displayName: warm, op: gte, value: 18.5, target: 0.99, timeSliceTarget: 0.9, timeSliceWindow: 5m}
                - {displayName: not too warm, op: lt, value: 30, target: 0.999, timeSliceTarget: 1, timeSliceWindow: 1h}
              alertPolicies: []
            """));
    }

    [Fact]
    public void Spans_and_composites_read_back() => AssertSame(Read("slo.yaml", """
        apiVersion: sloengine/v1
        kind: SLO
        metadata: {name: spans}
        spec:
          service: web
          indicator: {bad: {signal: spans, service: web, status: error, attributes: {http.route: /}}, total: {signal: spans, service: web, minDurationMs: 1}}
          objectives: [{target: 0.9}]
        ---
        apiVersion: sloengine/v1
        kind: SLO
        metadata: {name: both}
        spec:
          service: web
          indicator: {composite: [{slo: spans, weight: 2}, {slo: other}]}
          objectives: [{target: 0.9}]
        """));

    [Fact]
    public void Objectives_of_a_composite_read_back_with_what_each_measures() => AssertSame(Read("slo.yaml", """
        apiVersion: sloengine/v1
        kind: SLO
        metadata: {name: journey}
        spec:
          service: shop
          objectives:
          - {name: checkout, target: 0.99, weight: 2, indicator: {good: 'checkouts_total{code="200"}', total: checkouts_total}}
          - {name: search, target: 0.9, indicator: {bad: 'searches_total{code="500"}', total: searches_total}}
        """));

    [Fact]
    public void Objectives_that_measure_different_things_and_are_no_composite_are_not_written() =>
        Assert.Contains("give them weights", Assert.Throws<SloExportException>(() => OpenSloWriter.Write(Read("slo.yaml", """
            apiVersion: sloengine/v1
            kind: SLO
            metadata: {name: journey}
            spec:
              service: shop
              objectives:
              - {name: checkout, target: 0.99, indicator: {good: 'checkouts_total{code="200"}', total: checkouts_total}}
              - {name: search, target: 0.9, indicator: {bad: 'searches_total{code="500"}', total: searches_total}}
            """))).Message, StringComparison.Ordinal);

    private static void AssertSame(IReadOnlyList<ServiceLevelObjective> slos)
    {
        IReadOnlyList<ServiceLevelObjective> again = Read("imported.yaml", OpenSloWriter.Write(slos));

        Assert.Equal(slos.SelectMany(Describe), again.SelectMany(Describe));
    }

    private static IEnumerable<string> Describe(ServiceLevelObjective slo) => slo.Each().Select(one => string.Join(
        "\n", one.Id, one.DisplayName, one.Description, one.Service, one.Runbook, one.BudgetWindow, one.Method, string.Join(",", one.GroupBy), one.MaxGroups,
        one.MinimumEvents, one.MinimumFailures, one.CoverageFloor, one.IsTrafficAware, one.Lateness, string.Join(",", one.Exclusions),
        string.Join(",", one.Labels.OrderBy(label => label.Key, StringComparer.Ordinal)), one.Objective.ToString("R"), one.Objectives[0].TimesliceTarget, one.Objectives[0].TimesliceWindow,
        one.Indicator.PartIsBad, one.Indicator.Part.Describe(), one.Indicator.Total.Describe(), one.LedgerKey, string.Join("\n", one.Policies)));

    private static IReadOnlyList<ServiceLevelObjective> Read(string name, string text)
    {
        (IReadOnlyList<ServiceLevelObjective> slos, IReadOnlyList<SloFileError> errors) = SloFileReader.Read([(name, text)]);
        Assert.Empty(errors);
        Assert.NotEmpty(slos);
        return slos;
    }
}
