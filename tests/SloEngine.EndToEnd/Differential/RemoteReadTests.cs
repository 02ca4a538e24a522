using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Xunit.Abstractions;

namespace SloEngine.EndToEnd.Differential;

/// <summary>The real Prometheus, whatever its version, answers queries over our data by remote read.</summary>
public sealed class RemoteReadTests(ITestOutputHelper output)
{
    private const int Samples = 400;

    private static readonly string[] Queries =
    [
        "http_requests_total", "sum by (code) (rate(http_requests_total[1m]))", "http_requests_total{code=~\"2..\"}", "http_requests_total{code!~\"2..\",job!=\"\"}",
        "histogram_quantile(0.9, rate(latency_bucket[2m]))", "count({job=\"shop\",__name__!=\"size\"})", "nothing",
    ];

    /// <summary>Native histograms: version 2 passes over them in what it reads.</summary>
    private static readonly string[] NativeQueries =
    [
        "size", "sum(rate(size[2m]))", "histogram_quantile(0.9, size)", "max_over_time(histogram_count(size)[1m:10s])", "size[1m]",
        "sum by (code) (rate(http_requests_total[1m] offset 10s)) / on () group_left count(size)",
    ];

    /// <summary>Prometheus 2 asks for samples, Prometheus 3 for a stream of chunks.</summary>
    [InstalledPrometheusFact]
    public Task Prometheus_reads_samples() => ReadAsync("prometheus", Queries, countsAlike: false);

    [PrometheusFact]
    public Task Prometheus_3_reads_a_stream_of_chunks() => ReadAsync(PrometheusPackage.Program!, [.. Queries, .. NativeQueries], countsAlike: true);

    [Fact]
    public async Task Wrong_requests_are_refused_with_a_reason()
    {
        using var files = new TemporaryDirectory();
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--self-telemetry", "off");
        using var http = new HttpClient { BaseAddress = server.Http };

        // Blocks of Snappy: a length, then literals.
        Assert.Contains("no valid block of Snappy", await RefusedAsync([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), StringComparison.Ordinal);
        Assert.Contains("more than 1048576 bytes", await RefusedAsync([0xFF, 0xFF, 0xFF, 0x7F]), StringComparison.Ordinal);
        Assert.Contains("response types: [7]", await RefusedAsync([2, 1 << 2, 0x10, 7]), StringComparison.Ordinal);
        Assert.Contains("invalid matcher type 9 for label", await RefusedAsync([6, 5 << 2, 0x0A, 4, 0x1A, 2, 0x08, 9]), StringComparison.Ordinal);
        Assert.Contains("regular expression", await RefusedAsync([9, 8 << 2, 0x0A, 7, 0x1A, 5, 0x08, 2, 0x1A, 1, (byte)'(']), StringComparison.Ordinal);
        Assert.Contains("reaches past the end", await RefusedAsync([2, 1 << 2, 0x0A, 9]), StringComparison.Ordinal);

        async Task<string> RefusedAsync(byte[] body)
        {
            using var content = new ByteArrayContent(body);
            content.Headers.ContentType = new MediaTypeHeaderValue("application/x-protobuf");
            using HttpResponseMessage response = await http.PostAsync(new Uri("/api/v1/read", UriKind.Relative), content);
            string text = await response.Content.ReadAsStringAsync();
            Assert.True(response.StatusCode == HttpStatusCode.BadRequest, $"{(int)response.StatusCode}: {text}");
            return text;
        }
    }

    private async Task ReadAsync(string program, string[] queries, bool countsAlike)
    {
        using var files = new TemporaryDirectory();
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--self-telemetry", "off");
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 10;
        var metrics = new OtlpMetricsJson("shop");
        for (int step = 0; step < Samples; step++)
        {
            long time = (now - Samples + 1 + step) * 1000;
            metrics.Counter("http.requests", [new("code", "200")], time, 100 + (step * 3));
            // A reset in the middle.
            metrics.Counter("http.requests", [new("code", "500")], time, step % 250);
            metrics.Histogram("latency", [], time, [0.5, 1, 2_000_000], [step, step, 2, 0], step);
            // No bucket is empty: chunks give those that only some samples have to all, and they count.
            metrics.Exponential("size", [], time, 3, 1, 0, [step + 1, 2, 1 + (step / 100)], step);
        }
        await metrics.SendAsync(server.OtlpHttp);
        await server.StoredAsync();
        await using PrometheusProcess prometheus = await PrometheusProcess.StartAsync(
            files, program, $"remote_read: [{{ url: '{new Uri(server.Http, "/api/v1/read")}', read_recent: true }}]\n");

        using var theirs = new HttpClient { BaseAddress = prometheus.Http };
        using var ours = new HttpClient { BaseAddress = server.Http };
        int results = 0;
        foreach (string query in queries)
        {
            string text = Uri.EscapeDataString(query);
            // No sample stands where a range begins, which version 2 takes in and version 3 does not; nor do ranges begin before the series, where both extrapolate otherwise.
            foreach (string request in (string[])
            [
                string.Create(CultureInfo.InvariantCulture, $"/api/v1/query?query={text}&time={now}.5&stats=all"),
                .. query.EndsWith(']') ? (string[])[]
                    : [string.Create(CultureInfo.InvariantCulture, $"/api/v1/query_range?query={text}&start={now - 200}.5&end={now}.5&step=7&stats=all")],
            ])
            {
                JsonElement expected = await AskAsync(ours, request);
                JsonElement actual = await AskAsync(theirs, request);
                results += expected.GetProperty("data").GetProperty("result").GetArrayLength();
                string? difference = AnswerComparison.Difference(expected, actual, inOrder: false);
                Assert.True(difference is null, $"{query}: {difference}");
                if (countsAlike)
                {
                    Assert.Equal(Scanned(actual), Scanned(expected));
                }
            }
        }
        string version = (await AskAsync(theirs, "/api/v1/status/buildinfo")).GetProperty("data").GetProperty("version").GetString()!;
        output.WriteLine($"Prometheus {version}: {results} series in {queries.Length} queries");
        Assert.True(results > 2 * queries.Length - 4, $"only {results} series were compared");
    }

    private static string Scanned(JsonElement answer) =>
        answer.GetProperty("data").GetProperty("stats").GetProperty("samples").GetProperty("totalQueryableSamplesPerStep").GetRawText();

    private static async Task<JsonElement> AskAsync(HttpClient http, string request)
    {
        string text = await (await http.GetAsync(new Uri(request, UriKind.Relative))).Content.ReadAsStringAsync();
        JsonElement answer = JsonDocument.Parse(text).RootElement.Clone();
        Assert.True(answer.GetProperty("status").GetString() == "success", $"{request}: {text}");
        return answer;
    }
}

/// <summary>A test that needs a Prometheus of any version on the PATH. Where there is none it is skipped, and says so.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class InstalledPrometheusFactAttribute : FactAttribute
{
    public InstalledPrometheusFactAttribute()
    {
        if (!InstalledPrograms.Has("prometheus"))
        {
            Skip = "NOT READ BY PROMETHEUS: there is no prometheus on the PATH";
            Console.Error.WriteLine(Skip);
        }
    }
}

/// <summary>Programs of Prometheus on the PATH.</summary>
internal static class InstalledPrograms
{
    public static bool Has(string program)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, "--version") { RedirectStandardOutput = true, RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
