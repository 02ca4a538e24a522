using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace SloEngine.Otlp.Protobuf;

/// <summary>Wire types of the protobuf encoding (protobuf.dev, "Encoding").</summary>
public enum WireType
{
    /// <summary>Seven bits a byte, the lowest first.</summary>
    Varint = 0,
    /// <summary>Eight bytes.</summary>
    Fixed64 = 1,
    /// <summary>A length and that many bytes.</summary>
    LengthDelimited = 2,
    /// <summary>Begin of a group.</summary>
    StartGroup = 3,
    /// <summary>End of a group.</summary>
    EndGroup = 4,
    /// <summary>Four bytes.</summary>
    Fixed32 = 5,
}

/// <summary>Walks the fields of one encoded message without copying. Every read is bounds-checked; errors carry the offset in the request.</summary>
/// <param name="message">The message.</param>
/// <param name="offset">Its position in the request, for errors.</param>
public ref struct ProtobufReader(ReadOnlySpan<byte> message, int offset = 0)
{
    private const int MaxGroupDepth = 32;

    private readonly ReadOnlySpan<byte> _message = message;
    private readonly int _offset = offset;
    private int _position;

    /// <summary>Number of the field last read by <see cref="Next"/>.</summary>
    public int Field { get; private set; }

    /// <summary>Wire type of that field.</summary>
    public WireType Type { get; private set; }

    /// <summary>Offset in the request of the next byte.</summary>
    public readonly int Offset => _offset + _position;

    /// <summary>Position in this message of the next byte.</summary>
    public readonly int Position => _position;

    /// <summary>Position of the tag of the field last read.</summary>
    public int FieldStart { get; private set; }

    /// <summary>Whether everything has been read.</summary>
    public readonly bool AtEnd => _position >= _message.Length;

    /// <summary>The bytes of this message.</summary>
    public readonly ReadOnlySpan<byte> Message => _message;

    /// <summary>A reader of this message from its start.</summary>
    public readonly ProtobufReader Rewound => new(_message, _offset);

    /// <summary>A reader of this message from the field that begins at <paramref name="position"/>.</summary>
    public readonly ProtobufReader From(int position) => new(_message, _offset) { _position = position };

    /// <summary>Moves to the next field; false at the end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Next()
    {
        int position = _position;
        if ((uint)position >= (uint)_message.Length)
        {
            return false;
        }
        FieldStart = position;
        uint tag = _message[position];
        Type = (WireType)(tag & 7);
        Field = (int)(tag >> 3);
        if (tag is < 0x80 and > 7 && Type <= WireType.Fixed32)
        {
            _position = position + 1;
            return true;
        }
        LongTag();
        return true;
    }

    /// <summary>Reads a varint.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Varint()
    {
        int position = _position;
        if ((uint)position < (uint)_message.Length && _message[position] < 0x80)
        {
            _position = position + 1;
            return _message[position];
        }
        return LongVarint();
    }

    /// <summary>Reads the varint of the field last read.</summary>
    public ulong VarintField()
    {
        Expect(WireType.Varint);
        return Varint();
    }

    /// <summary>Reads the 64 bits of the field last read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Fixed64Field()
    {
        Expect(WireType.Fixed64);
        return Fixed64();
    }

    /// <summary>Reads the 32 bits of the field last read.</summary>
    public uint Fixed32Field()
    {
        Expect(WireType.Fixed32);
        if (_message.Length - _position < 4)
        {
            Throw("the message ends inside a 32-bit value", _position);
        }
        uint value = BinaryPrimitives.ReadUInt32LittleEndian(_message[_position..]);
        _position += 4;
        return value;
    }

    /// <summary>Reads the double of the field last read.</summary>
    public double DoubleField() => BitConverter.UInt64BitsToDouble(Fixed64Field());

    /// <summary>Reads the bytes of the field last read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> BytesField()
    {
        Expect(WireType.LengthDelimited);
        ulong length = Varint();
        if (length > (ulong)(_message.Length - _position))
        {
            ThrowLength(length);
        }
        ReadOnlySpan<byte> bytes = _message.Slice(_position, (int)length);
        _position += (int)length;
        return bytes;
    }

    /// <summary>A reader of the message of the field last read.</summary>
    public ProtobufReader MessageField()
    {
        ReadOnlySpan<byte> bytes = BytesField();
        return new ProtobufReader(bytes, Offset - bytes.Length);
    }

    /// <summary>A text or bytes field ahead in this message; the last counts of several (protobuf.dev, "Last One Wins"). This reader does not move.</summary>
    public readonly ReadOnlySpan<byte> Last(int field)
    {
        ReadOnlySpan<byte> last = default;
        ProtobufReader ahead = this;
        while (ahead.Next())
        {
            if (ahead.Field == field)
            {
                last = ahead.BytesField();
            }
            else
            {
                ahead.Skip();
            }
        }
        return last;
    }

    /// <summary>
    /// A message field ahead in this message; several are merged, which in this encoding is their bytes one after the other (protobuf.dev,
    /// "Last One Wins"). This reader does not move.
    /// </summary>
    public readonly ReadOnlySpan<byte> Merged(int field) => Merged(field, text: 0, out _);

    /// <summary><see cref="Merged(int)"/> and, in the same look ahead, <see cref="Last"/> of another field.</summary>
    public readonly ReadOnlySpan<byte> Merged(int field, int text, out ReadOnlySpan<byte> last)
    {
        ReadOnlySpan<byte> merged = default;
        last = default;
        ProtobufReader ahead = this;
        while (ahead.Next())
        {
            if (ahead.Field == text)
            {
                last = ahead.BytesField();
                continue;
            }
            if (ahead.Field != field)
            {
                ahead.Skip();
                continue;
            }
            ReadOnlySpan<byte> next = ahead.BytesField();
            if (!merged.IsEmpty && !next.IsEmpty)
            {
                last = Last(text);
                return Joined(field);
            }
            merged = merged.IsEmpty ? next : merged;
        }
        return merged;
    }

    /// <summary>A reader of <see cref="Merged(int)"/>; its offsets are about those of this message.</summary>
    public readonly ProtobufReader MergedField(int field) => new(Merged(field), Offset);

    /// <summary>
    /// Of a oneof with several members ahead in this message: a reader of the one field that counts, the last, which as a message is merged with
    /// those of its number right before it. This reader does not move.
    /// </summary>
    /// <param name="members">Field numbers of the oneof, as bits.</param>
    /// <param name="messages">Those of them that are messages.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public readonly ProtobufReader Settled(uint members, uint messages)
    {
        ProtobufReader ahead = this;
        ProtobufReader run = this;
        ReadOnlySpan<byte> last = default;
        int field = 0;
        while (!ahead.AtEnd)
        {
            ProtobufReader before = ahead;
            ahead.Next();
            ahead.Skip(0);
            if (ahead.Field < 32 && (members >> ahead.Field & 1) != 0)
            {
                run = ahead.Field == field ? run : before;
                field = ahead.Field;
                last = _message[ahead.FieldStart..ahead._position];
            }
        }
        if ((messages >> field & 1) != 0)
        {
            var single = new ProtobufWriter();
            single.Bytes(field, run.Merged(field));
            last = single.Written.Span;
        }
        return new ProtobufReader(last, Offset);
    }

    /// <summary>Skips the field last read.</summary>
    public void Skip() => Skip(0);

    /// <summary>Reads 64 bits.</summary>
    public ulong Fixed64()
    {
        if (_message.Length - _position < 8)
        {
            Throw("the message ends inside a 64-bit value", _position);
        }
        ulong value = BinaryPrimitives.ReadUInt64LittleEndian(_message[_position..]);
        _position += 8;
        return value;
    }

    /// <summary>Fails at the field last read.</summary>
    [DoesNotReturn]
    public readonly void Fail(string problem) => Throw(problem, FieldStart);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private readonly ReadOnlySpan<byte> Joined(int field)
    {
        var joined = new ArrayBufferWriter<byte>(_message.Length - _position);
        ProtobufReader ahead = this;
        while (ahead.Next())
        {
            if (ahead.Field == field)
            {
                joined.Write(ahead.BytesField());
            }
            else
            {
                ahead.Skip();
            }
        }
        return joined.WrittenSpan;
    }

    private void Skip(int depth)
    {
        switch (Type)
        {
            case WireType.Varint:
                Varint();
                break;
            case WireType.Fixed64:
                Fixed64();
                break;
            case WireType.LengthDelimited:
                BytesField();
                break;
            case WireType.Fixed32:
                Fixed32Field();
                break;
            case WireType.StartGroup:
                SkipGroup(depth);
                break;
            default:
                Throw("a group ends that never began", FieldStart);
                break;
        }
    }

    private void SkipGroup(int depth)
    {
        int field = Field;
        if (depth == MaxGroupDepth)
        {
            Throw($"groups are nested deeper than {MaxGroupDepth}", FieldStart);
        }
        while (Next())
        {
            if (Type == WireType.EndGroup)
            {
                if (Field != field)
                {
                    Throw("a group ends that never began", FieldStart);
                }
                return;
            }
            Skip(depth + 1);
        }
        Throw("the message ends inside a group", _position);
    }

    /// <summary>A tag of more than one byte, or one that is invalid.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void LongTag()
    {
        ulong tag = LongVarint();
        Type = (WireType)(tag & 7);
        ulong field = tag >> 3;
        if (field is 0 or > 536_870_911 || Type > WireType.Fixed32)
        {
            Throw("an invalid field tag", FieldStart);
        }
        Field = (int)field;
    }

    private ulong LongVarint()
    {
        int length = Protobuf.Varint.Read(_message[_position..], out ulong value);
        if (length == 0)
        {
            Throw(_message.Length - _position < 10 ? "the message ends inside a varint" : "a varint is longer than 10 bytes", _position);
        }
        _position += length;
        return value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Expect(WireType expected)
    {
        if (Type != expected)
        {
            ThrowType(expected);
        }
    }

    [DoesNotReturn]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private readonly void ThrowLength(ulong length) => Throw($"a length of {length} reaches past the end of its message", _position);

    [DoesNotReturn]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private readonly void ThrowType(WireType expected) => Throw($"field {Field} has wire type {Type}, expected {expected}", FieldStart);

    [DoesNotReturn]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private readonly void Throw(string problem, int position) => throw new OtlpFormatException(problem, _offset + position);
}
