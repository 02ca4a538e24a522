using System.Buffers;
using System.Buffers.Binary;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace SloEngine.Otlp.Grpc;

/// <summary>
/// A small gRPC server over ASP.NET Core endpoints (grpc/doc/PROTOCOL-HTTP2.md): unary and server-streaming calls, deadlines, gzip
/// requests, status in trailers. It stands in for Grpc.AspNetCore (docs/decisions).
/// </summary>
public static partial class GrpcEndpoints
{
    /// <summary>Largest request message unless an endpoint says otherwise.</summary>
    public const int DefaultMaxMessageBytes = 16 << 20;

    /// <summary>Maps a unary method over encoded messages.</summary>
    /// <param name="endpoints">Where to map.</param>
    /// <param name="path">For example <c>/package.Service/Method</c>.</param>
    /// <param name="handler">Gets the request message, valid during the call, and returns the response message.</param>
    /// <param name="maxMessageBytes">Largest request message, also after decompression.</param>
    /// <param name="unread">Told with which status a request is refused whose message was not read, or not taken for its size.</param>
    public static void MapGrpcUnary(
        this IEndpointRouteBuilder endpoints, string path, Func<GrpcCall, ReadOnlyMemory<byte>, ValueTask<ReadOnlyMemory<byte>>> handler,
        int maxMessageBytes = DefaultMaxMessageBytes, Action<HttpContext, GrpcStatusException>? unread = null) =>
        Map(endpoints, path, async (call, response) =>
        {
            using BodyMemory.Lease? lease = BeginBody(call);
            byte[] rented;
            int length;
            try
            {
                (rented, length) = await GrpcMessageReader.ReadAsync(call.Http, lease, maxMessageBytes, call.Cancellation);
            }
            catch (GrpcStatusException status)
            {
                unread?.Invoke(call.Http, status);
                throw;
            }
            try
            {
                ReadOnlyMemory<byte> answer = await handler(call, rented.AsMemory(0, length));
                Frame(response.BodyWriter, answer.Span);
            }
            finally
            {
                BodyPool.Bodies.Return(rented);
            }
        });

    /// <summary>Maps the methods of a service; each method of its contract must be mapped.</summary>
    /// <exception cref="InvalidOperationException">A method of the contract is missing, or one is mapped that it does not have.</exception>
    public static void MapGrpcService(this IEndpointRouteBuilder endpoints, ServiceDescriptor service, Action<GrpcServiceBuilder> configure)
    {
        var builder = new GrpcServiceBuilder(endpoints, service);
        configure(builder);
        builder.Check();
    }

    /// <summary>Answers calls of methods that no service has.</summary>
    public static void MapGrpcUnimplemented(this IEndpointRouteBuilder endpoints) =>
        endpoints.MapFallback(http => RespondAsync(http, (call, _) => throw new GrpcStatusException(
            GrpcStatusCode.Unimplemented, $"there is no method {call.Http.Request.Path}")));

    /// <summary>Answers a call with a status before it has got to its method.</summary>
    public static void Refuse(HttpContext http, GrpcStatusCode code, string message)
    {
        http.Response.ContentType = "application/grpc";
        GrpcStatus.Write(http.Response, code, message);
    }

    internal static void Map(IEndpointRouteBuilder endpoints, string path, Func<GrpcCall, HttpResponse, Task> handler) =>
        endpoints.MapPost(path, http => RespondAsync(http, handler));

    /// <summary>The memory of a call's body, where the host bounds it.</summary>
    internal static BodyMemory.Lease? BeginBody(GrpcCall call) =>
        call.Http.RequestServices.GetService<BodyMemory>()?.Begin(call.Http.Request.BodyReader);

    internal static void Frame(IBufferWriter<byte> output, ReadOnlySpan<byte> message)
    {
        Span<byte> prefix = output.GetSpan(5);
        prefix[0] = 0;
        BinaryPrimitives.WriteUInt32BigEndian(prefix[1..], (uint)message.Length);
        output.Advance(5);
        output.Write(message);
    }

    private static async Task RespondAsync(HttpContext http, Func<GrpcCall, HttpResponse, Task> handler)
    {
        if (http.Request.ContentType?.StartsWith("application/grpc", StringComparison.Ordinal) != true)
        {
            http.Response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
            await http.Response.WriteAsync("this port speaks gRPC: expected content-type application/grpc\n");
            return;
        }
        CancellationToken stopping = http.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        using var call = new GrpcCall(http, stopping);
        http.Response.ContentType = "application/grpc";
        http.Response.Headers["grpc-accept-encoding"] = "identity,gzip";
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            // The message says how long it is, and what is too long is told by a status of gRPC.
            limit.MaxRequestBodySize = null;
        }
        try
        {
            await handler(call, http.Response);
            GrpcStatus.Write(http.Response, GrpcStatusCode.Ok, "");
        }
        catch (GrpcStatusException status)
        {
            GrpcStatus.Write(http.Response, status.Code, status.Message, status.RetryAfter);
        }
        catch (Exception failure) when (failure is OperationCanceledException or IOException && http.RequestAborted.IsCancellationRequested)
        {
            // The caller has gone; nobody reads a status.
        }
        catch (OperationCanceledException) when (call.Cancellation.IsCancellationRequested)
        {
            (GrpcStatusCode code, string message) = stopping.IsCancellationRequested
                ? (GrpcStatusCode.Unavailable, "the server is stopping")
                : (GrpcStatusCode.DeadlineExceeded, "the deadline passed");
            GrpcStatus.Write(http.Response, code, message);
        }
        catch (Exception failure)
        {
            ILogger logger = http.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger("SloEngine.Grpc");
            LogFailure(logger, http.Request.Path, failure);
            GrpcStatus.Write(http.Response, GrpcStatusCode.Internal, "internal error");
        }
    }

    [LoggerMessage(EventName = "grpc.call.failed", Level = LogLevel.Error, Message = "gRPC call {Path} failed")]
    private static partial void LogFailure(ILogger logger, string path, Exception failure);
}

