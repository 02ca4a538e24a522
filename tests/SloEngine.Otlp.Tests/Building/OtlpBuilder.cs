using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.Tests.Building;

/// <summary>Builds encoded OTLP requests field by field, so that a test can say what stands on the wire, right or wrong.</summary>
internal static class OtlpBuilder
{
    public const ulong Time = 1_700_000_000_000_000_000;
    public const ulong Start = 1_690_000_000_000_000_000;

    /// <summary>A request with one resource, one scope and the given items; all three requests have the same field numbers.</summary>
    public static byte[] Request(params Action<ProtobufWriter>[] items) => Encode(request => request.Resource("shop", scope =>
    {
        foreach (Action<ProtobufWriter> item in items)
        {
            scope.Message(2, item);
        }
    }));

    public static byte[] Encode(Action<ProtobufWriter> write)
    {
        var writer = new ProtobufWriter();
        write(writer);
        return writer.Written.ToArray();
    }

    public static void Resource(this ProtobufWriter request, string service, Action<ProtobufWriter> items) => request.Message(1, resource =>
    {
        resource.Message(1, attributes => attributes.Attribute(1, "service.name", service));
        resource.Message(2, scope =>
        {
            scope.Message(1, name => name.Text(1, "meter"));
            items(scope);
        });
    });

    public static void Message(this ProtobufWriter writer, int field, Action<ProtobufWriter> write)
    {
        int start = writer.Begin(field);
        write(writer);
        writer.End(start);
    }

    /// <summary>A <c>KeyValue</c> with a string.</summary>
    public static void Attribute(this ProtobufWriter writer, int field, string key, string value) =>
        writer.Attribute(field, key, any => any.Text(1, value));

    /// <summary>A <c>KeyValue</c> with any value.</summary>
    public static void Attribute(this ProtobufWriter writer, int field, string key, Action<ProtobufWriter> value) => writer.Message(field, pair =>
    {
        pair.Text(1, key);
        pair.Message(2, value);
    });

    public static Action<ProtobufWriter> Gauge(string name, params Action<ProtobufWriter>[] points) =>
        Metric(name, 5, _ => { }, points);

    public static Action<ProtobufWriter> Sum(string name, int temporality, bool monotonic, params Action<ProtobufWriter>[] points) =>
        Metric(name, 7, sum =>
        {
            sum.Varint(2, (ulong)temporality);
            sum.Varint(3, monotonic ? 1u : 0);
        }, points);

    public static Action<ProtobufWriter> Histogram(string name, params Action<ProtobufWriter>[] points) =>
        Metric(name, 9, histogram => histogram.Varint(2, 2), points);

    public static Action<ProtobufWriter> ExponentialHistogram(string name, params Action<ProtobufWriter>[] points) =>
        Metric(name, 10, histogram => histogram.Varint(2, 2), points);

    public static Action<ProtobufWriter> Summary(string name, params Action<ProtobufWriter>[] points) =>
        Metric(name, 11, _ => { }, points);

    /// <summary>A <c>NumberDataPoint</c> at <see cref="Time"/>.</summary>
    public static Action<ProtobufWriter> Number(double value, string? path = null) => point =>
    {
        if (path is not null)
        {
            point.Attribute(7, "path", path);
        }
        point.Fixed64(2, Start);
        point.Fixed64(3, Time);
        point.Double(4, value);
    };

    /// <summary>A number point of a time.</summary>
    public static Action<ProtobufWriter> At(ulong time) => point =>
    {
        point.Fixed64(3, time);
        point.Double(4, 1);
    };

    /// <summary>A point with exemplars, at the field that it has for them.</summary>
    public static Action<ProtobufWriter> With(int field, Action<ProtobufWriter> point, params Action<ProtobufWriter>[] exemplars) => writer =>
    {
        foreach (Action<ProtobufWriter> exemplar in exemplars)
        {
            writer.Message(field, exemplar);
        }
        point(writer);
    };

    /// <summary>An <c>Exemplar</c> a nanosecond before <see cref="Time"/>.</summary>
    public static Action<ProtobufWriter> Exemplar(double value, byte[] traceId, byte[] spanId, string user = "u1") => exemplar =>
    {
        exemplar.Fixed64(2, Time - 1);
        exemplar.Double(3, value);
        exemplar.Bytes(4, spanId);
        exemplar.Bytes(5, traceId);
        exemplar.Attribute(7, "user", user);
    };

