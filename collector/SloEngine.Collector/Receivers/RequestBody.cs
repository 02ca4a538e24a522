using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Collector.Ingest;
using SloEngine.Otlp;

namespace SloEngine.Collector.Receivers;

/// <summary>
/// The body of a request, as it came and unpacked, in pooled memory until it is disposed. Memory follows the bytes that arrive, not those announced.
/// </summary>
internal sealed class RequestBody : IDisposable
{
    private readonly BodyMemory.Lease _lease;
    private byte[] _came = [];
    private byte[] _unpacked = [];

    private RequestBody(BodyMemory.Lease lease) => _lease = lease;

    /// <summary>What it holds.</summary>
    public RequestBytes Bytes { get; private set; }

    /// <summary>Reads a body.</summary>
    /// <param name="request">The request.</param>
    /// <param name="maxBytes">Largest body, packed and unpacked.</param>
    /// <param name="packing">The content encoding that is taken beside none.</param>
    /// <param name="isAlways">Whether bodies are so packed even when no header says so, as Loki's and Prometheus' agents leave it out.</param>
    /// <exception cref="BadHttpRequestException">It is too large, or not so packed.</exception>
    /// <exception cref="IngestUnavailableException">There is no memory for it; the sender may retry.</exception>
    public static async Task<RequestBody> ReadAsync(HttpRequest request, int maxBytes, RequestPacking packing, bool isAlways = false)
    {
        string? given = request.Headers.ContentEncoding;
        string expected = packing == RequestPacking.Gzip ? "gzip" : "snappy";
        bool packed = string.Equals(given, expected, StringComparison.OrdinalIgnoreCase) || (isAlways && string.IsNullOrEmpty(given));
        if (!packed && !string.IsNullOrEmpty(given) && !string.Equals(given, "identity", StringComparison.OrdinalIgnoreCase))
        {
            throw new BadHttpRequestException($"content encoding '{given}' is not supported; expected identity or {expected}", StatusCodes.Status415UnsupportedMediaType);
        }
        BodyMemory memory = request.HttpContext.RequestServices.GetRequiredService<BodyMemory>();
        var body = new RequestBody(memory.Begin(request.BodyReader));
        try
        {
            await body.ReadAsync(request.BodyReader, maxBytes, request.HttpContext.RequestAborted);
            if (packed)
            {
                body.Unpack(packing, maxBytes);
            }
            return body;
        }
        catch (Exception failure)
        {
            body.Dispose();
            string? reason = failure is IngestUnavailableException unavailable ? unavailable.Reason
                : failure is BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } ? "too_large" : null;
            if (reason is not null && Tenants.TryRead(request, out string tenant))
            {
                request.HttpContext.RequestServices.GetRequiredService<ITelemetryIntake>().CountRefused(tenant, reason);
            }
            if (failure is IngestUnavailableException)
            {
                // What is left of the body is not waited for.
                request.HttpContext.Response.Headers.Connection = "close";
            }
            throw;
        }
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        BodyPool.Bodies.Return(_came);
        BodyPool.Bodies.Return(_unpacked);
        _lease.Dispose();
    }

    private async Task ReadAsync(PipeReader reader, int maxBytes, CancellationToken cancellation)
    {
        while (true)
        {
            ReadResult read = await reader.ReadAsync(cancellation);
            ReadOnlySequence<byte> buffer = read.Buffer;
            if (buffer.Length > maxBytes)
            {
                throw TooLarge(maxBytes);
            }
            bool hasRoom = _lease.TryResize(buffer.Length) && (!read.IsCompleted || _lease.TryComplete());
            if (!hasRoom)
            {
                reader.AdvanceTo(buffer.End);
                throw UsedUp();
            }
            if (read.IsCompleted)
            {
                _came = BodyPool.Bodies.Rent(Math.Max(1, (int)buffer.Length));
                buffer.CopyTo(_came);
                Bytes = new RequestBytes(_came.AsMemory(0, (int)buffer.Length));
                reader.AdvanceTo(buffer.End);
                return;
            }
            reader.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    private void Unpack(RequestPacking packing, int maxBytes)
    {
        ReadOnlyMemory<byte> came = Bytes.Plain;
        if (!_lease.TryResize(came.Length + Unpacking.MostBytes(came.Length, packing, maxBytes)))
        {
            throw UsedUp();
        }
        try
        {
            (_unpacked, int length) = Unpacking.Unpack(came, packing, maxBytes) ?? throw TooLarge(maxBytes);
            Bytes = new RequestBytes(_unpacked.AsMemory(0, length)) { Packed = came, Packing = packing };
            _lease.TryResize(Bytes.Bytes);
        }
        catch (InvalidDataException malformed)
        {
            throw new BadHttpRequestException("the body is " + malformed.Message, StatusCodes.Status400BadRequest);
        }
    }

    private static IngestUnavailableException UsedUp() => new(BodyMemory.UsedUp, BodyMemory.RetryAfter, "memory");

    private static BadHttpRequestException TooLarge(int maxBytes) => new(
        string.Create(CultureInfo.InvariantCulture, $"the request has more than {maxBytes} bytes, compressed or decompressed; send smaller batches or raise limits.max_body_bytes"),
        StatusCodes.Status413PayloadTooLarge);
}
