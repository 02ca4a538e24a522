using System.Runtime.CompilerServices;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.Hashing;

/// <summary>
/// The fields of one number in a message, such as the attributes of a point or the labels of a series, as bytes to be hashed: one slice where they stand
/// together, as encoders write them.
/// </summary>
internal struct FieldRun
{
    private int _start;
    private int _end;
    private bool _scattered;

    /// <summary>Bytes at the message's beginning that are these fields; none when others stand before or between them.</summary>
    public readonly int Prefix => _start == 0 && !_scattered ? _end : 0;

    /// <summary>Takes the field that a reader is at, and moves the reader past it.</summary>
    public void Add(ref ProtobufReader message)
    {
        if (_end == 0)
        {
            _start = message.FieldStart;
        }
        else if (message.FieldStart != _end)
        {
            _scattered = true;
        }
        message.BytesField();
        _end = message.Position;
    }

    /// <summary>Hash of the fields under a key.</summary>
    public readonly UInt128 Hash(ReadOnlySpan<byte> message, int field, UInt128 key) =>
        _scattered ? HashScattered(message, field, key) : IdentityHash.Hash(message[_start.._end], key);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static UInt128 HashScattered(ReadOnlySpan<byte> message, int field, UInt128 key)
    {
        var reader = new ProtobufReader(message);
        while (reader.Next())
        {
            if (reader.Field == field)
            {
                key = IdentityHash.Hash(reader.BytesField(), key);
            }
            else
            {
                reader.Skip();
            }
        }
        return key;
    }
}
