using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace SloEngine.EndToEnd;

/// <summary><c>sloengine store serve</c> as a process of its own, on a port that stays over restarts.</summary>
internal sealed class StoreProcess(string data) : IAsyncDisposable
{
    private readonly int _port = FreePort();
    private Process? _process;

    public Uri Url => new($"http://127.0.0.1:{_port}");

    public async Task StartAsync()
    {
        _process = Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "sloengine"), ["store", "serve", "--data", data, "--listen", $"127.0.0.1:{_port}"])
        {
            RedirectStandardOutput = true,
        })!;
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        Assert.Equal("ready", await _process.StandardOutput.ReadLineAsync(patience.Token));
    }

    /// <summary>Ends the process at once, as kill -9 does.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await KillAsync();
        }
    }

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
