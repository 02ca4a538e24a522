using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.Common;

/// <summary>Reads OTLP attributes (common.proto, <c>KeyValue</c> and <c>AnyValue</c>) as text. Not thread-safe: it keeps a scratch buffer.</summary>
internal sealed class AttributeReader
{
    /// <summary>Arrays and maps nested deeper than this are refused.</summary>
    public const int MaxDepth = 16;

    /// <summary>The members of <c>AnyValue</c>'s oneof, and those that are messages: arrays and maps.</summary>
    private const uint Members = 0b1111_1110;
    private const uint MessageMembers = 0b0110_0000;

    private static readonly JsonWriterOptions Plain = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    private readonly ArrayBufferWriter<byte> _scratch = new(256);

    /// <summary>Adds one <c>KeyValue</c> to the row being built.</summary>
    public void Read(ProtobufReader keyValue, AttributesColumn into)
    {
        if (TryReadShortText(keyValue.Message, into))
        {
            return;
        }
        ReadOnlySpan<byte> key = default;
        ReadOnlySpan<byte> value = default;
        AttributeType type = AttributeType.Empty;
        int values = 0;
        while (keyValue.Next())
        {
            switch (keyValue.Field)
            {
                case 1:
                    key = ValidText(keyValue.BytesField());
                    break;
                case 2 when values++ == 0:
                    value = Value(keyValue.MessageField(), out type);
                    break;
                default:
                    keyValue.Skip();
                    break;
            }
        }
        if (values > 1)
        {
            value = Value(keyValue.Rewound.MergedField(2), out type);
        }
        into.Add(key, value, type);
    }

    /// <summary>Reads an <c>AnyValue</c> as text; valid until the next call.</summary>
    public ReadOnlySpan<byte> Value(ProtobufReader value, out AttributeType type)
    {
        type = AttributeType.Empty;
        ReadOnlySpan<byte> text = default;
        while (value.Next())
        {
            if (type != AttributeType.Empty && value.Field is >= 1 and <= 7)
            {
                return Value(value.Rewound.Settled(Members, MessageMembers), out type);
            }
            switch (value.Field)
            {
                case 1:
                    type = AttributeType.Text;
                    text = ValidText(value.BytesField());
                    break;
                case 2:
                    type = AttributeType.Boolean;
                    text = value.VarintField() != 0 ? "true"u8 : "false"u8;
                    break;
                case 3:
                    type = AttributeType.Integer;
                    text = Format((long)value.VarintField());
                    break;
                case 4:
                    type = AttributeType.Double;
                    text = Format(value.DoubleField());
                    break;
                case 5:
                    type = AttributeType.Array;
                    text = Structure(value.MessageField(), isMap: false);
                    break;
                case 6:
                    type = AttributeType.KeyValues;
                    text = Structure(value.MessageField(), isMap: true);
                    break;
                case 7:
                    type = AttributeType.Bytes;
                    text = Base64(value.BytesField());
                    break;
                default:
                    value.Skip();
                    break;
            }
        }
        return text;
    }

