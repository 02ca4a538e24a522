using System.Globalization;
using System.Text.Json;
using SloEngine.Storage.Results;

namespace SloEngine.Query.Traces;

/// <summary>Writes a trace as OTLP JSON: attributes with the types that they came with.</summary>
internal static class OtlpTraceJson
{
    public static void Write(Utf8JsonWriter json, string resourceSpansName, string traceId, QueryResult resources, QueryResult spans)
    {
        var descriptions = new Dictionary<UInt128, (ResultBlock Block, int Row)>();
        foreach (ResultBlock block in resources.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                descriptions[block.Values<UInt128>(0)[row]] = (block, row);
            }
        }
        json.WriteStartArray(resourceSpansName);
        IEnumerable<(ResultBlock Block, int Row)> all = spans.Blocks.SelectMany(block => Enumerable.Range(0, block.Rows).Select(row => (block, row)));
        foreach (IGrouping<UInt128, (ResultBlock Block, int Row)> group in all.GroupBy(span => span.Block.Values<UInt128>(0)[span.Row]))
        {
            json.WriteStartObject();
            bool known = descriptions.TryGetValue(group.Key, out (ResultBlock Block, int Row) resource);
            json.WriteStartObject("resource");
            if (known)
            {
                Attributes(json, resource.Block.Map(1), resource.Row, resource.Block.Text(2).String(resource.Row));
                Count(json, "droppedAttributesCount", resource.Block.Values<uint>(7)[resource.Row]);
            }
            json.WriteEndObject();
            json.WriteStartArray("scopeSpans");
            json.WriteStartObject();
            json.WriteStartObject("scope");
            json.WriteString("name", known ? resource.Block.Text(3).String(resource.Row) : "");
            json.WriteString("version", known ? resource.Block.Text(4).String(resource.Row) : "");
            if (known)
            {
                Attributes(json, resource.Block.Map(5), resource.Row, resource.Block.Text(6).String(resource.Row));
                Count(json, "droppedAttributesCount", resource.Block.Values<uint>(8)[resource.Row]);
            }
            json.WriteEndObject();
            json.WriteStartArray("spans");
            foreach ((ResultBlock block, int row) in group)
            {
                Span(json, traceId, block, row);
            }
            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void Span(Utf8JsonWriter json, string traceId, ResultBlock block, int row)
    {
        long start = block.Values<long>(6)[row];
        json.WriteStartObject();
        json.WriteString("traceId", traceId);
        json.WriteString("spanId", block.Text(1).String(row));
        string parent = block.Text(2).String(row);
        if (parent.AsSpan().ContainsAnyExcept('0'))
        {
            json.WriteString("parentSpanId", parent);
        }
        if (block.Text(3).Bytes(row).Length > 0)
        {
            json.WriteString("traceState", block.Text(3).String(row));
        }
        json.WriteString("name", block.Text(4).String(row));
        json.WriteString("kind", ((string[])["SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"])[block.Values<byte>(5)[row]]);
        json.WriteString("startTimeUnixNano", start.ToString(CultureInfo.InvariantCulture));
        json.WriteString("endTimeUnixNano", (start + (long)block.Values<ulong>(7)[row]).ToString(CultureInfo.InvariantCulture));
        Count(json, "flags", block.Values<uint>(20)[row]);
        Attributes(json, block.Map(10), row, block.Text(11).String(row));
        Count(json, "droppedAttributesCount", block.Values<uint>(21)[row]);
        Events(json, block, row);
        Count(json, "droppedEventsCount", block.Values<uint>(22)[row]);
        Links(json, block, row);
        Count(json, "droppedLinksCount", block.Values<uint>(23)[row]);
        json.WriteStartObject("status");
        json.WriteString("code", ((string[])["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"])[block.Values<byte>(8)[row]]);
        if (block.Text(9).Bytes(row).Length > 0)
        {
            json.WriteString("message", block.Text(9).String(row));
        }
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Events(Utf8JsonWriter json, ResultBlock block, int row)
    {
        (int start, int length) = block.Array(12).Row(row);
        json.WriteStartArray("events");
        for (int item = start; item < start + length; item++)
        {
            json.WriteStartObject();
            json.WriteString("timeUnixNano", ((FixedColumn<long>)block.Array(12).Items).Values[item].ToString(CultureInfo.InvariantCulture));
            json.WriteString("name", ((BytesResultColumn)block.Array(13).Items).String(item));
            Attributes(json, (MapColumn)block.Array(14).Items, item, ((BytesResultColumn)block.Array(15).Items).String(item));
            Count(json, "droppedAttributesCount", Item(block, 24, item));
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void Links(Utf8JsonWriter json, ResultBlock block, int row)
    {
        (int start, int length) = block.Array(16).Row(row);
        json.WriteStartArray("links");
        for (int item = start; item < start + length; item++)
        {
            json.WriteStartObject();
            json.WriteString("traceId", ((BytesResultColumn)block.Array(16).Items).String(item));
            json.WriteString("spanId", ((BytesResultColumn)block.Array(17).Items).String(item));
            string traceState = ((BytesResultColumn)block.Array(25).Items).String(item);
            if (traceState.Length > 0)
            {
                json.WriteString("traceState", traceState);
            }
            Attributes(json, (MapColumn)block.Array(18).Items, item, ((BytesResultColumn)block.Array(19).Items).String(item));
            Count(json, "droppedAttributesCount", Item(block, 27, item));
            Count(json, "flags", Item(block, 26, item));
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static uint Item(ResultBlock block, int column, int item) => ((FixedColumn<uint>)block.Array(column).Items).Values[item];

    /// <summary>A number that is left out where it is 0, as protobuf's JSON does.</summary>
    private static void Count(Utf8JsonWriter json, string name, uint count)
    {
        if (count > 0)
        {
            json.WriteNumber(name, count);
        }
    }

    private static void Attributes(Utf8JsonWriter json, MapColumn column, int row, string types)
    {
        json.WriteStartArray("attributes");
        (int start, int length) = column.Row(row);
        for (int entry = 0; entry < length; entry++)
        {
            json.WriteStartObject();
            json.WriteString("key", column.Keys.String(start + entry));
            json.WriteStartObject("value");
            string value = column.Values.String(start + entry);
            switch (entry < types.Length ? types[entry] : 's')
            {
                case 'b':
                    json.WriteBoolean("boolValue", value == "true");
                    break;
                case 'i':
                    json.WriteString("intValue", value);
                    break;
                case 'd' when double.TryParse(value, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number):
                    json.WriteNumber("doubleValue", number);
                    break;
                case 'd':
                    json.WriteString("doubleValue", value);
                    break;
                case 'y':
                    json.WriteString("bytesValue", value);
                    break;
                case 'a' or 'k':
                    using (JsonDocument document = JsonDocument.Parse(value))
                    {
                        Structure(json, document.RootElement);
                    }
                    break;
                default:
                    json.WriteString("stringValue", value);
                    break;
            }
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    /// <summary>Plain JSON as the AnyValue that it was made of.</summary>
    private static void Structure(Utf8JsonWriter json, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Array:
                json.WriteStartObject("arrayValue");
                json.WriteStartArray("values");
                foreach (JsonElement item in element.EnumerateArray())
                {
                    json.WriteStartObject();
                    Structure(json, item);
                    json.WriteEndObject();
                }
                json.WriteEndArray();
                json.WriteEndObject();
                break;
            case JsonValueKind.Object:
                json.WriteStartObject("kvlistValue");
                json.WriteStartArray("values");
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    json.WriteStartObject();
                    json.WriteString("key", property.Name);
                    json.WriteStartObject("value");
                    Structure(json, property.Value);
                    json.WriteEndObject();
                    json.WriteEndObject();
                }
                json.WriteEndArray();
                json.WriteEndObject();
                break;
            case JsonValueKind.True or JsonValueKind.False:
                json.WriteBoolean("boolValue", element.GetBoolean());
                break;
            case JsonValueKind.Number when element.TryGetInt64(out long whole):
                json.WriteString("intValue", whole.ToString(CultureInfo.InvariantCulture));
                break;
            case JsonValueKind.Number:
                json.WriteNumber("doubleValue", element.GetDouble());
                break;
            case JsonValueKind.String:
                json.WriteString("stringValue", element.GetString());
                break;
        }
    }
}
