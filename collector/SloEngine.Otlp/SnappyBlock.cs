using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace SloEngine.Otlp;

/// <summary>
/// Decodes blocks of Snappy (google/snappy, format_description.txt) into memory that the caller has: remote write sends nothing else, and packages
/// allocate each text anew.
/// </summary>
public static class SnappyBlock
{
    /// <summary>Bytes that an element of a block stands for at most; it has at least one itself.</summary>
    public const int MostOfByte = 64;

    private const int Wide = 16;

    /// <summary>Bytes of a literal that a tag can tell of; the length of longer ones follows it.</summary>
    private const int MostOfTag = 60;

    /// <summary>The length of the text, with which a block begins, as a varint of 32 bits; <paramref name="length"/> is the varint's own.</summary>
    /// <exception cref="InvalidDataException">There is none.</exception>
    public static uint TextLength(ReadOnlySpan<byte> block, out int length)
    {
        ulong announced = 0;
        for (length = 0; length < block.Length && length < 5; length++)
        {
            announced |= (ulong)(block[length] & 0x7F) << (7 * length);
            if (block[length] < 0x80)
            {
                length++;
                return announced <= uint.MaxValue ? (uint)announced : throw Malformed("the length it begins with has more than 32 bits");
            }
        }
        throw Malformed("it does not begin with its length");
    }

    /// <summary>Decodes the elements that follow the length of a block into <paramref name="text"/>, which is as long as that length says.</summary>
    /// <exception cref="InvalidDataException">They are malformed, or make another length.</exception>
    public static void Decode(ReadOnlySpan<byte> elements, Span<byte> text)
    {
        int read = 0;
        int written = 0;
        while (read < elements.Length)
        {
            DecodeOne(elements, text, ref read, ref written);
            DecodePlain(elements, text, ref read, ref written);
        }
        if (written != text.Length)
        {
            throw Malformed(string.Create(CultureInfo.InvariantCulture, $"it ends after {written} of {text.Length} bytes"));
        }
    }

    /// <summary>
    /// Decodes elements up to the first that is not plain: those away from the ends, of no more than <see cref="MostOfByte"/> bytes of text, that repeat
    /// nothing nearer than a vector. They are copied by whole vectors, and what is behind them is written over by the next.
    /// </summary>
    private static unsafe void DecodePlain(ReadOnlySpan<byte> elements, Span<byte> text, ref int read, ref int written)
    {
        if (elements.Length <= MostOfByte || text.Length < MostOfByte)
        {
            return;
        }
        fixed (byte* block = elements, begin = text)
        {
            byte* from = block + read;
            byte* to = begin + written;
            byte* lastFrom = block + elements.Length - 1 - MostOfByte;
            byte* lastTo = begin + text.Length - MostOfByte;
            while (from <= lastFrom && to <= lastTo)
            {
                byte* element = from;
                uint tag = *from;
                uint kind = tag & 3;
                uint length = (tag >> 2) + 1;
                byte* source;
                if (kind == 0)
                {
                    if (length > MostOfTag)
                    {
                        break;
                    }
                    source = from + 1;
                    from += 1 + length;
                }
                else
                {
                    nint offset;
                    if (kind == 2)
                    {
                        offset = Unsafe.ReadUnaligned<ushort>(from + 1);
                        from += 3;
                    }
                    else if (kind == 1)
                    {
                        length = ((tag >> 2) & 7) + 4;
                        offset = (nint)((tag >> 5) << 8) | from[1];
                        from += 2;
                    }
                    else
                    {
                        break;
                    }
                    if (offset < Wide || offset > to - begin)
                    {
                        from = element;
                        break;
                    }
                    source = to - offset;
                }
                CopyPlain(source, to, length);
                to += length;
            }
            read = (int)(from - block);
            written = (int)(to - begin);
        }
    }

    /// <summary>Decodes an element, whatever it is.</summary>
    private static void DecodeOne(ReadOnlySpan<byte> elements, Span<byte> text, ref int read, ref int written)
    {
        int tag = elements[read++];
        int length = (tag >> 2) + 1;
        uint offset;
        switch (tag & 3)
        {
            case 0:
                length = LongLiteral(elements, ref read, length);
                if (length > text.Length - written)
                {
                    throw TooMuch(text.Length);
                }
                elements.Slice(read, length).CopyTo(text[written..]);
                read += length;
                written += length;
                return;
            case 1:
                length = ((tag >> 2) & 7) + 4;
                offset = (uint)((tag >> 5) << 8) | Bytes(elements, read, 1)[0];
                read++;
                break;
            case 2:
                offset = BinaryPrimitives.ReadUInt16LittleEndian(Bytes(elements, read, 2));
                read += 2;
                break;
            default:
                offset = BinaryPrimitives.ReadUInt32LittleEndian(Bytes(elements, read, 4));
                read += 4;
                break;
        }
        if (offset - 1 >= (uint)written)
        {
            throw Malformed(string.Create(CultureInfo.InvariantCulture, $"it repeats what is {offset} bytes back, after {written} bytes"));
        }
        if (length > text.Length - written)
        {
            throw TooMuch(text.Length);
        }
        Repeat(text, written, (int)offset, length);
        written += length;
    }

    /// <summary>The length of a literal, which is in 1 to 4 bytes after the tag when the tag's own is more than 60; all of it is there.</summary>
    private static int LongLiteral(ReadOnlySpan<byte> elements, ref int read, int length)
    {
        if (length > MostOfTag)
        {
            int bytes = length - MostOfTag;
            uint value = 0;
            foreach (byte part in Bytes(elements, read, bytes))
            {
                value = (value >> 8) | ((uint)part << 24);
            }
            value >>= 32 - (8 * bytes);
            read += bytes;
            length = value < int.MaxValue ? (int)value + 1 : int.MaxValue;
        }
        return length <= elements.Length - read
            ? length
            : throw Malformed(string.Create(CultureInfo.InvariantCulture, $"it ends within a literal of {length} bytes"));
    }

    /// <summary>Copies what was written <paramref name="offset"/> bytes ago: with itself, when it is nearer than it is long.</summary>
    private static void Repeat(Span<byte> text, int written, int offset, int length)
    {
        if (offset >= length)
        {
            text.Slice(written - offset, length).CopyTo(text[written..]);
            return;
        }
        for (int at = written; at < written + length; at++)
        {
            text[at] = text[at - offset];
        }
    }

    /// <summary>Copies an element by the least vectors that it needs: one that reads what was just written waits for it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void CopyPlain(byte* from, byte* to, uint length)
    {
        Vector128.Store(Vector128.Load(from), to);
        if (length > Wide)
        {
            Vector128.Store(Vector128.Load(from + Wide), to + Wide);
            if (length > 2 * Wide)
            {
                Vector128.Store(Vector128.Load(from + (2 * Wide)), to + (2 * Wide));
                Vector128.Store(Vector128.Load(from + (3 * Wide)), to + (3 * Wide));
            }
        }
    }

    private static ReadOnlySpan<byte> Bytes(ReadOnlySpan<byte> elements, int read, int count) =>
        count <= elements.Length - read ? elements.Slice(read, count) : throw Malformed("it ends within an element");

    private static InvalidDataException TooMuch(int length) =>
        Malformed(string.Create(CultureInfo.InvariantCulture, $"it has more than the {length} bytes that it announces"));

    private static InvalidDataException Malformed(string why) => new("no valid block of Snappy: " + why);
}
