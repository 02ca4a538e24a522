using System.Buffers;

namespace SloEngine.Otlp;

/// <summary>Reads of streams that may hold more than they should, such as decompressed bodies.</summary>
public static class Bounded
{
    /// <summary>Reads to the end into a rented array; null when there is more than <paramref name="maxBytes"/>.</summary>
    public static (byte[] Rented, int Length)? ReadToEnd(Stream stream, int maxBytes)
    {
        byte[] rented = ArrayPool<byte>.Shared.Rent(Math.Min(maxBytes, 64 << 10) + 1);
        int length = 0;
        try
        {
            while (true)
            {
                int read = stream.Read(rented, length, rented.Length - length);
                length += read;
                if (read == 0)
                {
                    return (rented, length);
                }
                if (length > maxBytes)
                {
                    ArrayPool<byte>.Shared.Return(rented);
                    return null;
                }
                if (length == rented.Length)
                {
                    byte[] larger = ArrayPool<byte>.Shared.Rent((int)Math.Min((long)length * 2, maxBytes + 1L));
                    rented.AsSpan(0, length).CopyTo(larger);
                    ArrayPool<byte>.Shared.Return(rented);
                    rented = larger;
                }
            }
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(rented);
            throw;
        }
    }
}
