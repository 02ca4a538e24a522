using System.Globalization;
using System.IO.Compression;
using System.Runtime.InteropServices;
using SloEngine.Otlp;

namespace SloEngine.Collector.Ingest;

/// <summary>Unpacks requests, within a limit.</summary>
internal static class Unpacking
{
    /// <summary>A byte of deflate stands for so many at most (zlib.net, "Maximum Compression Factor").</summary>
    private const long MostOfGzip = 1032;

    /// <summary>Bytes that a request may have unpacked.</summary>
    public static long MostBytes(int packed, RequestPacking packing, int maxBytes) =>
        Math.Min(maxBytes, packed * (packing == RequestPacking.Gzip ? MostOfGzip : SnappyBlock.MostOfByte));

    /// <summary>Unpacks a request that is packed into an array of <see cref="BodyPool"/>; null when it has more than <paramref name="maxBytes"/>.</summary>
    /// <exception cref="InvalidDataException">It is not so packed.</exception>
    public static (byte[] Rented, int Length)? Unpack(ReadOnlyMemory<byte> packed, RequestPacking packing, int maxBytes) =>
        packing == RequestPacking.Gzip ? Gunzip(packed, maxBytes) : Unsnap(packed.Span, maxBytes);

    private static (byte[] Rented, int Length)? Gunzip(ReadOnlyMemory<byte> packed, int maxBytes)
    {
        ArraySegment<byte> array = MemoryMarshal.TryGetArray(packed, out ArraySegment<byte> segment) ? segment : packed.ToArray();
        try
        {
            using var stream = new GZipStream(new MemoryStream(array.Array!, array.Offset, array.Count), CompressionMode.Decompress);
            return Bounded.ReadToEnd(stream, maxBytes);
        }
        catch (InvalidDataException malformed)
        {
            throw new InvalidDataException("no valid gzip: " + malformed.Message, malformed);
        }
    }

    private static (byte[] Rented, int Length)? Unsnap(ReadOnlySpan<byte> packed, int maxBytes)
    {
        uint announced = SnappyBlock.TextLength(packed, out int start);
        if (announced > (uint)maxBytes)
        {
            return null;
        }
        if (announced > (ulong)SnappyBlock.MostOfByte * (ulong)packed.Length)
        {
            throw new InvalidDataException(string.Create(
                CultureInfo.InvariantCulture, $"no valid block of Snappy: it announces {announced} bytes, and a byte stands for {SnappyBlock.MostOfByte} at most"));
        }
        int length = (int)announced;
        byte[] rented = BodyPool.Bodies.Rent(Math.Max(1, length));
        try
        {
            SnappyBlock.Decode(packed[start..], rented.AsSpan(0, length));
        }
        catch
        {
            BodyPool.Bodies.Return(rented);
            throw;
        }
        return (rented, length);
    }
}
