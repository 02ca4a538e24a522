namespace SloEngine.Otlp.Tests.Fuzz;

/// <summary>Damages a payload in one to three of the ways that find faults in parsers.</summary>
internal sealed class Mutator(byte[][] payloads, bool isText)
{
    private static readonly byte[][] Tokens =
        [.. new[] { "{", "}", "[", "]", ":", ",", "\"", "null", "true", "-1", "1e999", "\\ud800", "\\u0000", "18446744073709551616", "[[[[[[[[", "{\"a\":{\"a\":" }
            .Select(System.Text.Encoding.UTF8.GetBytes)];

    public ReadOnlySpan<byte> Mutate(Random random, byte[] buffer)
    {
        byte[] start = payloads[random.Next(payloads.Length)];
        start.CopyTo(buffer, 0);
        int length = start.Length;
        for (int damage = random.Next(1, 4); damage > 0 && length > 0; damage--)
        {
            length = Damage(random, buffer, length);
        }
        return buffer.AsSpan(0, length);
    }

    private int Damage(Random random, byte[] buffer, int length)
    {
        int at = random.Next(length);
        switch (random.Next(8))
        {
            case 0:
                buffer[at] ^= (byte)(1 << random.Next(8));
                return length;
            case 1:
                buffer[at] = (byte)random.Next(256);
                return length;
            case 2:
                return at;
            case 3:
                // A stretch again, right after itself.
                int again = Math.Min(random.Next(1, 64), length - at);
                return Insert(buffer, length, at, buffer.AsSpan(at, again).ToArray());
            case 4:
                int gone = Math.Min(random.Next(1, 32), length - at);
                buffer.AsSpan(at + gone, length - at - gone).CopyTo(buffer.AsSpan(at));
                return length - gone;
            case 5:
                byte[] other = payloads[random.Next(payloads.Length)];
                int from = random.Next(other.Length);
                return Insert(buffer, length, at, other.AsSpan(from, Math.Min(random.Next(1, 200), other.Length - from)));
            case 6:
                return isText ? Insert(buffer, length, at, Tokens[random.Next(Tokens.Length)]) : HugeVarint(random, buffer, length, at);
            default:
                return Nest(random, buffer, length, at);
        }
    }

    /// <summary>A length, number or tag as large as it gets.</summary>
    private static int HugeVarint(Random random, byte[] buffer, int length, int at)
    {
        int end = Math.Min(length, at + random.Next(1, 11));
        buffer.AsSpan(at, end - at).Fill(0xFF);
        buffer[end - 1] = (byte)random.Next(128);
        return length;
    }

    /// <summary>Wraps all that follows in messages, groups or arrays many deep.</summary>
    private int Nest(Random random, byte[] buffer, int length, int at)
    {
        int depth = random.Next(1, 120);
        if (isText)
        {
            return Insert(buffer, length, at, new string(random.Next(2) == 0 ? '[' : '{', depth).Select(letter => (byte)letter).ToArray());
        }
        Span<byte> nested = stackalloc byte[depth * 2];
        byte tag = (byte)(random.Next(1, 16) << 3 | (random.Next(3) == 0 ? 3 : 2));
        for (int level = 0; level < depth; level++)
        {
            nested[level * 2] = tag;
            nested[level * 2 + 1] = (tag & 7) == 3 ? tag : (byte)Math.Min(127, (depth - 1 - level) * 2);
        }
        return Insert(buffer, length, at, nested);
    }

    private static int Insert(byte[] buffer, int length, int at, ReadOnlySpan<byte> bytes)
    {
        if (length + bytes.Length > buffer.Length)
        {
            return length;
        }
        buffer.AsSpan(at, length - at).CopyTo(buffer.AsSpan(at + bytes.Length));
        bytes.CopyTo(buffer.AsSpan(at));
        return length + bytes.Length;
    }
}
