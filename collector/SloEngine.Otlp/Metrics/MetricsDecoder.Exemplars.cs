using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.Metrics;

/// <content>Exemplars: read of accepted points that have some, in a second pass over the point, so that others do not pay for them.</content>
public sealed partial class MetricsDecoder
{
    private readonly ExemplarBounds _exemplarBounds = new();
    private readonly AttributeReader _exemplarAttributes = new();

    /// <summary>The exemplars of a point: its repeated field <paramref name="field"/>.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Exemplars(ProtobufReader point, int field, int series, long timeNanos)
    {
        while (point.Next())
        {
            if (point.Field != field)
            {
                point.Skip();
                continue;
            }
            int row = _block.Exemplars.Count;
            ProtobufReader exemplar = point.MessageField();
            if (!_items.Next())
            {
                continue;
            }
            string? refusal = Exemplar(exemplar, series, timeNanos);
            if (refusal is null)
            {
                _exemplarBounds.Keep();
                continue;
            }
            _items.Reject();
            _block.Exemplars.Truncate(row);
            if (_exemplarBounds.Drop())
            {
                _exemplarBounds.Tell($"{Path()}: {refusal}");
            }
        }
    }

    /// <summary><c>Exemplar</c>; returns why it cannot be kept, or null.</summary>
    private string? Exemplar(ProtobufReader exemplar, int series, long timeNanos)
    {
        ExemplarColumns into = _block.Exemplars;
        long time = 0;
        double value = 0;
        bool hasValue = false;
        ReadOnlySpan<byte> traceId = default;
        ReadOnlySpan<byte> spanId = default;
        while (exemplar.Next())
        {
            switch (exemplar.Field)
            {
                case 2:
                    time = (long)exemplar.Fixed64Field();
                    break;
                case 3:
                    value = exemplar.DoubleField();
                    hasValue = true;
                    break;
                case 4:
                    spanId = exemplar.BytesField();
                    break;
                case 5:
                    traceId = exemplar.BytesField();
                    break;
                case 6:
                    value = (long)exemplar.Fixed64Field();
                    hasValue = true;
                    break;
                case 7:
                    _exemplarAttributes.Read(exemplar.MessageField(), into.Attributes);
                    break;
                default:
                    exemplar.Skip();
                    break;
            }
        }
        time = time == 0 ? timeNanos : time;
        string? refusal = !hasValue ? "an exemplar has neither as_double nor as_int"
            : !Window.Contains(time) ? Window.Refusal("the time of an exemplar", time)
            : traceId.Length is not (0 or 16) ? "the trace_id of an exemplar is not 16 bytes"
            : spanId.Length is not (0 or 8) ? "the span_id of an exemplar is not 8 bytes"
            : _exemplarBounds.Refusal(into);
        if (refusal is null)
        {
            into.EndRow(
                series, time, value, traceId.IsEmpty ? default : MemoryMarshal.Read<UInt128>(traceId),
                spanId.IsEmpty ? default : MemoryMarshal.Read<ulong>(spanId));
        }
        return refusal;
    }
}
