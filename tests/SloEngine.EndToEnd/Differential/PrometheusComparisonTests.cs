using System.Globalization;
using System.Text.Json;
using Xunit.Abstractions;

namespace SloEngine.EndToEnd.Differential;

/// <summary>The same samples and the same queries, here and in the real Prometheus.</summary>
public sealed class PrometheusComparisonTests(ITestOutputHelper output)
{
    private const int Queries = 1500;

    private static readonly int[] StepSeconds = [7, 15, 60, 61, 300];

    [PrometheusFact]
    public async Task Answers_are_those_of_Prometheus()
    {
        using var files = new TemporaryDirectory();
        await using PrometheusProcess prometheus = await PrometheusProcess.StartAsync(files);
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--self-telemetry", "off");
        long minute = DateTimeOffset.UtcNow.ToUnixTimeSeconds() / 60;
        var samples = new SampleSet((minute - 120) * 60_000);
        await samples.SendAsync(server.OtlpHttp, prometheus.Http);
        await server.StoredAsync();

        using var expected = new HttpClient { BaseAddress = prometheus.Http };
        using var actual = new HttpClient { BaseAddress = server.Http };
        string everything = string.Create(CultureInfo.InvariantCulture, $"/api/v1/series?match[]={{job!=\"\"}}&start={samples.StartMs / 1000}&end={samples.EndMs / 1000}");
        string[] series = Sorted(await AskAsync(expected, everything));
        Assert.Equal(37, series.Length);
        Assert.Equal(series, Sorted(await AskAsync(actual, everything)));

        var generator = new QueryGenerator(seed: 1, samples);
        var random = new Random(2);
        var differences = new List<string>();
        int answered = 0;
        for (int query = 0; query < Queries; query++)
        {
            string text = generator.Next();
            string request = (query % 2 == 0 ? Instant(text, samples, random) : Range(text, samples, random)) + "&stats=all";
            JsonElement theirs = await AskAsync(expected, request);
            JsonElement ours = await AskAsync(actual, request);
            answered += IsAnswer(theirs) ? 1 : 0;
            if ((AnswerComparison.Difference(theirs, ours, inOrder: false) ?? CountDifference(theirs, ours)) is { } difference)
            {
                differences.Add($"{text}\n    {request}\n    {difference}");
            }
        }

        output.WriteLine($"{Queries} queries, {answered} with a result, {differences.Count} different");
        Assert.True(differences.Count == 0, $"{differences.Count} of {Queries} answers differ:\n{string.Join("\n", differences.Take(40))}");
        Assert.True(answered > Queries / 2, $"only {answered} of {Queries} queries have a result: too few to compare");
    }

    private static string Instant(string query, SampleSet samples, Random random)
    {
        long time = samples.StartMs + random.NextInt64(samples.EndMs - samples.StartMs + 600_000);
        return string.Create(CultureInfo.InvariantCulture, $"/api/v1/query?query={Uri.EscapeDataString(query)}&time={time / 1000m}");
    }

    private static string Range(string query, SampleSet samples, Random random)
    {
        long start = samples.StartMs + random.NextInt64((samples.EndMs - samples.StartMs) / 2);
        long end = start + random.NextInt64(samples.EndMs - samples.StartMs);
        int step = StepSeconds[random.Next(StepSeconds.Length)];
        return string.Create(
            CultureInfo.InvariantCulture, $"/api/v1/query_range?query={Uri.EscapeDataString(query)}&start={start / 1000m}&end={end / 1000m}&step={step}");
    }

    /// <summary>The first difference in how many samples each step looked at.</summary>
    private static string? CountDifference(JsonElement theirs, JsonElement ours)
    {
        (string expected, string actual) = (Counts(theirs), Counts(ours));
        return expected == actual ? null : $"samples by step: {expected} expected, {actual}";
    }

    private static string Counts(JsonElement answer) => answer.TryGetProperty("data", out JsonElement data)
        ? data.GetProperty("stats").GetProperty("samples").GetProperty("totalQueryableSamplesPerStep").GetRawText()
        : "";

    private static bool IsAnswer(JsonElement answer) =>
        answer.TryGetProperty("data", out JsonElement data) && data.GetProperty("result").GetArrayLength() > 0;

    private static async Task<JsonElement> AskAsync(HttpClient http, string request)
    {
        using HttpResponseMessage response = await http.GetAsync(new Uri(request, UriKind.Relative));
        string text = await response.Content.ReadAsStringAsync();
        try
        {
            return JsonDocument.Parse(text).RootElement.Clone();
        }
        catch (JsonException)
        {
            throw new InvalidDataException($"{request}: {(int)response.StatusCode} {text}");
        }
    }

    private static string[] Sorted(JsonElement answer) => [.. answer.GetProperty("data").EnumerateArray().Select(labels => string.Join(
        ",", labels.EnumerateObject().Select(label => $"{label.Name}={label.Value.GetString()}").Order(StringComparer.Ordinal))).Order(StringComparer.Ordinal)];
}
