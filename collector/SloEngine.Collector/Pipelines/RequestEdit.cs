using SloEngine.Collector.Ingest;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Collector.Pipelines;

/// <summary>
/// Writes a request anew with its attributes and texts edited, before it is decoded and before the log has it: what is redacted is on no disk.
/// One pass for a run of steps that edit. Reusable, not thread-safe.
/// </summary>
internal sealed class RequestEdit(Signal signal, PipelineStep[] steps, Action<PipelineStep, int> count)
{
    private const int MaxDepth = AttributeReader.MaxDepth;

    private readonly ProtobufWriter _writer = new();
    private readonly AttributeReader _values = new();
    private readonly byte[] _hashed = new byte[2 + HashStep.HexBytes];
    private readonly int[] _hits = new int[steps.Length];
    private readonly RenameStep[] _renames = [.. steps.OfType<RenameStep>()];
    private readonly int _renamed = steps.OfType<RenameStep>().Sum(static step => step.Names.Count);

    /// <summary>The edited request, valid until the next call.</summary>
    /// <exception cref="OtlpFormatException">The bytes are no such message.</exception>
    public ReadOnlyMemory<byte> Apply(ReadOnlySpan<byte> request)
    {
        _writer.Clear();
        Array.Clear(_hits);
        Message(request, 0, MessageShape.Of(signal));
        for (int step = 0; step < steps.Length; step++)
        {
            if (_hits[step] > 0)
            {
                count(steps[step], _hits[step]);
            }
        }
        return _writer.Written;
    }

    private void Message(ReadOnlySpan<byte> message, int offset, MessageShape shape)
    {
        var reader = new ProtobufReader(message, offset);
        int unwritten = 0;
        bool[]? held = null;
        while (reader.Next())
        {
            FieldRole role = reader.Type == WireType.LengthDelimited ? shape.RoleOf(reader.Field) : FieldRole.Other;
            if (role == FieldRole.Other)
            {
                reader.Skip();
                continue;
            }
            _writer.Encoded(message[unwritten..reader.FieldStart]);
            ReadOnlySpan<byte> bytes = reader.BytesField();
            int at = reader.Offset - bytes.Length;
            switch (role)
            {
                case FieldRole.Attribute:
                    Attribute(bytes, at, reader.Field, message, ref held);
                    break;
                case FieldRole.Text:
                    _writer.Bytes(reader.Field, Redacted(bytes));
                    break;
                case FieldRole.Value:
                    _writer.Bytes(reader.Field, Redacted(bytes, default, at, 0));
                    break;
                default:
                    int start = _writer.Begin(reader.Field);
                    Message(bytes, at, shape.ShapeOf(reader.Field));
                    _writer.End(start);
                    break;
            }
            unwritten = reader.Position;
        }
        _writer.Encoded(message[unwritten..]);
    }

    private void Attribute(ReadOnlySpan<byte> pair, int offset, int field, ReadOnlySpan<byte> owner, ref bool[]? held)
    {
        int firstName = 0;
        var reader = new ProtobufReader(pair, offset);
        ReadOnlySpan<byte> key = reader.Last(1);
        ReadOnlySpan<byte> value = reader.Merged(2);
        bool isSet = !value.IsEmpty;
        for (int index = 0; index < steps.Length; index++)
        {
            switch (steps[index])
            {
                case DropStep drop when drop.Keys.Contains(key):
                    _hits[index]++;
                    return;
                case RenameStep rename:
                    if (rename.NewName(key) is { } name)
                    {
                        _hits[index]++;
                        key = name;
                    }
                    else if (rename.Gives(key) && rename.GivesWay(key, (held ??= Held(owner, field)).AsSpan(firstName, rename.Names.Count)))
                    {
                        return;
                    }
                    firstName += rename.Names.Count;
                    break;
                case HashStep hash when isSet && hash.Keys.Contains(key):
                    _hits[index]++;
                    value = Hashed(hash, value);
                    break;
                case RedactStep redact when isSet:
                    value = Redacted(redact, index, value, key, offset, 0);
                    break;
                default:
                    break;
            }
        }
        int start = _writer.Begin(field);
        _writer.Bytes(1, key);
        if (isSet)
        {
            _writer.Bytes(2, value);
        }
        _writer.End(start);
    }

    /// <summary>Which of the names that are renamed the attributes of a message have. Read once a message: all of its attributes may have to give way.</summary>
    private bool[] Held(ReadOnlySpan<byte> owner, int field)
    {
        bool[] held = new bool[_renamed];
        var reader = new ProtobufReader(owner);
        while (reader.Next())
        {
            if (reader.Field != field || reader.Type != WireType.LengthDelimited)
            {
                reader.Skip();
                continue;
            }
            ReadOnlySpan<byte> key = reader.MessageField().Last(1);
            int first = 0;
            foreach (RenameStep rename in _renames)
            {
                rename.Hold(key, held.AsSpan(first, rename.Names.Count));
                first += rename.Names.Count;
            }
        }
        return held;
    }

    private ReadOnlySpan<byte> Hashed(HashStep step, ReadOnlySpan<byte> value)
    {
        ReadOnlySpan<byte> text = _values.Value(new ProtobufReader(value), out _);
        // AnyValue.string_value, whose length is one byte.
        _hashed[0] = 1 << 3 | (byte)WireType.LengthDelimited;
        _hashed[1] = HashStep.HexBytes;
        step.Hash(text, _hashed.AsSpan(2));
        return _hashed;
    }

