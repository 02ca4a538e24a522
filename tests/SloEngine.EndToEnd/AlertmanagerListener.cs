using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace SloEngine.EndToEnd;

/// <summary>Takes what is posted to any path of the loopback, as an Alertmanager or a receiver of webhooks would.</summary>
internal sealed class AlertmanagerListener : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, BlockingCollection<Request>> _requests = new();

    private AlertmanagerListener(WebApplication app) => _app = app;

    /// <summary>Its address, with a slash at the end.</summary>
    public Uri Url { get; private set; } = null!;

    public static async Task<AlertmanagerListener> StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var listener = new AlertmanagerListener(builder.Build());
        listener._app.MapPost("/{*path}", async (HttpRequest request) =>
        {
            using JsonDocument body = await JsonDocument.ParseAsync(request.Body);
            listener.At(request.Path!).Add(new Request(
                body.RootElement.Clone(), request.Headers.Authorization.ToString(), request.Headers["X-Scope-OrgID"].ToString(), request.ContentType!));
        });
        await listener._app.StartAsync();
        listener.Url = new Uri(listener._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single() + "/");
        return listener;
    }

    /// <summary>The next request to a path.</summary>
    public Task<Request> NextAsync(string path) => Task.Run(() =>
    {
        Assert.True(At(path).TryTake(out Request? request, TimeSpan.FromSeconds(30)), $"nothing came to {path}");
        return request!;
    });

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private BlockingCollection<Request> At(string path) => _requests.GetOrAdd(path, static _ => []);

    /// <summary>What came.</summary>
    public sealed record Request(JsonElement Body, string Authorization, string Tenant, string ContentType);
}
