using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace SloEngine.EndToEnd;

/// <summary><c>sloengine promql query</c> and <c>range</c> as processes of their own, against the real server.</summary>
public sealed class PromqlCommandTests(MetricServer metrics) : IClassFixture<MetricServer>
{
    private string Now => metrics.Now.ToString(CultureInfo.InvariantCulture);

    [Fact]
    public async Task A_query_prints_a_table()
    {
        (int code, string output, _) = await RunAsync("query", "http_requests_total", "--time", Now);

        Assert.Equal(0, code);
        Assert.Equal(
            ["SERIES VALUE", "http_requests_total{code=\"200\", job=\"shop\", service_name=\"shop\"} 157", "http_requests_total{code=\"500\", job=\"shop\", service_name=\"shop\"} 19"],
            output.TrimEnd().Split('\n').Select(Squeezed));
    }

    [Fact]
    public async Task A_scalar_is_its_value_and_a_histogram_its_count_and_sum()
    {
        Assert.Equal("2", (await RunAsync("query", "1 + 1")).Output.Trim());
        Assert.Contains("count=23 sum=19", (await RunAsync("query", "size", "--time", Now)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CSV_has_a_column_for_each_label()
    {
        (_, string output, _) = await RunAsync("query", "http_requests_total{code=\"500\"}", "--time", Now, "--csv");

        string time = DateTimeOffset.FromUnixTimeSeconds(metrics.Now).ToString("yyyy-MM-ddTHH:mm:ss'Z'", CultureInfo.InvariantCulture);
        Assert.Equal(["time,__name__,code,job,service_name,value", $"{time},http_requests_total,500,shop,shop,19"], output.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task JSON_is_the_servers_data()
    {
        (_, string output, _) = await RunAsync("range", "sum(http_requests_total)", "--start", (metrics.Now - 60).ToString(CultureInfo.InvariantCulture), "--end", Now, "--step", "30s", "--json");

        JsonElement data = JsonDocument.Parse(output).RootElement;
        Assert.Equal("matrix", data.GetProperty("resultType").GetString());
        Assert.Equal(3, data.GetProperty("result")[0].GetProperty("values").GetArrayLength());
    }

    [Fact]
    public async Task A_range_is_plotted_over_a_summary()
    {
        (int code, string output, _) = await RunAsync("range", "room_temperature", "--start", (metrics.Now - 285).ToString(CultureInfo.InvariantCulture), "--end", Now, "--step", "15s");

        string[] lines = output.Split('\n');
        Assert.Equal(0, code);
        // It rises from 20 to 21.9: the first mark is in the lowest line, the last one in the highest.
        Assert.Matches(@"^ +21\.9 ┤ +\*+", lines[0]);
        Assert.Matches(@"^ +20 ┤\*", lines[15]);
        Assert.Contains(lines, line => line.StartsWith("*  room_temperature{", StringComparison.Ordinal) && line.TrimEnd().EndsWith("21.9", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Remarks_and_errors_go_to_standard_error()
    {
        (int code, _, string remarks) = await RunAsync("query", "rate(room_temperature[5m])", "--time", Now);
        Assert.Equal(0, code);
        Assert.StartsWith("PromQL info: metric might not be a counter", remarks, StringComparison.Ordinal);

        (code, _, string errors) = await RunAsync("query", "sum(");
        Assert.Equal(1, code);
        Assert.Contains("1:5: parse error: unclosed left parenthesis", errors, StringComparison.Ordinal);
        Assert.Equal(2, (await RunAsync("query", "1", "--json", "--csv")).Code);
        Assert.Equal(2, (await RunAsync("query", "1", "--time", "soon")).Code);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_an_error()
    {
        (int code, _, string errors) = await RunAsync("query", "1", "--server", "http://127.0.0.1:1");

        Assert.Equal(1, code);
        Assert.StartsWith("sloengine: http://127.0.0.1:1: ", errors, StringComparison.Ordinal);
    }

    private static string Squeezed(string line) => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    private async Task<(int Code, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        string[] server = arguments.Contains("--server") ? [] : ["--server", metrics.Server.Http.ToString()];
        using Process process = Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "sloengine"), ["promql", .. arguments, .. server])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output, await errors);
    }
}