    private ReadOnlySpan<byte> Redacted(ReadOnlySpan<byte> text)
    {
        for (int index = 0; index < steps.Length; index++)
        {
            if (steps[index] is RedactStep step && step.Redactor.Redact(text) is { } changed)
            {
                _hits[index]++;
                text = changed;
            }
        }
        return text;
    }

    private ReadOnlySpan<byte> Redacted(ReadOnlySpan<byte> value, ReadOnlySpan<byte> key, int offset, int depth)
    {
        for (int index = 0; index < steps.Length; index++)
        {
            if (steps[index] is RedactStep step)
            {
                value = Redacted(step, index, value, key, offset, depth);
            }
        }
        return value;
    }

    /// <summary>An <c>AnyValue</c> without what a step looks for: the same bytes where it finds nothing.</summary>
    private ReadOnlySpan<byte> Redacted(RedactStep step, int index, ReadOnlySpan<byte> value, ReadOnlySpan<byte> key, int offset, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new OtlpFormatException($"values are nested deeper than {MaxDepth}", offset);
        }
        ReadOnlySpan<byte> instead = Instead(step.Redactor, new ProtobufReader(value, offset), key);
        if (!instead.IsEmpty)
        {
            _hits[index]++;
            var text = new ProtobufWriter();
            text.Bytes(1, instead);
            return text.Written.Span;
        }
        var reader = new ProtobufReader(value, offset);
        ProtobufWriter? changed = null;
        int unwritten = 0;
        while (reader.Next())
        {
            if (reader.Type != WireType.LengthDelimited || reader.Field is not (1 or 5 or 6))
            {
                reader.Skip();
                continue;
            }
            int start = reader.FieldStart;
            ReadOnlySpan<byte> bytes = reader.BytesField();
            ReadOnlySpan<byte> edited = reader.Field == 1
                ? step.Redactor.RedactValue(key, bytes)
                : Elements(step, index, bytes, key, reader.Field == 6, reader.Offset - bytes.Length, depth);
            if (edited != bytes)
            {
                changed ??= new ProtobufWriter();
                changed.Encoded(value[unwritten..start]);
                changed.Bytes(reader.Field, edited);
                unwritten = reader.Position;
                _hits[index] += reader.Field == 1 ? 1 : 0;
            }
        }
        if (changed is null)
        {
            return value;
        }
        changed.Encoded(value[unwritten..]);
        return changed.Written.Span;
    }

    /// <summary>The text that stands for all of an <c>AnyValue</c> that is no text: numbers, bytes, lists and maps under the name of a secret, and cards sent as numbers. Empty for any other.</summary>
    private static ReadOnlySpan<byte> Instead(Redactor redactor, ProtobufReader value, ReadOnlySpan<byte> key)
    {
        ReadOnlySpan<byte> instead = default;
        while (instead.IsEmpty && value.Next())
        {
            switch (value.Field)
            {
                case 3 when value.Type == WireType.Varint:
                    instead = Number((long)value.VarintField(), key);
                    break;
                case 4 when value.Type == WireType.Fixed64:
                    double number = value.DoubleField();
                    instead = Number(number is > 0 and < long.MaxValue && double.IsInteger(number) ? (long)number : 0, key);
                    break;
                case 5 or 6 or 7 when value.Type == WireType.LengthDelimited:
                    instead = !value.BytesField().IsEmpty && redactor.IsSecret(key) ? Redactor.Secret : default;
                    break;
                default:
                    value.Skip();
                    break;
            }
        }
        return instead;

        ReadOnlySpan<byte> Number(long number, ReadOnlySpan<byte> key) => redactor.IsSecret(key) ? Redactor.Secret : redactor.RedactNumber(number);
    }

    /// <summary>The elements of an <c>ArrayValue</c> or <c>KeyValueList</c>.</summary>
    private ReadOnlySpan<byte> Elements(RedactStep step, int index, ReadOnlySpan<byte> list, ReadOnlySpan<byte> key, bool isMap, int offset, int depth)
    {
        var reader = new ProtobufReader(list, offset);
        ProtobufWriter? changed = null;
        int unwritten = 0;
        while (reader.Next())
        {
            if (reader.Field != 1 || reader.Type != WireType.LengthDelimited)
            {
                reader.Skip();
                continue;
            }
            int start = reader.FieldStart;
            ReadOnlySpan<byte> element = reader.BytesField();
            int at = reader.Offset - element.Length;
            ReadOnlySpan<byte> edited = isMap ? Entry(step, index, element, at, depth) : Redacted(step, index, element, key, at, depth + 1);
            if (edited != element)
            {
                changed ??= new ProtobufWriter();
                changed.Encoded(list[unwritten..start]);
                changed.Bytes(1, edited);
                unwritten = reader.Position;
            }
        }
        if (changed is null)
        {
            return list;
        }
        changed.Encoded(list[unwritten..]);
        return changed.Written.Span;
    }

    private ReadOnlySpan<byte> Entry(RedactStep step, int index, ReadOnlySpan<byte> pair, int offset, int depth)
    {
        var reader = new ProtobufReader(pair, offset);
        ReadOnlySpan<byte> key = reader.Last(1);
        ReadOnlySpan<byte> value = reader.Merged(2);
        ReadOnlySpan<byte> edited = Redacted(step, index, value, key, offset, depth + 1);
        if (edited == value)
        {
            return pair;
        }
        var changed = new ProtobufWriter();
        changed.Bytes(1, key);
        changed.Bytes(2, edited);
        return changed.Written.Span;
    }
}
