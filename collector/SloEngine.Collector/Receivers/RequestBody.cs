using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using SloEngine.Collector.Ingest;
using SloEngine.Otlp;

namespace SloEngine.Collector.Receivers;

/// <summary>
/// The body of a request, as it came and unpacked, in pooled memory until it is disposed. Memory follows the bytes that arrive, not those announced.
/// </summary>
internal sealed class RequestBody : IDisposable
{
    private readonly byte[] _came;
    private readonly byte[]? _unpacked;

    private RequestBody(byte[] came, byte[]? unpacked, RequestBytes bytes) => (_came, _unpacked, Bytes) = (came, unpacked, bytes);

    /// <summary>What it holds.</summary>
    public RequestBytes Bytes { get; }

    /// <summary>Reads a body.</summary>
    /// <param name="request">The request.</param>
    /// <param name="maxBytes">Largest body, packed and unpacked.</param>
    /// <param name="packing">The content encoding that is taken beside none.</param>
    /// <param name="isAlways">Whether bodies are so packed even when no header says so, as Loki's and Prometheus' agents leave it out.</param>
    /// <exception cref="BadHttpRequestException">It is too large, or not so packed.</exception>
    public static async Task<RequestBody> ReadAsync(HttpRequest request, int maxBytes, RequestPacking packing, bool isAlways = false)
    {
        string? given = request.Headers.ContentEncoding;
        string expected = packing == RequestPacking.Gzip ? "gzip" : "snappy";
        bool packed = string.Equals(given, expected, StringComparison.OrdinalIgnoreCase) || (isAlways && string.IsNullOrEmpty(given));
        if (!packed && !string.IsNullOrEmpty(given) && !string.Equals(given, "identity", StringComparison.OrdinalIgnoreCase))
        {
            throw new BadHttpRequestException($"content encoding '{given}' is not supported; expected identity or {expected}", StatusCodes.Status415UnsupportedMediaType);
        }
        (byte[] rented, int length) = await ReadAllAsync(request.BodyReader, maxBytes, request.HttpContext.RequestAborted);
        ReadOnlyMemory<byte> came = rented.AsMemory(0, length);
        if (!packed)
        {
            return new RequestBody(rented, null, came);
        }
        try
        {
            (byte[] unpacked, int plain) = Unpacking.Unpack(came, packing, maxBytes) ?? throw TooLarge(maxBytes);
            return new RequestBody(rented, unpacked, new RequestBytes(unpacked.AsMemory(0, plain)) { Packed = came, Packing = packing });
        }
        catch (Exception failure)
        {
            BodyPool.Bodies.Return(rented);
            if (failure is InvalidDataException malformed)
            {
                throw new BadHttpRequestException("the body is " + malformed.Message, StatusCodes.Status400BadRequest);
            }
            throw;
        }
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        BodyPool.Bodies.Return(_came);
        if (_unpacked is not null)
        {
            BodyPool.Bodies.Return(_unpacked);
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
                byte[] rented = BodyPool.Bodies.Rent(Math.Max(1, (int)buffer.Length));
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
}
