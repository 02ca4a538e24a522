using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.LoadTest;

/// <summary>What became of a request.</summary>
/// <param name="IsAcknowledged">Whether it was taken; else the sender may retry.</param>
/// <param name="Rejected">Items rejected for good (partial success).</param>
internal readonly record struct Sent(bool IsAcknowledged, long Rejected);

/// <summary>Sends OTLP requests; safe for concurrent use.</summary>
internal abstract class OtlpSender(HttpMessageHandler handler) : IDisposable
{
    protected HttpClient Client { get; } = new(handler) { Timeout = TimeSpan.FromSeconds(60) };

    /// <summary>Sends a request that has to be acknowledged.</summary>
    public async Task<Sent> SendAsync(string signal, ReadOnlyMemory<byte> body, string? tenant, CancellationToken cancellation)
    {
        Sent sent = await TrySendAsync(signal, body, tenant, cancellation);
        return sent.IsAcknowledged ? sent : throw new InvalidOperationException($"a request of {signal} was refused");
    }

    /// <summary>Sends a request.</summary>
    public abstract Task<Sent> TrySendAsync(string signal, ReadOnlyMemory<byte> body, string? tenant, CancellationToken cancellation);

    public void Dispose() => Client.Dispose();

    /// <summary>Rejected items of an <c>Export...ServiceResponse</c>: its field 1 is the partial success, whose field 1 is their number.</summary>
    protected static long Rejected(ReadOnlySpan<byte> response)
    {
        long rejected = 0;
        var reader = new ProtobufReader(response);
        while (reader.Next())
        {
            if (reader.Field != 1)
            {
                reader.Skip();
                continue;
            }
            ProtobufReader partial = reader.MessageField();
            while (partial.Next())
            {
                if (partial.Field == 1)
                {
                    rejected = (long)partial.VarintField();
                }
                else
                {
                    partial.Skip();
                }
            }
        }
        return rejected;
    }

    protected static void SetTenant(HttpRequestMessage request, string? tenant)
    {
        if (tenant is not null)
        {
            request.Headers.Add("X-Scope-OrgID", tenant);
        }
    }
}

/// <summary>OTLP/HTTP: a connection for each request in flight.</summary>
internal sealed class HttpSender(Uri address, int connections) : OtlpSender(new SocketsHttpHandler { MaxConnectionsPerServer = connections })
{
    public override async Task<Sent> TrySendAsync(string signal, ReadOnlyMemory<byte> body, string? tenant, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(address, "/v1/" + signal)) { Content = new ReadOnlyMemoryContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-protobuf");
        SetTenant(request, tenant);
        using HttpResponseMessage response = await Client.SendAsync(request, cancellation);
        if (response.StatusCode is HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests)
        {
            return new Sent(false, 0);
        }
        response.EnsureSuccessStatusCode();
        return new Sent(true, Rejected(await response.Content.ReadAsByteArrayAsync(cancellation)));
    }
}

/// <summary>OTLP/gRPC: unary calls as streams of one HTTP/2 connection in cleartext, with prior knowledge.</summary>
internal sealed class GrpcSender(Uri address) : OtlpSender(new SocketsHttpHandler())
{
    private const int PrefixLength = 5;

    public override async Task<Sent> TrySendAsync(string signal, ReadOnlyMemory<byte> body, string? tenant, CancellationToken cancellation)
    {
        string service = signal switch
        {
            "metrics" => "metrics.v1.MetricsService",
            "logs" => "logs.v1.LogsService",
            _ => "trace.v1.TraceService",
        };
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(address, $"/opentelemetry.proto.collector.{service}/Export"))
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new Message(body),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        SetTenant(request, tenant);
        using HttpResponseMessage response = await Client.SendAsync(request, cancellation);
        byte[] answer = await response.Content.ReadAsByteArrayAsync(cancellation);
        // An error without a message stands in the headers ("Trailers-Only").
        string status = (response.TrailingHeaders.TryGetValues("grpc-status", out IEnumerable<string>? trailer) || response.Headers.TryGetValues("grpc-status", out trailer))
            ? trailer.First() : "none";
        return status switch
        {
            "0" => new Sent(true, Rejected(answer.AsSpan(PrefixLength))),
            "8" or "14" => new Sent(false, 0),
            _ => throw new InvalidOperationException($"a call was answered with the status {status}"),
        };
    }

    /// <summary>A message with its prefix: not compressed, and its length (gRPC over HTTP/2, "Length-Prefixed-Message").</summary>
    private sealed class Message(ReadOnlyMemory<byte> body) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, default);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            var prefix = new byte[PrefixLength];
            BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), body.Length);
            await stream.WriteAsync(prefix, cancellationToken);
            await stream.WriteAsync(body, cancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = PrefixLength + body.Length;
            return true;
        }
    }
}
