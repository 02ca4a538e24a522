using Google.Protobuf.Reflection;

namespace SloEngine.Otlp.Tests.Oracle;

/// <summary>
/// Writes the same message in another way that the protobuf encoding allows: fields out of order, unknown fields, packed fields unpacked or in
/// pieces, singular fields twice, and varints longer than they need be. What it means stays for a generated reader to say.
/// </summary>
internal sealed class WireScrambler(int seed)
{
    private readonly Random _random = new(seed);

    public byte[] Scramble(ReadOnlySpan<byte> message, MessageDescriptor type)
    {
        var parts = new List<(int Field, byte[] Bytes)>();
        int at = 0;
        while (at < message.Length)
        {
            uint tag = (uint)Varint(message, ref at);
            Part((int)(tag >> 3), (int)(tag & 7), message, ref at, type, parts);
        }
        for (int unknown = Chance(4) ? _random.Next(1, 3) : 0; unknown > 0; unknown--)
        {
            parts.Insert(_random.Next(parts.Count + 1), (-1, Unknown()));
        }
        if (Chance(3))
        {
            Shuffle(parts);
        }
        return [.. parts.SelectMany(part => part.Bytes)];
    }

    private void Part(int number, int wireType, ReadOnlySpan<byte> message, ref int at, MessageDescriptor type, List<(int Field, byte[] Bytes)> parts)
    {
        FieldDescriptor field = type.FindFieldByNumber(number) ?? throw new InvalidOperationException($"{type.Name} has no field {number}");
        if (field.RealContainingOneof is { } oneof && Chance(15))
        {
            parts.Add((-2, Empty(oneof.Fields[_random.Next(oneof.Fields.Count)])));
        }
        var part = new MemoryStream();
        switch (wireType)
        {
            case 0:
                ulong value = Varint(message, ref at);
                if (!field.IsRepeated && Chance(30))
                {
                    Tag(part, number, 0);
                    Varint(part, (ulong)_random.Next(300));
                }
                Tag(part, number, 0);
                Varint(part, value);
                break;
            case 1 or 5:
                int width = wireType == 1 ? 8 : 4;
                if (!field.IsRepeated && Chance(30))
                {
                    Tag(part, number, wireType);
                    part.Write(new byte[width]);
                }
                Tag(part, number, wireType);
                part.Write(message.Slice(at, width));
                at += width;
                break;
            default:
                int length = (int)Varint(message, ref at);
                ReadOnlySpan<byte> bytes = message.Slice(at, length);
                at += length;
                Delimited(number, field, bytes, part);
                break;
        }
        parts.Add((number, part.ToArray()));
    }

    private void Delimited(int number, FieldDescriptor field, ReadOnlySpan<byte> bytes, MemoryStream part)
    {
        if (field.FieldType == FieldType.Message)
        {
            byte[] scrambled = Scramble(bytes, field.MessageType);
            if (!field.IsRepeated && Chance(20))
            {
                // Singular messages that come twice are merged (protobuf.dev, "Last One Wins").
                int cut = Boundary(scrambled);
                Write(part, number, scrambled.AsSpan(0, cut));
                Write(part, number, scrambled.AsSpan(cut));
                return;
            }
            Write(part, number, scrambled);
            return;
        }
        if (!field.IsRepeated || field.FieldType is FieldType.String or FieldType.Bytes)
        {
            if (!field.IsRepeated && Chance(30))
            {
                Write(part, number, "overridden"u8);
            }
            Write(part, number, bytes);
            return;
        }
        int width = field.FieldType switch
        {
            FieldType.Double or FieldType.Fixed64 or FieldType.SFixed64 => 8,
            FieldType.Float or FieldType.Fixed32 or FieldType.SFixed32 => 4,
            _ => 0,
        };
        if (Chance(3))
        {
            for (int at = 0; at < bytes.Length;)
            {
                Tag(part, number, width switch { 8 => 1, 4 => 5, _ => 0 });
                int start = at;
                at += width;
                if (width == 0)
                {
                    Varint(bytes, ref at);
                }
                part.Write(bytes[start..at]);
            }
            return;
        }
        int half = 0;
        for (int values = _random.Next(4); values > 0 && half < bytes.Length; values--)
        {
            half += width;
            if (width == 0)
            {
                Varint(bytes, ref half);
            }
        }
        Write(part, number, bytes[..half]);
        Write(part, number, bytes[half..]);
    }

