using System.Text.Json;
using SloEngine.Otlp.Naming;

namespace SloEngine.Otlp.Tests.Naming;

/// <summary>Naming cases of Prometheus' own translator, where a copy of them lies beside the repository; without it these tests have nothing to read.</summary>
public sealed class ConformanceTests
{
    private static readonly string? Root = Find();

    [Fact]
    public void Metric_names_are_those_of_the_published_cases()
    {
        if (Root is null)
        {
            return;
        }
        using JsonDocument cases = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Root, "metric_name_cases.json")));
        int checkedCases = 0;
        foreach (JsonElement one in cases.RootElement.EnumerateArray())
        {
            if (!IsOurs(one.GetProperty("namer")) || !one.TryGetProperty("wantMetricName", out JsonElement expected))
            {
                continue;
            }
            JsonElement metric = one.GetProperty("metric");
            string type = metric.GetProperty("Type").GetString()!;

            string name = PrometheusName.Of(
                metric.GetProperty("Name").GetString()!, metric.GetProperty("Unit").GetString()!,
                isCounter: type == "MetricTypeMonotonicCounter", isGauge: type == "MetricTypeGauge");

            Assert.Equal(expected.GetString(), name);
            checkedCases++;
        }
        Assert.True(checkedCases > 20, $"only {checkedCases} cases were read");
    }

    [Fact]
    public void Label_names_are_those_of_the_published_cases()
    {
        if (Root is null)
        {
            return;
        }
        using JsonDocument cases = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Root, "label_name_cases.json")));
        foreach (JsonElement one in cases.RootElement.GetProperty("labelTestCases").EnumerateArray())
        {
            string expected = one.TryGetProperty("sanitized", out JsonElement sanitized) ? sanitized.GetString()! : "";

            Assert.Equal(expected, PrometheusName.Label(one.GetProperty("label").GetString()!));
        }
    }

    /// <summary>Underscores for what is not allowed, unit and type suffixes, no namespace: what this collector does.</summary>
    private static bool IsOurs(JsonElement namer) =>
        namer.TryGetProperty("UTF8Allowed", out JsonElement utf8) && !utf8.GetBoolean() && namer.GetProperty("WithMetricSuffixes").GetBoolean()
        && !namer.TryGetProperty("Namespace", out _);

    private static string? Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string path = Path.Combine(folder.FullName, "shared", "conformance", "otlp", "prometheus-naming");
            if (Directory.Exists(path))
            {
                return path;
            }
        }
        return null;
    }
}
