using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace SloEngine.Query.Arrow;

/// <summary>A field of a table: a number in its own width, or the place of something written before.</summary>
internal readonly record struct FlatField(int Size, long Value, bool IsReference)
{
    public static FlatField Absent => default;

    public static FlatField Byte(byte value) => new(1, value, false);

    public static FlatField Short(short value) => new(2, value, false);

    public static FlatField Int(int value) => new(4, value, false);

    public static FlatField Long(long value) => new(8, value, false);

    public static FlatField Reference(int place) => new(4, place, true);
}

/// <summary>
/// Writes FlatBuffers (flatbuffers.dev, "Binary format") from the end to the beginning: what is referred to is written first. Places are counted
/// from the end.
/// </summary>
internal sealed class FlatBufferWriter
{
    private byte[] _buffer = new byte[1024];
    private int _head = 1024;
    private int _alignment = 1;

    private int Place => _buffer.Length - _head;

    public int Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        // A zero follows, which the length does not count.
        Align(sizeof(int), bytes.Length + 1);
        Reserve(1)[0] = 0;
        bytes.CopyTo(Reserve(bytes.Length));
        Put(bytes.Length);
        return Place;
    }

    /// <summary>A table; fields stand by their ids.</summary>
    public int Table(params ReadOnlySpan<FlatField> fields)
    {
        int end = Place;
        Span<int> places = stackalloc int[fields.Length];
        for (int id = 0; id < fields.Length; id++)
        {
            FlatField field = fields[id];
            if (field.Size == 0)
            {
                continue;
            }
            Align(field.Size, 0);
            if (field.IsReference)
            {
                Refer((int)field.Value);
            }
            else
            {
                long value = field.Value;
                MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in value))[..field.Size].CopyTo(Reserve(field.Size));
            }
            places[id] = Place;
        }
        Align(sizeof(int), 0);
        Put(0);
        int table = Place;
        for (int id = fields.Length - 1; id >= 0; id--)
        {
            Put((short)(places[id] == 0 ? 0 : table - places[id]));
        }
        Put((short)(table - end));
        Put((short)((fields.Length + 2) * sizeof(short)));
        MemoryMarshal.Write(_buffer.AsSpan(_buffer.Length - table), Place - table);
        return table;
    }

    /// <summary>A vector of what was written before.</summary>
    public int References(ReadOnlySpan<int> places)
    {
        Align(sizeof(int), places.Length * sizeof(int));
        for (int index = places.Length - 1; index >= 0; index--)
        {
            Refer(places[index]);
        }
        Put(places.Length);
        return Place;
    }

    /// <summary>A vector of structs of two 64-bit numbers.</summary>
    public int Pairs(ReadOnlySpan<(long First, long Second)> pairs)
    {
        const int Size = 2 * sizeof(long);
        Align(sizeof(int), pairs.Length * Size);
        Align(sizeof(long), pairs.Length * Size);
        for (int index = pairs.Length - 1; index >= 0; index--)
        {
            Put(pairs[index].Second);
            Put(pairs[index].First);
        }
        Put(pairs.Length);
        return Place;
    }

    /// <summary>Ends with the table that readers begin with.</summary>
    public ReadOnlySpan<byte> Finish(int root)
    {
        Align(Math.Max(_alignment, sizeof(int)), sizeof(int));
        Refer(root);
        return _buffer.AsSpan(_head);
    }

    private void Refer(int place)
    {
        Align(sizeof(int), 0);
        Put(Place + sizeof(int) - place);
    }

    private void Put<T>(T value)
        where T : unmanaged => MemoryMarshal.Write(Reserve(Unsafe.SizeOf<T>()), value);

    /// <summary>Fills up so that what follows is aligned once so many further bytes are written.</summary>
    private void Align(int size, int further)
    {
        _alignment = Math.Max(_alignment, size);
        Reserve(-(Place + further) & (size - 1)).Clear();
    }

    private Span<byte> Reserve(int count)
    {
        if (_head < count)
        {
            byte[] larger = new byte[(_buffer.Length * 2) + count];
            int place = Place;
            _buffer.AsSpan(_head).CopyTo(larger.AsSpan(larger.Length - place));
            (_buffer, _head) = (larger, larger.Length - place);
        }
        _head -= count;
        return _buffer.AsSpan(_head, count);
    }
}