    /// <summary>A <c>HistogramDataPoint</c> whose count is the sum of its buckets.</summary>
    public static Action<ProtobufWriter> Buckets(double[] bounds, params ulong[] counts) => point =>
    {
        point.Attribute(9, "path", "/");
        point.Fixed64(2, Start);
        point.Fixed64(3, Time);
        ulong total = 0;
        foreach (ulong count in counts)
        {
            total += count;
        }
        point.Fixed64(4, total);
        point.Double(5, 12.5);
        point.Bytes(6, Words(counts));
        point.Bytes(7, Words(Array.ConvertAll(bounds, BitConverter.DoubleToUInt64Bits)));
        point.Double(11, 0.25);
        point.Double(12, 9);
    };

    public static byte[] Words(params ulong[] values) => System.Runtime.InteropServices.MemoryMarshal.AsBytes<ulong>(values).ToArray();

    public static ulong ZigZag(int value) => (uint)((value << 1) ^ (value >> 31));

    /// <summary>Some of everything the three signals can carry, for tests that damage it.</summary>
    public static byte[] RichMetrics() => Request(
        Gauge("temperature", Number(21.5, "/a"), Number(22, "/b")),
        Sum("requests", 2, true, With(5, Number(7, "/a"), Exemplar(0.5, TraceId, SpanId))),
        Histogram("latency", Buckets([0.1, 1], 1, 2, 3)),
        ExponentialHistogram("size", point =>
        {
            point.Attribute(1, "path", "/");
            point.Fixed64(3, Time);
            point.Fixed64(4, 10);
            point.Double(5, 100);
            point.Varint(6, ZigZag(-3));
            point.Fixed64(7, 1);
            point.Message(8, positive =>
            {
                positive.Varint(1, ZigZag(-5));
                positive.Bytes(2, [2, 3]);
            });
            point.Message(9, negative => negative.Bytes(2, [4]));
        }),
        Summary("pause", point =>
        {
            point.Attribute(7, "path", "/");
            point.Fixed64(3, Time);
            point.Fixed64(4, 5);
            point.Double(5, 2);
            point.Message(6, quantile =>
            {
                quantile.Double(1, 0.5);
                quantile.Double(2, 0.4);
            });
        }));

    public static byte[] RichSpans() => Request(span =>
    {
        span.Bytes(1, TraceId);
        span.Bytes(2, SpanId);
        span.Text(3, "vendor=1");
        span.Bytes(4, [8, 7, 6, 5, 4, 3, 2, 1]);
        span.Text(5, "GET /");
        span.Varint(6, 2);
        span.Fixed64(7, Time);
        span.Fixed64(8, Time + 250);
        span.Attribute(9, "http.request.method", "GET");
        span.Message(11, spanEvent =>
        {
            spanEvent.Fixed64(1, Time + 100);
            spanEvent.Text(2, "exception");
            spanEvent.Attribute(3, "exception.type", "Timeout");
        });
        span.Message(13, link =>
        {
            link.Bytes(1, TraceId);
            link.Bytes(2, SpanId);
            link.Text(3, "linked=1");
            link.Attribute(4, "reason", "retry");
        });
        span.Message(15, status =>
        {
            status.Text(2, "timed out");
            status.Varint(3, 2);
        });
        span.Fixed32(16, 1);
    });

    public static byte[] RichLogs() => Request(record =>
    {
        record.Fixed64(1, Time);
        record.Varint(2, 17);
        record.Text(3, "ERROR");
        record.Message(5, body => body.Message(6, map => map.Attribute(1, "message", "card refused")));
        record.Attribute(6, "order", any => any.Varint(3, 42));
        record.Fixed32(8, 1);
        record.Bytes(9, TraceId);
        record.Bytes(10, SpanId);
        record.Fixed64(11, Time + 5);
        record.Text(12, "payment.refused");
    });

    public static byte[] TraceId => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    public static byte[] SpanId => [1, 2, 3, 4, 5, 6, 7, 8];

    private static Action<ProtobufWriter> Metric(string name, int dataField, Action<ProtobufWriter> settings, Action<ProtobufWriter>[] points) => metric =>
    {
        metric.Text(1, name);
        metric.Text(3, "s");
        metric.Message(dataField, data =>
        {
            foreach (Action<ProtobufWriter> point in points)
            {
                data.Message(1, point);
            }
            settings(data);
        });
    };
}
