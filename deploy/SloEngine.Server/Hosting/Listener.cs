using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace SloEngine.Server.Hosting;

/// <summary>The ports of the server. Each serves its own endpoints only: OTLP senders cannot reach the UI's APIs by a Host header.</summary>
internal enum Listener
{
    /// <summary>gRPC: OTLP, scaling signals, health.</summary>
    Grpc,
    /// <summary>OTLP/HTTP.</summary>
    OtlpHttp,
    /// <summary>UI and HTTP APIs.</summary>
    Http,
}

internal static class ListenerExtensions
{
    private sealed record ListenerFeature(Listener Listener);

    /// <summary>Marks every connection of this port.</summary>
    public static void Serve(this ListenOptions options, Listener listener, HttpProtocols protocols)
    {
        options.Protocols = protocols;
        var feature = new ListenerFeature(listener);
        options.Use(next => connection =>
        {
            connection.Features.Set(feature);
            return next(connection);
        });
    }

    /// <summary>Adds a branch with its own endpoints for the connections of one port.</summary>
    public static void MapListener(this IApplicationBuilder app, Listener listener, Action<IApplicationBuilder> configure) =>
        app.MapWhen(context => context.Features.Get<ListenerFeature>()?.Listener == listener, configure);
}
