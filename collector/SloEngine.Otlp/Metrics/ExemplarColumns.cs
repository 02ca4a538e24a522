using SloEngine.Otlp.Columns;

namespace SloEngine.Otlp.Metrics;

/// <summary>
/// Columns of exemplars (OTLP metrics.proto, <c>Exemplar</c>; Prometheus' remote write): single observations of a series, with the span that made
/// them. Ids hold the wire's bytes in their order in memory.
/// </summary>
public sealed class ExemplarColumns : IDisposable
{
    /// <summary>Series of each exemplar.</summary>
    public ColumnBuffer<int> Series { get; } = new();

    /// <summary>When it was observed, in Unix nanoseconds; the point's time where that is not given.</summary>
    public ColumnBuffer<long> TimeNanos { get; } = new();

    /// <summary>Observed values.</summary>
    public ColumnBuffer<double> Values { get; } = new();

    /// <summary>Trace id; zeros when not given.</summary>
    public ColumnBuffer<UInt128> TraceIds { get; } = new();

    /// <summary>Span id; zero when not given.</summary>
    public ColumnBuffer<ulong> SpanIds { get; } = new();

    /// <summary><c>filtered_attributes</c>, or labels beside the two ids.</summary>
    public AttributesColumn Attributes { get; } = new();

    /// <summary>Number of exemplars.</summary>
    public int Count => Series.Count;

    /// <summary>Appends all exemplars of another table.</summary>
    internal void Append(ExemplarColumns other)
    {
        if (other.Count == 0)
        {
            return;
        }
        Series.Append(other.Series.Values);
        TimeNanos.Append(other.TimeNanos.Values);
        Values.Append(other.Values.Values);
        TraceIds.Append(other.TraceIds.Values);
        SpanIds.Append(other.SpanIds.Values);
        Attributes.Append(other.Attributes);
    }

    /// <summary>Appends the rest of an exemplar whose attributes are in place.</summary>
    internal void EndRow(int series, long timeNanos, double value, UInt128 traceId, ulong spanId)
    {
        Series.Append(series);
        TimeNanos.Append(timeNanos);
        Values.Append(value);
        TraceIds.Append(traceId);
        SpanIds.Append(spanId);
        Attributes.EndRow();
    }

    /// <summary>Drops every exemplar from <paramref name="count"/> on, and the attributes of one not finished.</summary>
    internal void Truncate(int count)
    {
        Series.Truncate(count);
        TimeNanos.Truncate(count);
        Values.Truncate(count);
        TraceIds.Truncate(count);
        SpanIds.Truncate(count);
        Attributes.Truncate(count);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Series.Dispose();
        TimeNanos.Dispose();
        Values.Dispose();
        TraceIds.Dispose();
        SpanIds.Dispose();
        Attributes.Dispose();
    }
}
