namespace SloEngine.Otlp;

/// <summary>Reads of streams that may hold more than they should, such as decompressed bodies.</summary>
public static class Bounded
{
    /// <summary>Reads to the end into a rented array; null when there is more than <paramref name="maxBytes"/>.</summary>
    public static (byte[] Rented, int Length)? ReadToEnd(Stream stream, int maxBytes)
    {
        byte[] rented = BodyPool.Bodies.Rent(Math.Min(maxBytes, 64 << 10) + 1);
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
                    BodyPool.Bodies.Return(rented);
                    return null;
                }
                if (length == rented.Length)
                {
                    byte[] larger = BodyPool.Bodies.Rent((int)Math.Min((long)length * 2, maxBytes + 1L));
                    rented.AsSpan(0, length).CopyTo(larger);
                    BodyPool.Bodies.Return(rented);
                    rented = larger;
                }
            }
        }
        catch
        {
            BodyPool.Bodies.Return(rented);
            throw;
        }
    }
}
