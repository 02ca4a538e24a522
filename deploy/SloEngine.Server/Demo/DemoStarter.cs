using Microsoft.AspNetCore.Hosting.Server;
using SloEngine.Server.Hosting;

namespace SloEngine.Server.Demo;

/// <summary>Starts the simulated platform once the collector listens.</summary>
internal sealed class DemoStarter(IServer server, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<DemoPlatform> logger) : IHostedService, IAsyncDisposable
{
    private DemoPlatform? _platform;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        lifetime.ApplicationStarted.Register(() =>
        {
            _platform = new DemoPlatform(ServerHost.Addresses(server)[0], time, logger);
            _ = _platform.StartAsync(CancellationToken.None);
        });
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_platform is not null)
        {
            await _platform.StopAsync(cancellationToken);
        }
    }

    public ValueTask DisposeAsync()
    {
        _platform?.Dispose();
        return ValueTask.CompletedTask;
    }
}
