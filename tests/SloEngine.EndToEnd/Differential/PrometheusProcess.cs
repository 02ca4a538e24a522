using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace SloEngine.EndToEnd.Differential;

/// <summary>The real Prometheus on a free port, which scrapes nothing, takes remote writes, and does what else its configuration says.</summary>
internal sealed class PrometheusProcess : IAsyncDisposable
{
    private readonly Process _process;

    private PrometheusProcess(Process process, Uri http) => (_process, Http) = (process, http);

    public Uri Http { get; }

    public static async Task<PrometheusProcess> StartAsync(TemporaryDirectory files, string? program = null, string configured = "global: {}\n")
    {
        int port = FreePort();
        string configuration = files.Write("prometheus.yml", configured);
        Process process = Process.Start(new ProcessStartInfo(
            program ?? PrometheusPackage.Program!,
            [
                "--config.file=" + configuration, "--storage.tsdb.path=" + Path.Combine(files.Path, "prometheus"), $"--web.listen-address=127.0.0.1:{port}",
                "--web.enable-remote-write-receiver", "--enable-feature=native-histograms,promql-delayed-name-removal,promql-per-step-stats,exemplar-storage", "--log.level=error",
            ]))!;
        var started = new PrometheusProcess(process, new Uri($"http://127.0.0.1:{port}"));
        using var http = new HttpClient { BaseAddress = started.Http };
        await ServerProcess.UntilAsync(
            async () =>
            {
                try
                {
                    return (await http.GetAsync(new Uri("/-/ready", UriKind.Relative))).StatusCode;
                }
                catch (HttpRequestException)
                {
                    return HttpStatusCode.ServiceUnavailable;
                }
            },
            status => status == HttpStatusCode.OK,
            TimeSpan.FromSeconds(30));
        return started;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
