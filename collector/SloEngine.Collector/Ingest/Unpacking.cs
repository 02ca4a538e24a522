using System.Globalization;
using System.IO.Compression;
using System.Runtime.InteropServices;
using IronSnappy;
using SloEngine.Otlp;

namespace SloEngine.Collector.Ingest;

/// <summary>Unpacks requests, within a limit.</summary>
internal static class Unpacking
{
    /// <summary>A byte of deflate stands for so many at most (zlib.net, "Maximum Compression Factor").</summary>
    private const long MostOfGzip = 1032;

    /// <summary>An element of Snappy stands for 64 at most, and has at least a byte (google/snappy, format_description.txt).</summary>
    private const long MostOfSnappy = 64;

    /// <summary>Bytes that a request may have unpacked.</summary>
    public static long MostBytes(int packed, RequestPacking packing, int maxBytes) =>
        Math.Min(maxBytes, packed * (packing == RequestPacking.Gzip ? MostOfGzip : MostOfSnappy));

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

    /// <summary>Decodes the block format of Snappy, whose first bytes say how long the text is.</summary>
    private static (byte[] Rented, int Length)? Unsnap(ReadOnlySpan<byte> packed, int maxBytes)
    {
        ulong announced = 0;
        for (int index = 0; ; index++)
        {
            if (index == packed.Length || index == 5)
            {
                throw NoSnappy("it does not begin with its length");
            }
            announced |= (ulong)(packed[index] & 0x7F) << (7 * index);
            if (packed[index] < 0x80)
            {
                break;
            }
        }
        if (announced > (ulong)maxBytes)
        {
            return null;
        }
        if (announced > (ulong)MostOfSnappy * (ulong)packed.Length)
        {
            throw NoSnappy(string.Create(CultureInfo.InvariantCulture, $"it announces {announced} bytes, and a byte stands for {MostOfSnappy} at most"));
        }
        byte[] decoded;
        try
        {
            decoded = Snappy.Decode(packed);
        }
        catch (Exception malformed) when (malformed is not OutOfMemoryException)
        {
            throw NoSnappy(malformed.Message);
        }
        byte[] rented = BodyPool.Bodies.Rent(Math.Max(1, decoded.Length));
        decoded.CopyTo(rented, 0);
        return (rented, decoded.Length);
    }

    private static InvalidDataException NoSnappy(string why) => new("no valid block of Snappy: " + why);
}
