using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace SloEngine.Otlp.Protobuf;

/// <summary>Writes protobuf fields into a growing buffer; nested messages are written in place, and moved where their length takes more than a byte.</summary>
public sealed class ProtobufWriter
{
    private byte[] _buffer = new byte[1024];
    private int _length;

    /// <summary>What has been written.</summary>
    public ReadOnlyMemory<byte> Written => _buffer.AsMemory(0, _length);

    /// <summary>Empties the writer and keeps its memory.</summary>
    public void Clear() => _length = 0;

    /// <summary>Writes fields that are encoded already.</summary>
    public void Encoded(ReadOnlySpan<byte> fields) => fields.CopyTo(Reserve(fields.Length));

    /// <summary>Writes a varint field.</summary>
    public void Varint(int field, ulong value)
    {
        Tag(field, WireType.Varint);
        Raw(value);
    }

    /// <summary>Writes a varint without a tag: an element of a packed field, written as <see cref="Bytes"/>.</summary>
    public void Element(ulong value) => Raw(value);

    /// <summary>Writes a fixed64 field.</summary>
    public void Fixed64(int field, ulong value)
    {
        Tag(field, WireType.Fixed64);
        BinaryPrimitives.WriteUInt64LittleEndian(Reserve(8), value);
    }

    /// <summary>Writes a fixed32 field.</summary>
    public void Fixed32(int field, uint value)
    {
        Tag(field, WireType.Fixed32);
        BinaryPrimitives.WriteUInt32LittleEndian(Reserve(4), value);
    }

    /// <summary>Writes a double field.</summary>
    public void Double(int field, double value) => Fixed64(field, BitConverter.DoubleToUInt64Bits(value));

    /// <summary>Writes a bytes field.</summary>
    public void Bytes(int field, ReadOnlySpan<byte> value)
    {
        Tag(field, WireType.LengthDelimited);
        Raw((ulong)value.Length);
        value.CopyTo(Reserve(value.Length));
    }

    /// <summary>Writes a string field.</summary>
    public void Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    /// <summary>Begins a nested message; give the result to <see cref="End"/>.</summary>
    public int Begin(int field)
    {
        Tag(field, WireType.LengthDelimited);
        Reserve(1);
        return _length;
    }

    /// <summary>Ends the nested message that <see cref="Begin"/> began. One of 128 bytes or more is moved by a few: what lies deep is moved once a level.</summary>
    public void End(int start)
    {
        int length = _length - start;
        int more = BitOperations.Log2((uint)length | 1) / 7;
        if (more > 0)
        {
            Reserve(more);
            _buffer.AsSpan(start, length).CopyTo(_buffer.AsSpan(start + more));
        }
        int last = start - 1 + more;
        for (int index = start - 1; index <= last; index++)
        {
            _buffer[index] = (byte)((length & 0x7F) | (index < last ? 0x80 : 0));
            length >>= 7;
        }
    }

    private void Tag(int field, WireType type) => Raw(((ulong)(uint)field << 3) | (uint)type);

    private void Raw(ulong value)
    {
        Span<byte> bytes = Reserve(10);
        int count = 0;
        while (value >= 0x80)
        {
            bytes[count++] = (byte)(value | 0x80);
            value >>= 7;
        }
        bytes[count++] = (byte)value;
        _length -= 10 - count;
    }

    private Span<byte> Reserve(int count)
    {
        if (_buffer.Length - _length < count)
        {
            Array.Resize(ref _buffer, Math.Max(_length + count, _buffer.Length * 2));
        }
        Span<byte> span = _buffer.AsSpan(_length, count);
        _length += count;
        return span;
    }
}
