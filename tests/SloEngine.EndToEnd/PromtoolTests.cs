using System.Diagnostics;
using System.Globalization;
using SloEngine.EndToEnd.Differential;

namespace SloEngine.EndToEnd;

/// <summary>Prometheus' own command line asks our server.</summary>
public sealed class PromtoolTests(MetricServer metrics) : IClassFixture<MetricServer>
{
    [PromtoolFact]
    public async Task Promtool_queries_the_server()
    {
        string now = metrics.Now.ToString(CultureInfo.InvariantCulture);
        string start = (metrics.Now - 60).ToString(CultureInfo.InvariantCulture);
        string url = metrics.Server.Http.ToString();

        string instant = await RunAsync("query", "instant", "--time", now, url, "http_requests_total");
        Assert.Contains($"http_requests_total{{code=\"200\", job=\"shop\", service_name=\"shop\"}} => 157 @[{now}]", instant, StringComparison.Ordinal);
        Assert.Contains(" => 23 @", await RunAsync("query", "instant", "--time", now, url, "histogram_count(size)"), StringComparison.Ordinal);
        string range = await RunAsync("query", "range", "--start", start, "--end", now, "--step", "30s", url, "sum(http_requests_total)");
        Assert.Equal(["160 @", "168 @", "176 @"], range.Split('\n').Skip(1).Take(3).Select(line => line[..5]));
        string series = await RunAsync("query", "series", "--match", "http_requests_total", "--start", start, "--end", now, url);
        Assert.Equal(2, series.Trim().Split('\n').Length);
        Assert.Contains("code=\"500\"", series, StringComparison.Ordinal);
        Assert.Equal(["200", "500"], (await RunAsync("query", "labels", url, "code")).Trim().Split('\n'));
        Assert.Contains("bad_data", await RunAsync("query", "instant", url, "up{"), StringComparison.Ordinal);
    }

    private static async Task<string> RunAsync(params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("promtool", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return output + await errors;
    }
}

/// <summary>A test that needs promtool on the PATH. Where there is none it is skipped, and says so.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PromtoolFactAttribute : FactAttribute
{
    public PromtoolFactAttribute()
    {
        if (!InstalledPrograms.Has("promtool"))
        {
            Skip = "NOT ASKED BY PROMTOOL: there is no promtool on the PATH";
            Console.Error.WriteLine(Skip);
        }
    }
}
