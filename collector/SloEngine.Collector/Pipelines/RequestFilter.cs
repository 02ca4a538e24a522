using SloEngine.Collector.Ingest;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Collector.Pipelines;

/// <summary>Writes a request anew without the items that fit a filter. Reusable, not thread-safe.</summary>
internal sealed class RequestFilter(Signal signal, FilterStep step, Action<PipelineStep, int> count)
{
    private readonly ProtobufWriter _writer = new();
    private readonly AttributeReader _values = new();
    private readonly TelemetryFilter _filter = step.Filter;
    private int _dropped;

    /// <summary>What is left of a request, valid until the next call.</summary>
    /// <exception cref="OtlpFormatException">The bytes are no such message.</exception>
    public ReadOnlyMemory<byte> Apply(ReadOnlyMemory<byte> request)
    {
        _writer.Clear();
        _dropped = 0;
        ReadOnlySpan<byte> bytes = request.Span;
        var reader = new ProtobufReader(bytes);
        int unwritten = 0;
        while (reader.Next())
        {
            if (reader.Field != 1)
            {
                reader.Skip();
                continue;
            }
            int start = reader.FieldStart;
            ReadOnlySpan<byte> message = reader.BytesField();
            ReadOnlySpan<byte> resource = new ProtobufReader(message).Merged(1);
            if (_filter.FitsService(resource, _values))
            {
                _writer.Encoded(bytes[unwritten..start]);
                Resource(message, resource);
                unwritten = reader.Position;
            }
        }
        if (_dropped == 0)
        {
            return request;
        }
        count(step, _dropped);
        _writer.Encoded(bytes[unwritten..]);
        return _writer.Written;
    }

    private void Resource(ReadOnlySpan<byte> message, ReadOnlySpan<byte> resource)
    {
        int outer = _writer.Begin(1);
        var reader = new ProtobufReader(message);
        int unwritten = 0;
        while (reader.Next())
        {
            if (reader.Field != 2)
            {
                reader.Skip();
                continue;
            }
            _writer.Encoded(message[unwritten..reader.FieldStart]);
            Items(reader.BytesField(), 2, resource);
            unwritten = reader.Position;
        }
        _writer.Encoded(message[unwritten..]);
        _writer.End(outer);
    }

    private void Items(ReadOnlySpan<byte> message, int field, ReadOnlySpan<byte> resource)
    {
        int outer = _writer.Begin(field);
        var reader = new ProtobufReader(message);
        int unwritten = 0;
        while (reader.Next())
        {
            if (reader.Field != 2)
            {
                reader.Skip();
                continue;
            }
            int start = reader.FieldStart;
            ReadOnlySpan<byte> item = reader.BytesField();
            if (signal == Signal.Metrics && _filter.Attributes.Count > 0)
            {
                _writer.Encoded(message[unwritten..start]);
                Metric(item, resource);
                unwritten = reader.Position;
            }
            else if (Fits(item, resource))
            {
                _dropped++;
                _writer.Encoded(message[unwritten..start]);
                unwritten = reader.Position;
            }
        }
        _writer.Encoded(message[unwritten..]);
        _writer.End(outer);
    }

    private bool Fits(ReadOnlySpan<byte> item, ReadOnlySpan<byte> resource)
    {
        var reader = new ProtobufReader(item);
        (int name, int attributes) = signal switch { Signal.Metrics => (1, 0), Signal.Logs => (12, 6), _ => (5, 9) };
        return (_filter.Names is null || _filter.Names.Contains(reader.Last(name)))
            && (_filter.SeverityBelow == 0 || IsBelow(item, _filter.SeverityBelow))
            && _filter.FitsAttributes(item, attributes, resource, _values);
    }

    private static bool IsBelow(ReadOnlySpan<byte> record, int least)
    {
        var reader = new ProtobufReader(record);
        int severity = 0;
        while (reader.Next())
        {
            if (reader.Field == 2)
            {
                severity = (int)Math.Min(reader.VarintField(), 255);
            }
            else
            {
                reader.Skip();
            }
        }
        return severity > 0 && severity < least;
    }

    /// <summary>A metric without the data points that fit.</summary>
    private void Metric(ReadOnlySpan<byte> metric, ReadOnlySpan<byte> resource)
    {
        int outer = _writer.Begin(2);
        var reader = new ProtobufReader(metric);
        bool isNamed = _filter.Names is null || _filter.Names.Contains(reader.Last(1));
        int unwritten = 0;
        while (reader.Next())
        {
            if (!isNamed || reader.Field is not (5 or 7 or 9 or 10 or 11))
            {
                reader.Skip();
                continue;
            }
            _writer.Encoded(metric[unwritten..reader.FieldStart]);
            Points(reader.BytesField(), reader.Field, resource);
            unwritten = reader.Position;
        }
        _writer.Encoded(metric[unwritten..]);
        _writer.End(outer);
    }

    private void Points(ReadOnlySpan<byte> data, int field, ReadOnlySpan<byte> resource)
    {
        int outer = _writer.Begin(field);
        var reader = new ProtobufReader(data);
        int unwritten = 0;
        while (reader.Next())
        {
            if (reader.Field != 1)
            {
                reader.Skip();
                continue;
            }
            int start = reader.FieldStart;
            ReadOnlySpan<byte> point = reader.BytesField();
            if (_filter.FitsAttributes(point, MessageShape.PointAttributes(field), resource, _values))
            {
                _dropped++;
                _writer.Encoded(data[unwritten..start]);
                unwritten = reader.Position;
            }
        }
        _writer.Encoded(data[unwritten..]);
        _writer.End(outer);
    }
}
