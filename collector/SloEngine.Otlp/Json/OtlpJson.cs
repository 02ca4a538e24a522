using System.Globalization;
using System.Text.Json;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.Json;

/// <summary>
/// Turns OTLP/JSON (OTLP specification, "JSON Protobuf Encoding") into protobuf, so that one decoder serves both. Ids are hexadecimal,
/// 64-bit integers numbers or strings, enumerations numbers (names are taken too), unknown keys are ignored.
/// </summary>
public static class OtlpJson
{
    private const int MaxDepth = 64;

    /// <summary>Transcodes an <c>ExportMetricsServiceRequest</c>.</summary>
    public static ReadOnlyMemory<byte> Metrics(ReadOnlyMemory<byte> json) => Transcode(json, OtlpMessages.MetricsRequest);

    /// <summary>Transcodes an <c>ExportLogsServiceRequest</c>.</summary>
    public static ReadOnlyMemory<byte> Logs(ReadOnlyMemory<byte> json) => Transcode(json, OtlpMessages.LogsRequest);

    /// <summary>Transcodes an <c>ExportTraceServiceRequest</c>.</summary>
    public static ReadOnlyMemory<byte> Traces(ReadOnlyMemory<byte> json) => Transcode(json, OtlpMessages.TracesRequest);

    private static ReadOnlyMemory<byte> Transcode(ReadOnlyMemory<byte> json, OtlpMessage message)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = MaxDepth });
            var writer = new ProtobufWriter();
            Write(document.RootElement, message, writer, "$");
            return writer.Written;
        }
        catch (JsonException malformed)
        {
            throw new OtlpFormatException(string.Create(
                CultureInfo.InvariantCulture, $"not valid JSON at line {malformed.LineNumber + 1}, byte {malformed.BytePositionInLine}: {malformed.Message}"));
        }
        catch (InvalidOperationException)
        {
            // The parser lets invalid UTF-8 and halves of surrogate pairs pass until the text is asked for.
            throw new OtlpFormatException("not valid JSON: a text is invalid UTF-8 or has half of a surrogate pair");
        }
    }

    private static void Write(JsonElement element, OtlpMessage message, ProtobufWriter writer, string path)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Unexpected(element, path, "an object");
        }
        foreach (JsonProperty property in element.EnumerateObject())
        {
            if (property.Value.ValueKind == JsonValueKind.Null || !message.TryGet(property.Name, out OtlpField? field))
            {
                continue;
            }
            string at = $"{path}.{property.Name}";
            if (!field.Repeated)
            {
                WriteValue(property.Value, field, writer, at);
                continue;
            }
            if (property.Value.ValueKind != JsonValueKind.Array)
            {
                throw Unexpected(property.Value, at, "an array");
            }
            int index = 0;
            foreach (JsonElement item in property.Value.EnumerateArray())
            {
                WriteValue(item, field, writer, string.Create(CultureInfo.InvariantCulture, $"{at}[{index++}]"));
            }
        }
    }

    private static void WriteValue(JsonElement value, OtlpField field, ProtobufWriter writer, string path)
    {
        int number = field.Number;
        switch (field.Kind)
        {
            case OtlpFieldKind.Message:
                int start = writer.Begin(number);
                Write(value, field.Message!, writer, path);
                writer.End(start);
                break;
            case OtlpFieldKind.Text:
                writer.Text(number, Text(value, path));
                break;
            case OtlpFieldKind.Hex:
                writer.Bytes(number, Hex(value, path));
                break;
            case OtlpFieldKind.Base64:
                writer.Bytes(number, value.ValueKind == JsonValueKind.String && value.TryGetBytesFromBase64(out byte[]? bytes)
                    ? bytes : throw Unexpected(value, path, "base64 text"));
                break;
            case OtlpFieldKind.Boolean:
                writer.Varint(number, value.ValueKind switch
                {
                    JsonValueKind.True => 1,
                    JsonValueKind.False => 0,
                    _ => throw Unexpected(value, path, "true or false"),
                });
                break;
            case OtlpFieldKind.Varint:
                writer.Varint(number, (ulong)Integer(value, path));
                break;
            case OtlpFieldKind.ZigZag:
                long signed = Integer(value, path);
                writer.Varint(number, (uint)((signed << 1) ^ (signed >> 63)));
                break;
            case OtlpFieldKind.Fixed32:
                writer.Fixed32(number, (uint)Integer(value, path));
                break;
            case OtlpFieldKind.Fixed64:
                writer.Fixed64(number, (ulong)Integer(value, path));
                break;
            case OtlpFieldKind.Double:
                writer.Double(number, Double(value, path));
                break;
            default:
                writer.Varint(number, Enumeration(value, field, path));
                break;
        }
    }

    private static string Text(JsonElement value, string path) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Unexpected(value, path, "text");

    private static byte[] Hex(JsonElement value, string path)
    {
        try
        {
            return Convert.FromHexString(Text(value, path));
        }
        catch (FormatException)
        {
            throw Unexpected(value, path, "hexadecimal text");
        }
    }

    private static long Integer(JsonElement value, string path)
    {
        if (value.ValueKind == JsonValueKind.Number)
        {
            if (value.TryGetInt64(out long whole))
            {
                return whole;
            }
            if (value.TryGetUInt64(out ulong unsigned))
            {
                return (long)unsigned;
            }
        }
        else if (value.ValueKind == JsonValueKind.String)
        {
            string text = Text(value, path);
            if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole))
            {
                return whole;
            }
            if (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong unsigned))
            {
                return (long)unsigned;
            }
        }
        throw Unexpected(value, path, "a 64-bit integer, as a number or text");
    }

    private static double Double(JsonElement value, string path) => value.ValueKind switch
    {
        JsonValueKind.Number => value.GetDouble(),
        JsonValueKind.String => Text(value, path) switch
        {
            "NaN" => double.NaN,
            "Infinity" => double.PositiveInfinity,
            "-Infinity" => double.NegativeInfinity,
            string text when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) => number,
            _ => throw Unexpected(value, path, "a number"),
        },
        _ => throw Unexpected(value, path, "a number"),
    };

    private static ulong Enumeration(JsonElement value, OtlpField field, string path)
    {
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number))
        {
            return (ulong)number;
        }
        int position = value.ValueKind == JsonValueKind.String ? Array.IndexOf(field.Names!, Text(value, path)) : -1;
        return position >= 0 ? (ulong)position : throw Unexpected(value, path, $"a number or one of {string.Join(", ", field.Names!)}");
    }

    private static OtlpFormatException Unexpected(JsonElement value, string path, string expected)
    {
        string raw = value.GetRawText();
        return new OtlpFormatException($"{path}: {(raw.Length > 40 ? raw[..40] + "..." : raw)} does not fit, expected {expected}");
    }
}
