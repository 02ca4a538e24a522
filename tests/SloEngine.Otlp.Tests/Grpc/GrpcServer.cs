using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace SloEngine.Otlp.Tests.Grpc;

/// <summary>Kestrel on a free port, and a client that speaks plain HTTP/2 so that every byte of a call is the test's own.</summary>
internal sealed class GrpcServer : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly HttpClient _client;

    private GrpcServer(WebApplication application, Uri address) =>
        (_application, _client) = (application, new HttpClient { BaseAddress = address, Timeout = TimeSpan.FromSeconds(30) });

    public static async Task<GrpcServer> StartAsync(Action<WebApplication> map)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        WebApplication application = builder.Build();
        map(application);
        await application.StartAsync();
        string address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return new GrpcServer(application, new Uri(address));
    }

    /// <summary>Calls with one message and reads the answer to its trailers.</summary>
    public async Task<GrpcAnswer> CallAsync(string path, byte[] message, bool compressed = false, params (string Name, string Value)[] metadata)
    {
        using HttpResponseMessage response = await OpenAsync(path, Frame(message, compressed), metadata);
        byte[] body = await response.Content.ReadAsByteArrayAsync();
        return new GrpcAnswer(response, body);
    }

    /// <summary>Sends raw bytes as the body and returns when the headers are there.</summary>
    public async Task<HttpResponseMessage> OpenAsync(string path, byte[] body, params (string Name, string Value)[] metadata)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
        };
        foreach ((string name, string value) in metadata)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
        return await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    public static byte[] Frame(byte[] message, bool compressed = false)
    {
        byte[] frame = new byte[5 + message.Length];
        frame[0] = compressed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }

    public Task StopAsync() => _application.StopAsync();

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _application.DisposeAsync();
    }
}

/// <summary>An answer as it stood on the wire.</summary>
internal sealed class GrpcAnswer(HttpResponseMessage response, byte[] body)
{
    public HttpStatusCode Http { get; } = response.StatusCode;

    public string? Status { get; } = Trailer(response, "grpc-status");

    public string? Message { get; } = Trailer(response, "grpc-message");

    public string? Details { get; } = Trailer(response, "grpc-status-details-bin");

    /// <summary>The one message of the answer, its frame checked.</summary>
    public byte[] Single()
    {
        Assert.Equal(0, body[0]);
        Assert.Equal(body.Length - 5, BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(1)));
        return body[5..];
    }

    public bool IsEmpty => body.Length == 0;

    internal static string? Trailer(HttpResponseMessage response, string name) =>
        response.TrailingHeaders.TryGetValues(name, out IEnumerable<string>? values) ? Assert.Single(values) : null;
}
