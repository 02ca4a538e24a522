using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;

namespace SloEngine.Otlp.Grpc;

/// <summary>Reads the one length-prefixed message of a request (gRPC over HTTP/2, "Length-Prefixed-Message").</summary>
internal static class GrpcMessageReader
{
    private const int PrefixLength = 5;

    /// <summary>Reads the message, decompressed; the array is rented and the caller returns it.</summary>
    /// <param name="http">The request.</param>
    /// <param name="lease">The memory of its body, where that is bounded.</param>
    /// <param name="maxBytes">Largest message.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public static async ValueTask<(byte[] Rented, int Length)> ReadAsync(HttpContext http, BodyMemory.Lease? lease, int maxBytes, CancellationToken cancellation)
    {
        PipeReader body = http.Request.BodyReader;
        while (true)
        {
            ReadResult read = await body.ReadAsync(cancellation);
            ReadOnlySequence<byte> buffer = read.Buffer;
            if (lease?.TryResize(buffer.Length) == false)
            {
                throw UsedUp();
            }
            if (buffer.Length >= PrefixLength)
            {
                (bool compressed, uint length) = Prefix(buffer);
                if (length > maxBytes)
                {
                    throw TooLarge(string.Create(CultureInfo.InvariantCulture, $"{length}"), maxBytes);
                }
                if (buffer.Length >= PrefixLength + length)
                {
                    (byte[] Rented, int Length) message = Copy(buffer.Slice(PrefixLength, length));
                    body.AdvanceTo(buffer.GetPosition(PrefixLength + length));
                    if (lease?.TryComplete() == false || (compressed && lease?.TryResize(length + maxBytes) == false))
                    {
                        BodyPool.Bodies.Return(message.Rented);
                        throw UsedUp();
                    }
                    if (!compressed)
                    {
                        return message;
                    }
                    (byte[] Rented, int Length) unpacked = Decompress(message, http.Request.Headers["grpc-encoding"], maxBytes);
                    lease?.TryResize(unpacked.Length);
                    return unpacked;
                }
            }
            if (read.IsCompleted)
            {
                throw new GrpcStatusException(GrpcStatusCode.InvalidArgument, $"the request ends after {buffer.Length} bytes, inside its message");
            }
            // Memory follows the bytes that arrived, not the length that was announced.
            body.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    private static (bool Compressed, uint Length) Prefix(ReadOnlySequence<byte> buffer)
    {
        Span<byte> prefix = stackalloc byte[PrefixLength];
        buffer.Slice(0, PrefixLength).CopyTo(prefix);
        if (prefix[0] > 1)
        {
            throw new GrpcStatusException(GrpcStatusCode.Internal, $"the message's compressed flag is {prefix[0]}, expected 0 or 1");
        }
        return (prefix[0] == 1, BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]));
    }

    private static (byte[] Rented, int Length) Copy(ReadOnlySequence<byte> message)
    {
        byte[] rented = BodyPool.Bodies.Rent(Math.Max(1, (int)message.Length));
        message.CopyTo(rented);
        return (rented, (int)message.Length);
    }

    private static (byte[] Rented, int Length) Decompress((byte[] Rented, int Length) message, string? encoding, int maxBytes)
    {
        try
        {
            if (encoding != "gzip")
            {
                throw new GrpcStatusException(GrpcStatusCode.Unimplemented, $"grpc-encoding '{encoding}' is not supported; use identity or gzip");
            }
            using var gzip = new GZipStream(new MemoryStream(message.Rented, 0, message.Length), CompressionMode.Decompress);
            return Bounded.ReadToEnd(gzip, maxBytes) ?? throw TooLarge(string.Create(CultureInfo.InvariantCulture, $"more than {maxBytes}"), maxBytes);
        }
        catch (InvalidDataException malformed)
        {
            throw new GrpcStatusException(GrpcStatusCode.InvalidArgument, "the message is no valid gzip: " + malformed.Message);
        }
        finally
        {
            BodyPool.Bodies.Return(message.Rented);
        }
    }

    private static GrpcStatusException UsedUp() => new(GrpcStatusCode.Unavailable, BodyMemory.UsedUp, BodyMemory.RetryAfter);

    private static GrpcStatusException TooLarge(string bytes, int maxBytes) => new(
        GrpcStatusCode.ResourceExhausted,
        string.Create(CultureInfo.InvariantCulture, $"the message has {bytes} bytes; the limit is {maxBytes}"));
}
