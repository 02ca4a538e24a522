using System.Buffers;
using System.Globalization;
using System.IO.Compression;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Collector.Ingest;
using SloEngine.Otlp;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Grpc;
using SloEngine.Otlp.Json;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Collector.Receivers;

/// <summary>OTLP over HTTP (OTLP specification, "OTLP/HTTP"): protobuf and JSON, identity and gzip.</summary>
public static class OtlpHttpReceiver
{
    private const string ProtobufType = "application/x-protobuf";
    private const string JsonType = "application/json";

    /// <summary>Maps <c>/v1/metrics</c>, <c>/v1/logs</c> and <c>/v1/traces</c>.</summary>
    public static void MapOtlpHttp(this IEndpointRouteBuilder endpoints)
    {
        OtlpIngest ingest = endpoints.ServiceProvider.GetRequiredService<OtlpIngest>();
        CollectorOptions options = endpoints.ServiceProvider.GetRequiredService<CollectorOptions>();
        foreach (Signal signal in Enum.GetValues<Signal>())
        {
            string path = signal switch { Signal.Metrics => "/v1/metrics", Signal.Logs => "/v1/logs", _ => "/v1/traces" };
            endpoints.MapPost(path, http => ReceiveAsync(http, signal, ingest, options));
        }
    }

    private static async Task ReceiveAsync(HttpContext http, Signal signal, OtlpIngest ingest, CollectorOptions options)
    {
        string type = http.Request.ContentType?.Split(';')[0].Trim() ?? "";
        bool json = type.Equals(JsonType, StringComparison.OrdinalIgnoreCase);
        if (!json && !type.Equals(ProtobufType, StringComparison.OrdinalIgnoreCase))
        {
            await RefuseAsync(http, StatusCodes.Status415UnsupportedMediaType, $"content type '{type}' is not supported; expected {ProtobufType} or {JsonType}", json);
            return;
        }
        if (!Tenants.TryRead(http.Request, out string tenant))
        {
            await RefuseAsync(http, StatusCodes.Status400BadRequest, $"{Tenants.Header} holds no valid tenant name: letters, digits and !-_.*'(), at most 150", json);
            return;
        }
        byte[]? rented = null;
        try
        {
            (rented, int length) = await ReadBodyAsync(http, options.MaxBodyBytes);
            ReadOnlyMemory<byte> request = rented.AsMemory(0, length);
            if (json)
            {
                request = signal switch
                {
                    Signal.Metrics => OtlpJson.Metrics(request),
                    Signal.Logs => OtlpJson.Logs(request),
                    _ => OtlpJson.Traces(request),
                };
            }
            DecodeResult result = await ingest.IngestAsync(signal, tenant, request, http.RequestAborted);
            http.Response.ContentType = json ? JsonType : ProtobufType;
            await http.Response.BodyWriter.WriteAsync(json ? OtlpResponse.Json(signal, result) : OtlpResponse.Protobuf(result), http.RequestAborted);
        }
        catch (OtlpFormatException malformed)
        {
            await RefuseAsync(http, StatusCodes.Status400BadRequest, malformed.Message, json);
        }
        catch (BadHttpRequestException bad)
        {
            await RefuseAsync(http, bad.StatusCode, bad.Message, json);
        }
        catch (IngestUnavailableException unavailable)
        {
            http.Response.Headers.RetryAfter = Math.Ceiling(unavailable.RetryAfter.TotalSeconds).ToString(CultureInfo.InvariantCulture);
            await RefuseAsync(http, StatusCodes.Status503ServiceUnavailable, unavailable.Message, json);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The sender has gone and was told nothing: it will send again.
        }
        finally
        {
            if (rented is not null)
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }

    /// <summary>Reads the body, decompressed, into a rented array. Memory follows the bytes that arrive, not those announced.</summary>
    private static async Task<(byte[] Rented, int Length)> ReadBodyAsync(HttpContext http, int maxBytes)
    {
        string? encoding = http.Request.Headers.ContentEncoding;
        bool gzip = string.Equals(encoding, "gzip", StringComparison.OrdinalIgnoreCase);
        if (!gzip && !string.IsNullOrEmpty(encoding) && !string.Equals(encoding, "identity", StringComparison.OrdinalIgnoreCase))
        {
            throw new BadHttpRequestException($"content encoding '{encoding}' is not supported; expected identity or gzip", StatusCodes.Status415UnsupportedMediaType);
        }
        (byte[] Rented, int Length) body = await ReadAllAsync(http.Request.BodyReader, maxBytes, http.RequestAborted);
        if (!gzip)
        {
            return body;
        }
        try
        {
            using var stream = new GZipStream(new MemoryStream(body.Rented, 0, body.Length), CompressionMode.Decompress);
            return Bounded.ReadToEnd(stream, maxBytes) ?? throw TooLarge(maxBytes);
        }
        catch (InvalidDataException malformed)
        {
            throw new BadHttpRequestException("the body is no valid gzip: " + malformed.Message, StatusCodes.Status400BadRequest);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(body.Rented);
        }
    }

    private static async Task<(byte[] Rented, int Length)> ReadAllAsync(PipeReader reader, int maxBytes, CancellationToken cancellation)
    {
        while (true)
        {
            ReadResult read = await reader.ReadAsync(cancellation);
            ReadOnlySequence<byte> buffer = read.Buffer;
            if (buffer.Length > maxBytes)
            {
                throw TooLarge(maxBytes);
            }
            if (read.IsCompleted)
            {
                byte[] rented = ArrayPool<byte>.Shared.Rent(Math.Max(1, (int)buffer.Length));
                buffer.CopyTo(rented);
                int length = (int)buffer.Length;
                reader.AdvanceTo(buffer.End);
                return (rented, length);
            }
            reader.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    private static BadHttpRequestException TooLarge(int maxBytes) => new(
        string.Create(CultureInfo.InvariantCulture, $"the request has more than {maxBytes} bytes, compressed or decompressed; send smaller batches or raise limits.max_body_bytes"),
        StatusCodes.Status413PayloadTooLarge);

    private static async Task RefuseAsync(HttpContext http, int status, string message, bool json)
    {
        GrpcStatusCode code = status switch
        {
            StatusCodes.Status503ServiceUnavailable => GrpcStatusCode.Unavailable,
            StatusCodes.Status413PayloadTooLarge => GrpcStatusCode.ResourceExhausted,
            _ => GrpcStatusCode.InvalidArgument,
        };
        http.Response.StatusCode = status;
        http.Response.ContentType = json ? JsonType : ProtobufType;
        await http.Response.BodyWriter.WriteAsync(OtlpResponse.Status(code, message, json));
    }
}
