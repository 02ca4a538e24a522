using SloEngine.PromQL.Syntax;
using SloEngine.Slo.Expressions;
using SloEngine.Slo.Files;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Slo.Tests;

public sealed class OpenSloReaderTests
{
    private const string Valid = """
        apiVersion: openslo/v1
        kind: SLO
        metadata: {name: web}
        spec:
          service: web
          indicator:
            metadata: {name: web}
            spec:
              ratioMetric:
                good: {metricSource: {spec: {query: 'sum(rate(http_requests_total{code!~"5.."}[5m]))'}}}
                total: {metricSource: {spec: {query: 'sum(rate(http_requests_total[5m]))'}}}
          timeWindow: [{duration: 30d, isRolling: true}]
          budgetingMethod: Occurrences
          objectives: [{targetPercent: 99.9}]
        """;

    [Fact]
    public void A_valid_file_becomes_an_SLO_with_default_policies()
    {
        (IReadOnlyList<ServiceLevelObjective> slos, IReadOnlyList<SloFileError> errors) = SloFileReader.Read([("web.yaml", Valid)]);

        Assert.Empty(errors);
        ServiceLevelObjective slo = Assert.Single(slos);
        Assert.Equal(0.999, slo.Objective, 12);
        Assert.Equal(TimeSpan.FromDays(30), slo.Window);
        Assert.Equal(4, slo.Policies.Count);
        Assert.Equal("increase of http_requests_total{code!~\"5..\"}", slo.Indicator.Part.Describe());
    }

    [Theory]
    [InlineData("targetPercent: 99.9", "targetPercent: 100", "expected above 0 and below 100")]
    [InlineData("Occurrences", "Timeslices", "timeSliceTarget is missing")]
    [InlineData("Occurrences", "Occurences", "expected Occurrences")]
    [InlineData("30d", "soon", "expected a duration")]
    [InlineData("30d", "99999999999999999d", "expected a duration")]
    [InlineData("isRolling: true", "isRolling: false", "isRolling: true")]
    [InlineData("http_requests_total[5m]", "http_requests_total offset 5m [5m]", "not PromQL")]
    [InlineData("code!~\"5..\"", "code!~\"5(\"", "not PromQL")]
    [InlineData("kind: SLO", "kind: SLA", "expected one of SLO")]
    [InlineData("service: web", "servce: web", "spec.service is missing")]
    [InlineData("  service: web", "  service: web\n  markdown: yes", "unknown key spec.markdown")]
    [InlineData("metadata: {name: web}\nspec", "metadata: {name: web, annotations: {sloengine/lateness: 5s}}\nspec", "sloengine/lateness is 5s, expected at least 1m")]
    public void A_wrong_field_is_refused_with_its_place_and_what_is_expected(string right, string wrong, string expected)
    {
        (IReadOnlyList<ServiceLevelObjective> slos, IReadOnlyList<SloFileError> errors) = SloFileReader.Read([("web.yaml", Valid.Replace(right, wrong, StringComparison.Ordinal))]);

        Assert.Empty(slos);
        SloFileError error = Assert.Single(errors);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.True(error.Line > 0);
    }

    [Fact]
    public void Buckets_and_counts_of_a_histogram_are_recognised()
    {
        MetricMeasure bucket = Compiled("sum(rate(http_server_request_duration_seconds_bucket{le=\"0.25\",job=\"a\"}[5m]))");
        MetricMeasure count = Compiled("increase(http_server_request_duration_seconds_count[1h])");

        Assert.Equal((MetricPart.AtOrBelow, 0.25, "http_server_request_duration_seconds"), (bucket.Part, bucket.Threshold, bucket.Metric));
        Assert.Equal("job", Assert.Single(bucket.Matchers).Label);
        Assert.Equal((MetricPart.Count, "http_server_request_duration_seconds"), (count.Part, count.Metric));
    }

    private static MetricMeasure Compiled(string expression) => Assert.IsType<MetricMeasure>(TapCompiler.Compile(PromQLParser.Parse(expression)));

    [Fact]
    public void Two_SLOs_of_one_name_and_a_missing_reference_are_errors()
    {
        (_, IReadOnlyList<SloFileError> errors) = SloFileReader.Read([("a.yaml", Valid), ("b.yaml", Valid)]);
        Assert.Contains("taken by a.yaml", Assert.Single(errors).Message, StringComparison.Ordinal);

        (_, errors) = SloFileReader.Read([("a.yaml", Valid.Replace("  budgetingMethod", "  alertPolicies: [nope]\n  budgetingMethod", StringComparison.Ordinal))]);
        Assert.Contains("there is no AlertPolicy 'nope'", Assert.Single(errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_SLO_stays_in_use_while_its_file_is_broken_and_goes_with_its_file()
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("sloengine-slos-");
        try
        {
            string file = Path.Combine(directory.FullName, "web.yaml");
            File.WriteAllText(file, Valid);
            var catalog = new SloCatalog(directory.FullName);
            Assert.True(catalog.Reload());
            Assert.False(catalog.Reload());

            File.WriteAllText(file, Valid + "\n  broken: [");
            Assert.True(catalog.Reload());
            Assert.Single(catalog.Errors);
            Assert.Equal("web", Assert.Single(catalog.Slos).Id);

            File.Delete(file);
            Assert.True(catalog.Reload());
            Assert.Empty(catalog.Slos);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
