using System.Globalization;
using System.Text.Json;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.Rules.Templates;

namespace SloEngine.Rules.Tests.Templates;

/// <summary>Cases of Prometheus' own templates.</summary>
public sealed class ConformanceTests
{
    private static readonly FloatHistogram Histogram = new() { Count = 3, Sum = 10 };

    [Fact]
    public void Cases_of_Prometheus_pass()
    {
        if (Conformance.Json("alert-templates/prometheus_template_cases.json") is not { } cases)
        {
            return;
        }
        string[] problems = [.. cases.EnumerateArray().Select(Problem).OfType<string>()];

        Assert.True(problems.Length == 0, string.Join('\n', problems));
        Assert.Equal(45, cases.GetArrayLength());
    }

    private static string? Problem(JsonElement one)
    {
        string text = one.GetProperty("text").GetString()!;
        bool html = one.TryGetProperty("html", out JsonElement flag) && flag.GetBoolean();
        bool strict = one.TryGetProperty("options", out JsonElement options) && options.ValueKind == JsonValueKind.Array;
        IReadOnlyList<VectorSample> result = one.TryGetProperty("queryResult", out JsonElement samples) && samples.ValueKind == JsonValueKind.Array
            ? [.. samples.EnumerateArray().Select(Sample)] : [];
        object? data = one.TryGetProperty("input", out JsonElement input) ? Data(input) : null;
        var environment = new TemplateEnvironment(1_353_755_652_000, new Uri("http://testhost:9090/path/prefix"), _ => result);
        string outcome;
        string expected;
        try
        {
            outcome = Template.Expand("test", text, data, environment, new TemplateOptions(strict, html));
            expected = one.TryGetProperty("output", out JsonElement output) ? Text(output) : "an error";
        }
        catch (TemplateException wrong)
        {
            outcome = wrong.Message;
            expected = one.TryGetProperty("errorMsg", out JsonElement message) ? message.GetString()! : "no error";
        }
        return outcome == expected ? null : $"{text}: expected {expected}, got {outcome}";
    }

    private static string Text(JsonElement output) => output.ValueKind == JsonValueKind.String ? output.GetString()! : Histogram.ToString();

    private static VectorSample Sample(JsonElement sample)
    {
        Labels labels = sample.TryGetProperty("Metric", out JsonElement metric)
            ? Labels.Of(metric.EnumerateObject().Select(pair => new KeyValuePair<string, string>(pair.Name, pair.Value.GetString()!)))
            : Labels.Empty;
        return sample.TryGetProperty("F", out JsonElement number)
            ? new VectorSample(labels, 0, number.GetDouble())
            : new VectorSample(labels, 0, 0, Histogram);
    }

    private static object? Data(JsonElement input) => input.ValueKind switch
    {
        JsonValueKind.Array => input.EnumerateArray().Select(Data).ToArray(),
        JsonValueKind.String => input.GetString() == "math.MaxUint64" ? (double)ulong.MaxValue : input.GetString(),
        JsonValueKind.Number => input.TryGetInt64(out long whole) && !input.GetRawText().Contains('.', StringComparison.Ordinal)
            ? whole : double.Parse(input.GetRawText(), CultureInfo.InvariantCulture),
        _ => new TemplateSample(new Dictionary<string, string>(), Histogram),
    };
}
