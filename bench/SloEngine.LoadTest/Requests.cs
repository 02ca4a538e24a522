using System.Buffers.Binary;
using System.Globalization;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.LoadTest;

/// <summary>A pre-encoded OTLP request whose times are patched before each send.</summary>
/// <param name="Body">The encoded message.</param>
/// <param name="TimeOffsets">Where its 64-bit times stand.</param>
/// <param name="Items">Points, records or spans in it.</param>
internal sealed record Request(byte[] Body, int[] TimeOffsets, int Items)
{
    private const ulong TimeMark = 0x1122334455667788;

    /// <summary>Finds the places of the times in an encoded message.</summary>
    public static Request Of(ProtobufWriter writer, int items)
    {
        byte[] body = writer.Written.ToArray();
        var offsets = new List<int>();
        Span<byte> mark = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(mark, TimeMark);
        for (int from = 0; ;)
        {
            int at = body.AsSpan(from).IndexOf(mark);
            if (at < 0)
            {
                return new Request(body, [.. offsets], items);
            }
            offsets.Add(from + at);
            from += at + 8;
        }
    }

    /// <summary>Writes a time into every place.</summary>
    public void SetTime(long nanos)
    {
        foreach (int offset in TimeOffsets)
        {
            BinaryPrimitives.WriteInt64LittleEndian(Body.AsSpan(offset), nanos);
        }
    }

    /// <summary>One request of several, as a collector between sends them: messages one after the other are one message.</summary>
    public static Request Join(IReadOnlyList<Request> requests)
    {
        var offsets = new List<int>();
        int start = 0;
        foreach (Request request in requests)
        {
            offsets.AddRange(request.TimeOffsets.Select(offset => start + offset));
            start += request.Body.Length;
        }
        return new Request([.. requests.SelectMany(static request => request.Body)], [.. offsets], requests.Sum(static request => request.Items));
    }

    /// <summary>464 number points: 384 counters, 80 gauges, of one process.</summary>
    public static Request Numbers(int process)
    {
        var writer = new ProtobufWriter();
        int resourceMetrics = writer.Begin(1);
        Resource(writer, process);
        int scope = writer.Begin(2);
        Metric(writer, "app.requests", 7, 384, 7, monotonic: true, static (w, index) => w.Fixed64(6, (ulong)(index * 17)));
        Metric(writer, "app.memory", 5, 80, 7, monotonic: false, static (w, index) => w.Double(4, index * 1.25));
        writer.End(scope);
        writer.End(resourceMetrics);
        return Of(writer, 464);
    }