    /// <summary>The field with its default, as another member of a oneof that the one after it overrides.</summary>
    private byte[] Empty(FieldDescriptor field)
    {
        var part = new MemoryStream();
        int wireType = field.FieldType switch
        {
            FieldType.Double or FieldType.SFixed64 => 1,
            FieldType.String or FieldType.Bytes or FieldType.Message => 2,
            _ => 0,
        };
        Tag(part, field.FieldNumber, wireType);
        part.Write(new byte[wireType == 1 ? 8 : 1]);
        return part.ToArray();
    }

    /// <summary>A place between two fields.</summary>
    private int Boundary(ReadOnlySpan<byte> message)
    {
        var places = new List<int> { 0 };
        int at = 0;
        while (at < message.Length)
        {
            int wireType = (int)(Varint(message, ref at) & 7);
            if (wireType == 0)
            {
                Varint(message, ref at);
            }
            else
            {
                int length = wireType switch { 1 => 8, 5 => 4, 2 => (int)Varint(message, ref at), _ => Group(message[at..]) };
                at += length;
            }
            places.Add(at);
        }
        return places[_random.Next(places.Count)];
    }

    /// <summary>Bytes of a group as <see cref="Unknown"/> writes it, up to its end.</summary>
    private static int Group(ReadOnlySpan<byte> rest)
    {
        int at = 0;
        while ((Varint(rest, ref at) & 7) != 4)
        {
            Varint(rest, ref at);
        }
        return at;
    }

    private byte[] Unknown()
    {
        var field = new MemoryStream();
        int number = _random.Next(900, 100_000);
        int wireType = new[] { 0, 1, 2, 3, 5 }[_random.Next(5)];
        Tag(field, number, wireType);
        switch (wireType)
        {
            case 0:
                Varint(field, (ulong)_random.NextInt64());
                break;
            case 1:
                field.Write(new byte[8]);
                break;
            case 2:
                Varint(field, 3);
                field.Write("abc"u8);
                break;
            case 3:
                Tag(field, 1, 0);
                Varint(field, 7);
                Tag(field, number, 4);
                break;
            default:
                field.Write(new byte[4]);
                break;
        }
        return field.ToArray();
    }

    /// <summary>Any order of the fields; what has one number stays in its order.</summary>
    private void Shuffle(List<(int Field, byte[] Bytes)> parts)
    {
        var byField = parts.GroupBy(part => part.Field).ToDictionary(group => group.Key, group => new Queue<byte[]>(group.Select(part => part.Bytes)));
        int[] order = [.. parts.Select(part => part.Field)];
        _random.Shuffle(order);
        for (int index = 0; index < order.Length; index++)
        {
            parts[index] = (order[index], byField[order[index]].Dequeue());
        }
    }

    private void Write(MemoryStream into, int number, ReadOnlySpan<byte> bytes)
    {
        Tag(into, number, 2);
        Varint(into, (ulong)bytes.Length);
        into.Write(bytes);
    }

    private void Tag(MemoryStream into, int number, int wireType) => Varint(into, ((ulong)number << 3) | (uint)wireType, most: 5);

    /// <summary>Writes a varint, sometimes with more bytes than it needs.</summary>
    private void Varint(MemoryStream into, ulong value, int most = 10)
    {
        int width = 1;
        for (ulong rest = value >> 7; rest != 0; rest >>= 7)
        {
            width++;
        }
        if (Chance(20))
        {
            width = _random.Next(width, most + 1);
        }
        for (; width > 1; width--)
        {
            into.WriteByte((byte)(value | 0x80));
            value >>= 7;
        }
        into.WriteByte((byte)value);
    }

    private static ulong Varint(ReadOnlySpan<byte> message, ref int at)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = message[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }

    private bool Chance(int one) => _random.Next(one) == 0;
}
