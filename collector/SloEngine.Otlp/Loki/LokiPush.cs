using System.Globalization;
using System.Text;
using System.Text.Json;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.Loki;

/// <summary>
/// Turns Loki's push requests into <c>ExportLogsServiceRequest</c>, so that one decoder serves both: stream labels become resource attributes
/// (<c>service_name</c> is <c>service.name</c>), structured metadata becomes attributes. A level among either is the severity as well, and trace and span
/// id among the metadata are what they are in OpenTelemetry.
/// </summary>
public static class LokiPush
{
    private const int MaxDepth = 16;
    private const int MaxLevelLength = 64;

    /// <summary>From JSON: <c>{"streams": [{"stream": {...}, "values": [["nanoseconds", "line", {...}], ...]}]}</c>.</summary>
    /// <exception cref="OtlpFormatException">It is no such document.</exception>
    public static ReadOnlyMemory<byte> FromJson(ReadOnlyMemory<byte> json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = MaxDepth });
            if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("streams", out JsonElement streams)
                || streams.ValueKind != JsonValueKind.Array)
            {
                throw new OtlpFormatException("$: expected an object with an array \"streams\"");
            }
            var request = new ProtobufWriter();
            int index = 0;
            foreach (JsonElement stream in streams.EnumerateArray())
            {
                Stream(stream, request, string.Create(CultureInfo.InvariantCulture, $"$.streams[{index++}]"));
            }
            return request.Written;
        }
        catch (JsonException malformed)
        {
            throw new OtlpFormatException(string.Create(
                CultureInfo.InvariantCulture, $"not valid JSON at line {malformed.LineNumber + 1}, byte {malformed.BytePositionInLine}: {malformed.Message}"));
        }
        catch (InvalidOperationException)
        {
            throw new OtlpFormatException("not valid JSON: a text is invalid UTF-8 or has half of a surrogate pair");
        }
    }

    /// <summary>From <c>logproto.PushRequest</c>, decompressed.</summary>
    /// <exception cref="OtlpFormatException">It is no such message.</exception>
    public static ReadOnlyMemory<byte> FromProtobuf(ReadOnlySpan<byte> message)
    {
        var request = new ProtobufWriter();
        var reader = new ProtobufReader(message);
        while (reader.Next())
        {
            if (reader.Field == 1)
            {
                Stream(reader.MessageField(), request);
            }
            else
            {
                reader.Skip();
            }
        }
        return request.Written;
    }

    private static void Stream(JsonElement stream, ProtobufWriter request, string path)
    {
        if (stream.ValueKind != JsonValueKind.Object || !stream.TryGetProperty("stream", out JsonElement labels) || labels.ValueKind != JsonValueKind.Object
            || !stream.TryGetProperty("values", out JsonElement values) || values.ValueKind != JsonValueKind.Array)
        {
            throw new OtlpFormatException($"{path}: expected an object with an object \"stream\" and an array \"values\"");
        }
        List<KeyValuePair<string, string>> pairs = Pairs(labels, path + ".stream");
        string level = Level(pairs, otherwise: "");
        int resource = Begin(request, pairs, out int scope);
        int index = 0;
        foreach (JsonElement value in values.EnumerateArray())
        {
            string at = string.Create(CultureInfo.InvariantCulture, $"{path}.values[{index++}]");
            if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() is not (2 or 3) || value[0].ValueKind != JsonValueKind.String
                || value[1].ValueKind != JsonValueKind.String)
            {
                throw new OtlpFormatException($"{at}: expected [\"nanoseconds\", \"line\"] or the same with an object of structured metadata");
            }
            if (!long.TryParse(value[0].GetString(), NumberStyles.None, CultureInfo.InvariantCulture, out long nanos))
            {
                throw new OtlpFormatException($"{at}[0]: '{value[0].GetString()}' is no time in nanoseconds since 1970");
            }
            List<KeyValuePair<string, string>> metadata = value.GetArrayLength() == 3 ? Pairs(value[2], at + "[2]") : [];
            Entry(request, nanos, Encoding.UTF8.GetBytes(value[1].GetString()!), level, metadata);
        }
        request.End(scope);
        request.End(resource);
    }

    private static void Stream(ProtobufReader stream, ProtobufWriter request)
    {
        ReadOnlySpan<byte> text = stream.Last(1);
        List<KeyValuePair<string, string>> labels = StreamLabels.Parse(Encoding.UTF8.GetString(AttributeReader.ValidText(text)));
        string level = Level(labels, otherwise: "");
        int resource = Begin(request, labels, out int scope);
        while (stream.Next())
        {
            if (stream.Field == 2)
            {
                Entry(stream.MessageField(), request, level);
            }
            else
            {
                stream.Skip();
            }
        }
        request.End(scope);
        request.End(resource);
    }

    private static void Entry(ProtobufReader entry, ProtobufWriter request, string streamLevel)
    {
        long nanos = 0;
        ReadOnlySpan<byte> line = default;
        List<KeyValuePair<string, string>> metadata = [];
        while (entry.Next())
        {
            switch (entry.Field)
            {
                case 1:
                    ProtobufReader time = entry.MessageField();
                    while (time.Next())
                    {
                        switch (time.Field)
                        {
                            case 1:
                                nanos += (long)time.VarintField() * 1_000_000_000;
                                break;
                            case 2:
                                nanos += (long)time.VarintField();
                                break;
                            default:
                                time.Skip();
                                break;
                        }
                    }
                    break;
                case 2:
                    line = AttributeReader.ValidText(entry.BytesField());
                    break;
                case 3:
                    ProtobufReader pair = entry.MessageField();
                    metadata.Add(KeyValuePair.Create(
                        Encoding.UTF8.GetString(AttributeReader.ValidText(pair.Last(1))), Encoding.UTF8.GetString(AttributeReader.ValidText(pair.Last(2)))));
                    break;
                default:
                    entry.Skip();
                    break;
            }
        }
        Entry(request, nanos, line, streamLevel, metadata);
    }

    /// <summary>Begins <c>ResourceLogs</c> (field 1) with its resource, and its <c>ScopeLogs</c> (field 2).</summary>
    private static int Begin(ProtobufWriter request, List<KeyValuePair<string, string>> labels, out int scope)
    {
        int resourceLogs = request.Begin(1);
        int resource = request.Begin(1);
        foreach ((string name, string value) in labels)
        {
            Attribute(request, 1, name == "service_name" ? "service.name" : name, value);
        }
        request.End(resource);
        scope = request.Begin(2);
        return resourceLogs;
    }

    /// <summary>Writes a <c>LogRecord</c> (logs.proto).</summary>
    private static void Entry(
        ProtobufWriter request, long nanos, ReadOnlySpan<byte> line, string streamLevel, List<KeyValuePair<string, string>> metadata)
    {
        int record = request.Begin(2);
        request.Fixed64(1, (ulong)nanos);
        string level = Level(metadata, otherwise: streamLevel);
        if (level.Length > 0)
        {
            request.Varint(2, Severity(level));
            request.Text(3, level);
        }
        int body = request.Begin(5);
        request.Bytes(1, line);
        request.End(body);
        foreach ((string name, string value) in metadata)
        {
            if (name == "trace_id" && Id(value, 16) is { } trace)
            {
                request.Bytes(9, trace);
            }
            else if (name == "span_id" && Id(value, 8) is { } span)
            {
                request.Bytes(10, span);
            }
            else if (!IsLevel(name, value))
            {
                Attribute(request, 6, name, value);
            }
        }
        request.End(record);
    }

    private static void Attribute(ProtobufWriter writer, int field, string name, string value)
    {
        int pair = writer.Begin(field);
        writer.Text(1, name);
        int any = writer.Begin(2);
        writer.Text(1, value);
        writer.End(any);
        writer.End(pair);
    }

    /// <summary>Whether it is a level. A long text is none: that of a stream is written with each of its entries.</summary>
    private static bool IsLevel(string name, string value) => name is "level" or "detected_level" or "severity" && value.Length <= MaxLevelLength;

    private static string Level(List<KeyValuePair<string, string>> pairs, string otherwise)
    {
        string level = otherwise;
        foreach ((string name, string value) in pairs)
        {
            level = IsLevel(name, value) ? value : level;
        }
        return level;
    }

    /// <summary>Number of a level by its name (logs data model, "Mapping of SeverityNumber"); 0 for one that is not known.</summary>
    private static ulong Severity(string level) => level.ToLowerInvariant() switch
    {
        "trace" => 1,
        "debug" => 5,
        "info" or "information" or "notice" => 9,
        "warn" or "warning" => 13,
        "error" or "err" => 17,
        "fatal" or "critical" or "crit" or "emerg" or "alert" or "panic" => 21,
        _ => 0,
    };

    private static byte[]? Id(string text, int bytes)
    {
        if (text.Length != bytes * 2)
        {
            return null;
        }
        byte[] id = new byte[bytes];
        return Convert.FromHexString(text, id, out _, out _) == System.Buffers.OperationStatus.Done ? id : null;
    }

    private static List<KeyValuePair<string, string>> Pairs(JsonElement element, string path)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw new OtlpFormatException($"{path}: expected an object");
        }
        var pairs = new List<KeyValuePair<string, string>>();
        foreach (JsonProperty property in element.EnumerateObject())
        {
            pairs.Add(KeyValuePair.Create(property.Name, property.Value.ValueKind == JsonValueKind.String
                ? property.Value.GetString()! : throw new OtlpFormatException($"{path}.{property.Name}: expected a string")));
        }
        return pairs;
    }
}