/// <summary>Maps the methods of one service against its contract.</summary>
public sealed class GrpcServiceBuilder
{
    private readonly IEndpointRouteBuilder _endpoints;
    private readonly ServiceDescriptor _service;
    private readonly HashSet<string> _mapped = [];

    internal GrpcServiceBuilder(IEndpointRouteBuilder endpoints, ServiceDescriptor service) => (_endpoints, _service) = (endpoints, service);

    /// <summary>Maps a unary method.</summary>
    public GrpcServiceBuilder Unary<TRequest, TResponse>(string method, Func<TRequest, GrpcCall, ValueTask<TResponse>> handler)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>
    {
        _endpoints.MapGrpcUnary(
            Path<TRequest, TResponse>(method, streaming: false),
            async (call, message) => (await handler(Parse<TRequest>(message), call)).ToByteArray());
        return this;
    }

    /// <summary>Maps a server-streaming method; the handler writes until it returns or the call ends.</summary>
    public GrpcServiceBuilder ServerStreaming<TRequest, TResponse>(string method, Func<TRequest, GrpcResponseStream<TResponse>, GrpcCall, Task> handler)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>
    {
        GrpcEndpoints.Map(_endpoints, Path<TRequest, TResponse>(method, streaming: true), async (call, response) =>
        {
            TRequest request = await ReadAsync<TRequest>(call);
            // The headers go out at once, so that the caller knows that the stream is open.
            await response.StartAsync(call.Cancellation);
            await handler(request, new GrpcResponseStream<TResponse>(response), call);
        });
        return this;
    }

    internal void Check()
    {
        foreach (MethodDescriptor method in _service.Methods)
        {
            if (!_mapped.Contains(method.Name))
            {
                throw new InvalidOperationException($"{_service.FullName}/{method.Name} is in the contract and not mapped");
            }
        }
    }

    private string Path<TRequest, TResponse>(string method, bool streaming)
        where TRequest : IMessage<TRequest>
        where TResponse : IMessage<TResponse>
    {
        MethodDescriptor descriptor = _service.FindMethodByName(method)
            ?? throw new InvalidOperationException($"{_service.FullName} has no method {method}");
        if (descriptor.InputType.ClrType != typeof(TRequest) || descriptor.OutputType.ClrType != typeof(TResponse)
            || descriptor.IsServerStreaming != streaming || descriptor.IsClientStreaming)
        {
            throw new InvalidOperationException($"{_service.FullName}/{method} does not have the mapped shape");
        }
        _mapped.Add(method);
        return $"/{_service.FullName}/{method}";
    }

    private static async Task<TRequest> ReadAsync<TRequest>(GrpcCall call)
        where TRequest : IMessage<TRequest>, new()
    {
        using BodyMemory.Lease? lease = GrpcEndpoints.BeginBody(call);
        (byte[] rented, int length) = await GrpcMessageReader.ReadAsync(call.Http, lease, GrpcEndpoints.DefaultMaxMessageBytes, call.Cancellation);
        try
        {
            return Parse<TRequest>(rented.AsMemory(0, length));
        }
        finally
        {
            BodyPool.Bodies.Return(rented);
        }
    }

    private static TRequest Parse<TRequest>(ReadOnlyMemory<byte> message)
        where TRequest : IMessage<TRequest>, new()
    {
        var request = new TRequest();
        try
        {
            request.MergeFrom(message.Span);
            return request;
        }
        catch (InvalidProtocolBufferException malformed)
        {
            throw new GrpcStatusException(GrpcStatusCode.InvalidArgument, $"the message is no {request.Descriptor.FullName}: {malformed.Message}");
        }
    }
}

/// <summary>Writes the messages of a server-streaming call.</summary>
/// <typeparam name="T">Message type.</typeparam>
public sealed class GrpcResponseStream<T>
    where T : IMessage<T>
{
    private readonly HttpResponse _response;

    internal GrpcResponseStream(HttpResponse response) => _response = response;

    /// <summary>Sends one message; completes when the transport has taken it.</summary>
    public async Task WriteAsync(T message, CancellationToken cancellation)
    {
        GrpcEndpoints.Frame(_response.BodyWriter, message.ToByteArray());
        await _response.BodyWriter.FlushAsync(cancellation);
    }
}