    /// <summary>464 points: 320 counters, 64 histograms of 15 buckets, 80 gauges, of one process.</summary>
    public static Request Metrics(int process)
    {
        var writer = new ProtobufWriter();
        int resourceMetrics = writer.Begin(1);
        Resource(writer, process);
        int scope = writer.Begin(2);
        Metric(writer, "app.requests", 7, 320, 7, monotonic: true, static (w, index) => w.Fixed64(6, (ulong)(index * 17)));
        Metric(writer, "app.latency", 9, 64, 9, monotonic: false, static (w, index) =>
        {
            w.Fixed64(4, 150);
            w.Double(5, 12.5 + index);
            var counts = new byte[15 * 8];
            var bounds = new byte[14 * 8];
            for (int bucket = 0; bucket < 15; bucket++)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(counts.AsSpan(bucket * 8), 10);
                if (bucket < 14)
                {
                    BinaryPrimitives.WriteDoubleLittleEndian(bounds.AsSpan(bucket * 8), 0.005 * (1 << bucket));
                }
            }
            w.Bytes(6, counts);
            w.Bytes(7, bounds);
        });
        Metric(writer, "app.memory", 5, 80, 7, monotonic: false, static (w, index) => w.Double(4, index * 1.25));
        writer.End(scope);
        writer.End(resourceMetrics);
        return Of(writer, 464);
    }

    /// <summary>500 log records of about 240 bytes.</summary>
    public static Request Logs(int process)
    {
        var writer = new ProtobufWriter();
        int resourceLogs = writer.Begin(1);
        Resource(writer, process);
        int scope = writer.Begin(2);
        for (int record = 0; record < 500; record++)
        {
            int item = writer.Begin(2);
            writer.Fixed64(1, TimeMark);
            writer.Varint(2, 9);
            writer.Text(3, "INFO");
            int body = writer.Begin(5);
            writer.Text(1, string.Create(CultureInfo.InvariantCulture, $"GET /api/v1/items/{record * 7} answered 200 in {record % 90} ms for tenant acme over a kept-alive connection"));
            writer.End(body);
            Attribute(writer, 6, "http.route", "/api/v1/items/{id}");
            Attribute(writer, 6, "http.request.method", "GET");
            Attribute(writer, 6, "tenant", "acme");
            writer.End(item);
        }
        writer.End(scope);
        writer.End(resourceLogs);
        return Of(writer, 500);
    }

    /// <summary>400 spans of about 300 bytes with 7 attributes.</summary>
    public static Request Spans(int process)
    {
        var random = new Random(process);
        var id = new byte[16];
        var writer = new ProtobufWriter();
        int resourceSpans = writer.Begin(1);
        Resource(writer, process);
        int scope = writer.Begin(2);
        for (int span = 0; span < 400; span++)
        {
            int item = writer.Begin(2);
            random.NextBytes(id);
            writer.Bytes(1, id);
            writer.Bytes(2, id.AsSpan(0, 8));
            writer.Text(5, "GET /api/v1/items/{id}");
            writer.Varint(6, 2);
            writer.Fixed64(7, TimeMark);
            writer.Fixed64(8, TimeMark);
            Attribute(writer, 9, "http.request.method", "GET");
            Attribute(writer, 9, "http.route", "/api/v1/items/{id}");
            Attribute(writer, 9, "http.response.status_code", "200");
            Attribute(writer, 9, "server.address", "items.internal");
            Attribute(writer, 9, "url.path", string.Create(CultureInfo.InvariantCulture, $"/api/v1/items/{span}"));
            Attribute(writer, 9, "network.protocol.version", "1.1");
            Attribute(writer, 9, "tenant", "acme");
            writer.End(item);
        }
        writer.End(scope);
        writer.End(resourceSpans);
        return Of(writer, 400);
    }

    private static void Metric(ProtobufWriter writer, string name, int dataField, int points, int attributesField, bool monotonic, Action<ProtobufWriter, int> value)
    {
        int metric = writer.Begin(2);
        writer.Text(1, name);
        int data = writer.Begin(dataField);
        for (int index = 0; index < points; index++)
        {
            int point = writer.Begin(1);
            Attribute(writer, attributesField, "http.route", string.Create(CultureInfo.InvariantCulture, $"/route/{index}"));
            Attribute(writer, attributesField, "http.response.status_code", "200");
            writer.Fixed64(2, 1_700_000_000_000_000_000);
            writer.Fixed64(3, TimeMark);
            value(writer, index);
            writer.End(point);
        }
        if (dataField != 5)
        {
            writer.Varint(2, 2);
        }
        if (monotonic)
        {
            writer.Varint(3, 1);
        }
        writer.End(data);
        writer.End(metric);
    }

    private static void Resource(ProtobufWriter writer, int process)
    {
        int resource = writer.Begin(1);
        Attribute(writer, 1, "service.name", string.Create(CultureInfo.InvariantCulture, $"service-{process}"));
        Attribute(writer, 1, "service.instance.id", string.Create(CultureInfo.InvariantCulture, $"instance-{process}"));
        writer.End(resource);
    }

    private static void Attribute(ProtobufWriter writer, int field, string key, string value)
    {
        int attribute = writer.Begin(field);
        writer.Text(1, key);
        int any = writer.Begin(2);
        writer.Text(1, value);
        writer.End(any);
        writer.End(attribute);
    }
}