    /// <summary>UTF-8 text as it is, or with what is invalid replaced by U+FFFD.</summary>
    public static ReadOnlySpan<byte> ValidText(ReadOnlySpan<byte> text) =>
        Utf8.IsValid(text) ? text : Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(text));

    /// <summary>
    /// Most attributes at once: a key and a text value in ASCII, in the order of their numbers and with nothing else, each length in one byte, which
    /// is ASCII as well.
    /// </summary>
    private static bool TryReadShortText(ReadOnlySpan<byte> keyValue, AttributesColumn into)
    {
        const byte Key = 0x0A;
        const byte Value = 0x12;
        const byte Text = 0x0A;
        if (keyValue.Length < 6 || keyValue[0] != Key)
        {
            return false;
        }
        int value = 2 + keyValue[1];
        int text = value + 4;
        if (text > keyValue.Length || keyValue[value] != Value || keyValue[value + 1] != keyValue.Length - value - 2
            || keyValue[value + 2] != Text || keyValue[value + 3] != keyValue.Length - text || !Ascii.IsValid(keyValue))
        {
            return false;
        }
        into.Add(keyValue[2..value], keyValue[text..], AttributeType.Text);
        return true;
    }

    private ReadOnlySpan<byte> Format(long value)
    {
        _scratch.ResetWrittenCount();
        Utf8Formatter.TryFormat(value, _scratch.GetSpan(20), out int written);
        _scratch.Advance(written);
        return _scratch.WrittenSpan;
    }

    private ReadOnlySpan<byte> Format(double value)
    {
        _scratch.ResetWrittenCount();
        value.TryFormat(_scratch.GetSpan(32), out int written, "R", System.Globalization.CultureInfo.InvariantCulture);
        _scratch.Advance(written);
        return _scratch.WrittenSpan;
    }

    private ReadOnlySpan<byte> Base64(ReadOnlySpan<byte> bytes)
    {
        _scratch.ResetWrittenCount();
        System.Buffers.Text.Base64.EncodeToUtf8(bytes, _scratch.GetSpan(System.Buffers.Text.Base64.GetMaxEncodedToUtf8Length(bytes.Length)), out _, out int written);
        _scratch.Advance(written);
        return _scratch.WrittenSpan;
    }

    private ReadOnlySpan<byte> Structure(ProtobufReader message, bool isMap)
    {
        _scratch.ResetWrittenCount();
        using var json = new Utf8JsonWriter(_scratch, Plain);
        Write(message, isMap, json, depth: 1);
        json.Flush();
        return _scratch.WrittenSpan;
    }

    private static void Write(ProtobufReader message, bool isMap, Utf8JsonWriter json, int depth)
    {
        if (depth > MaxDepth)
        {
            message.Fail($"values are nested deeper than {MaxDepth}");
        }
        if (isMap)
        {
            json.WriteStartObject();
        }
        else
        {
            json.WriteStartArray();
        }
        while (message.Next())
        {
            if (message.Field != 1)
            {
                message.Skip();
            }
            else if (isMap)
            {
                WriteEntry(message.MessageField(), json, depth);
            }
            else
            {
                WriteValue(message.MessageField(), json, depth);
            }
        }
        if (isMap)
        {
            json.WriteEndObject();
        }
        else
        {
            json.WriteEndArray();
        }
    }

    private static void WriteEntry(ProtobufReader entry, Utf8JsonWriter json, int depth)
    {
        ReadOnlySpan<byte> key = default;
        ProtobufReader value = default;
        int values = 0;
        while (entry.Next())
        {
            switch (entry.Field)
            {
                case 1:
                    key = ValidText(entry.BytesField());
                    break;
                case 2:
                    value = entry.MessageField();
                    values++;
                    break;
                default:
                    entry.Skip();
                    break;
            }
        }
        json.WritePropertyName(key);
        WriteValue(values > 1 ? entry.Rewound.MergedField(2) : value, json, depth);
    }

    private static void WriteValue(ProtobufReader value, Utf8JsonWriter json, int depth)
    {
        ProtobufReader last = default;
        while (value.Next())
        {
            if (value.Field is >= 1 and <= 7)
            {
                if (last.Field != 0)
                {
                    WriteValue(value.Rewound.Settled(Members, MessageMembers), json, depth);
                    return;
                }
                last = value;
            }
            value.Skip();
        }
        switch (last.Field)
        {
            case 1:
                json.WriteStringValue(ValidText(last.BytesField()));
                break;
            case 2:
                json.WriteBooleanValue(last.VarintField() != 0);
                break;
            case 3:
                json.WriteNumberValue((long)last.VarintField());
                break;
            case 4:
                WriteNumber(last.DoubleField(), json);
                break;
            case 5:
                Write(last.MessageField(), isMap: false, json, depth + 1);
                break;
            case 6:
                Write(last.MessageField(), isMap: true, json, depth + 1);
                break;
            case 7:
                json.WriteBase64StringValue(last.BytesField());
                break;
            default:
                json.WriteNullValue();
                break;
        }
    }

    /// <summary>JSON has no number that is not finite; such a one stands as text.</summary>
    private static void WriteNumber(double number, Utf8JsonWriter json)
    {
        if (double.IsFinite(number))
        {
            json.WriteNumberValue(number);
        }
        else
        {
            json.WriteStringValue(number.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }
    }
}
