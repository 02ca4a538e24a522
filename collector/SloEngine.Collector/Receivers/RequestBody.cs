using System.Buffers;
using System.Globalization;
using System.IO.Compression;
using System.IO.Pipelines;
using IronSnappy;
using Microsoft.AspNetCore.Http;
using SloEngine.Otlp;

namespace SloEngine.Collector.Receivers;

/// <summary>Reads the body of a request, decompressed, within a limit before and after. Memory follows the bytes that arrive, not those announced.</summary>
internal static class RequestBody
{
    /// <summary>Reads it into an array rented from the shared pool.</summary>
    /// <param name="request">The request.</param>
    /// <param name="maxBytes">Largest body, compressed and decompressed.</param>
    /// <param name="encoding">The content encoding that is taken beside none: <c>gzip</c> or <c>snappy</c>.</param>
    /// <param name="isAlways">Whether bodies are so encoded even when no header says so, as Loki's and Prometheus' agents leave it out.</param>
    /// <exception cref="BadHttpRequestException">It is too large, or not so encoded.</exception>
    public static async Task<(byte[] Rented, int Length)> ReadAsync(HttpRequest request, int maxBytes, string encoding, bool isAlways = false)
    {
        string? given = request.Headers.ContentEncoding;
        bool encoded = string.Equals(given, encoding, StringComparison.OrdinalIgnoreCase) || (isAlways && string.IsNullOrEmpty(given));
        if (!encoded && !string.IsNullOrEmpty(given) && !string.Equals(given, "identity", StringComparison.OrdinalIgnoreCase))
        {
            throw new BadHttpRequestException($"content encoding '{given}' is not supported; expected identity or {encoding}", StatusCodes.Status415UnsupportedMediaType);
        }
        (byte[] Rented, int Length) body = await ReadAllAsync(request.BodyReader, maxBytes, request.HttpContext.RequestAborted);
        if (!encoded)
        {
            return body;
        }
        try
        {
            return encoding == "gzip" ? Gunzip(body.Rented, body.Length, maxBytes) : Unsnap(body.Rented.AsSpan(0, body.Length), maxBytes);
        }
        finally
        {
            BodyPool.Bodies.Return(body.Rented);
        }
    }

    private static (byte[] Rented, int Length) Gunzip(byte[] compressed, int length, int maxBytes)
    {
        try
        {
            using var stream = new GZipStream(new MemoryStream(compressed, 0, length), CompressionMode.Decompress);
            return Bounded.ReadToEnd(stream, maxBytes) ?? throw TooLarge(maxBytes);
        }
        catch (InvalidDataException malformed)
        {
            throw new BadHttpRequestException("the body is no valid gzip: " + malformed.Message, StatusCodes.Status400BadRequest);
        }
    }

    /// <summary>Decodes the block format of Snappy, whose first bytes say how long the text is.</summary>
    private static (byte[] Rented, int Length) Unsnap(ReadOnlySpan<byte> compressed, int maxBytes)
    {
        ulong announced = 0;
        for (int index = 0; ; index++)
        {
            if (index == compressed.Length || index == 5)
            {
                throw NoSnappy("it does not begin with its length");
            }
            announced |= (ulong)(compressed[index] & 0x7F) << (7 * index);
            if (compressed[index] < 0x80)
            {
                break;
            }
        }
        // A byte of Snappy stands for 64 at most: a short body that announces more is no such body.
        if (announced > (ulong)maxBytes || announced > 64UL * (ulong)compressed.Length)
        {
            throw TooLarge(maxBytes);
        }
        byte[] decoded;
        try
        {
            decoded = Snappy.Decode(compressed);
        }
        catch (Exception malformed) when (malformed is not OutOfMemoryException)
        {
            throw NoSnappy(malformed.Message);
        }
        byte[] rented = BodyPool.Bodies.Rent(Math.Max(1, decoded.Length));
        decoded.CopyTo(rented, 0);
        return (rented, decoded.Length);
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

    private static BadHttpRequestException NoSnappy(string why) => new("the body is no valid block of Snappy: " + why, StatusCodes.Status400BadRequest);
}
