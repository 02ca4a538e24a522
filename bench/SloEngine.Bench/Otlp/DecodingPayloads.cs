using System.Globalization;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Bench.Otlp;

/// <summary>Requests as instrumented services send them: one resource, one scope, lengths encoded without padding.</summary>
internal static class DecodingPayloads
{
    public const int Items = 1_000;

    private const ulong Time = 1_700_000_000_000_000_000;

    private static readonly string[] Methods = ["GET", "POST", "PUT", "DELETE"];

    /// <summary>Ten counters of a hundred series each, with four attributes.</summary>
    public static byte[] Numbers() => Request(10, (metric, number) =>
    {
        metric.Text(1, Text($"http.server.requests.{number}"));
        metric.Text(3, "{request}");
        metric.Message(7, sum =>
        {
            for (int point = 0; point < Items / 10; point++)
            {
                sum.Message(1, data =>
                {
                    Attributes(data, 7, point);
                    data.Fixed64(2, Time);
                    data.Fixed64(3, Time + 15_000_000_000);
                    data.Double(4, point * 1.5);
                });
            }
            sum.Varint(2, 2);
            sum.Varint(3, 1);
        });
    });

    /// <summary>A sample of each of a thousand counters with six labels, in remote write 1.0.</summary>
    public static byte[] RemoteWrite()
    {
        var writer = new ProtobufWriter();
        for (int number = 0; number < Items; number++)
        {
            int series = writer.Begin(1);
            Label(writer, "__name__", "http_requests_total");
            Label(writer, "code", number % 7 == 0 ? "500" : "200");
            Label(writer, "instance", Text($"10.0.{number / 100}.{number % 100}:9100"));
            Label(writer, "job", Text($"service-{number / 100}"));
            Label(writer, "namespace", Text($"team-{number % 12}"));
            Label(writer, "route", Text($"/api/v1/items/{number}"));
            int sample = writer.Begin(2);
            writer.Double(1, number * 1.5);
            writer.Varint(2, Time / 1_000_000);
            writer.End(sample);
            writer.End(series);
        }
        return writer.Written.ToArray();
    }

    private static void Label(ProtobufWriter writer, string name, string value)
    {
        int label = writer.Begin(1);
        writer.Text(1, name);
        writer.Text(2, value);
        writer.End(label);
    }

    /// <summary>Ten histograms of a hundred series each, with four attributes and 15 buckets.</summary>
    public static byte[] Histograms() => Request(10, (metric, number) =>
    {
        metric.Text(1, Text($"http.server.request.duration.{number}"));
        metric.Text(3, "s");
        metric.Message(9, histogram =>
        {
            for (int point = 0; point < Items / 10; point++)
            {
                histogram.Message(1, data =>
                {
                    Attributes(data, 9, point);
                    data.Fixed64(2, Time);
                    data.Fixed64(3, Time + 15_000_000_000);
                    data.Fixed64(4, 15 * 7);
                    data.Double(5, 3.25);
                    data.Bytes(6, Packed(15, _ => 7));
                    data.Bytes(7, Packed(14, bound => BitConverter.DoubleToUInt64Bits(0.005 * (bound + 1))));
                    data.Double(11, 0.001);
                    data.Double(12, 0.9);
                });
            }
            histogram.Varint(2, 2);
        });
    });

    /// <summary>Records with a line of text, four attributes and trace context.</summary>
    public static byte[] Logs() => Request(Items, (record, number) =>
    {
        record.Fixed64(1, Time + (ulong)number);
        record.Varint(2, 9);
        record.Text(3, "INFO");
        record.Message(5, body => body.Text(1, Text($"order {number} accepted for customer 4711, 3 items, 59.90 EUR")));
        Attributes(record, 6, number);
        record.Fixed32(8, 1);
        record.Bytes(9, Id(16, number));
        record.Bytes(10, Id(8, number));
        record.Fixed64(11, Time + (ulong)number);
    });

    /// <summary>Server spans with six attributes and a status.</summary>
    public static byte[] Spans() => Request(Items, (span, number) =>
    {
        span.Bytes(1, Id(16, number));
        span.Bytes(2, Id(8, number));
        span.Bytes(4, Id(8, number + 1));
        span.Text(5, "GET /orders/{id}");
        span.Varint(6, 2);
        span.Fixed64(7, Time);
        span.Fixed64(8, Time + 5_000_000);
        Attributes(span, 9, number);
        Attribute(span, 9, "url.path", value => value.Text(1, Text($"/orders/{number}")));
        Attribute(span, 9, "network.protocol.version", value => value.Text(1, "1.1"));
        span.Message(15, status => status.Varint(3, 1));
        span.Fixed32(16, 1);
    });

    private static byte[] Request(int items, Action<ProtobufWriter, int> item)
    {
        var request = new ProtobufWriter();
        request.Message(1, resource =>
        {
            resource.Message(1, attributes =>
            {
                Attribute(attributes, 1, "service.name", value => value.Text(1, "checkout"));
                Attribute(attributes, 1, "service.instance.id", value => value.Text(1, "checkout-7f9c-2"));
            });
            resource.Message(2, scope =>
            {
                scope.Message(1, name => name.Text(1, "http.server"));
                for (int number = 0; number < items; number++)
                {
                    int current = number;
                    scope.Message(2, writer => item(writer, current));
                }
            });
        });
        return request.Written.ToArray();
    }

    private static void Attributes(ProtobufWriter item, int field, int number)
    {
        Attribute(item, field, "http.request.method", value => value.Text(1, Methods[number % 4]));
        Attribute(item, field, "http.route", value => value.Text(1, Text($"/orders/{number}/items")));
        Attribute(item, field, "http.response.status_code", value => value.Varint(3, 200));
        Attribute(item, field, "server.address", value => value.Text(1, "shop.example"));
    }

    private static void Attribute(ProtobufWriter item, int field, string key, Action<ProtobufWriter> value) => item.Message(field, pair =>
    {
        pair.Text(1, key);
        pair.Message(2, value);
    });

    /// <summary>Writes a nested message with the shortest length, as exporters do.</summary>
    private static void Message(this ProtobufWriter writer, int field, Action<ProtobufWriter> write)
    {
        var nested = new ProtobufWriter();
        write(nested);
        writer.Bytes(field, nested.Written.Span);
    }

    private static byte[] Packed(int count, Func<int, ulong> value)
    {
        byte[] bytes = new byte[count * 8];
        for (int index = 0; index < count; index++)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(index * 8), value(index));
        }
        return bytes;
    }

    private static byte[] Id(int length, int number)
    {
        byte[] id = new byte[length];
        Array.Fill(id, (byte)0xA5);
        BitConverter.TryWriteBytes(id, number);
        return id;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
