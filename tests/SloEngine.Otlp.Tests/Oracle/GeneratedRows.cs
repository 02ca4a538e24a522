using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Tests.Oracle.Otlp;

namespace SloEngine.Otlp.Tests.Oracle;

/// <summary>Lines of what a generated reader read, in the columns' order, and how many items the request holds.</summary>
internal sealed class GeneratedRows
{
    private readonly List<string> _numbers = [];
    private readonly List<string> _histograms = [];
    private readonly List<string> _exponential = [];
    private readonly List<string> _exemplars = [];
    private int _accepted;

    public int Items { get; private set; }

    public int Accepted => _accepted;

    public int Exemplars => _exemplars.Count;

    public int DroppedExemplars { get; private set; }

    public IEnumerable<string> Lines => _numbers.Concat(_histograms).Concat(_exponential).Concat(_exemplars);

    public static GeneratedRows Of(ExportMetricsServiceRequest request)
    {
        var rows = new GeneratedRows();
        foreach (ResourceMetrics resource in request.ResourceMetrics)
        {
            foreach (ScopeMetrics scope in resource.ScopeMetrics)
            {
                foreach (Metric metric in scope.Metrics)
                {
                    rows.Metric(metric, Rows.Line(Resource(resource.Resource, scope.Scope), scope.SchemaUrl));
                }
            }
        }
        return rows;
    }

    public static GeneratedRows Of(ExportLogsServiceRequest request, DateTimeOffset now)
    {
        var rows = new GeneratedRows();
        foreach (ResourceLogs resource in request.ResourceLogs)
        {
            foreach (ScopeLogs scope in resource.ScopeLogs)
            {
                foreach (LogRecord record in scope.LogRecords)
                {
                    rows.Log(record, Resource(resource.Resource, scope.Scope), (long)(now - DateTimeOffset.UnixEpoch).TotalMilliseconds * 1_000_000);
                }
            }
        }
        return rows;
    }

    public static GeneratedRows Of(ExportTraceServiceRequest request)
    {
        var rows = new GeneratedRows();
        foreach (ResourceSpans resource in request.ResourceSpans)
        {
            foreach (ScopeSpans scope in resource.ScopeSpans)
            {
                foreach (Span span in scope.Spans)
                {
                    rows.Span(span, Resource(resource.Resource, scope.Scope));
                }
            }
        }
        return rows;
    }

    private void Metric(Metric metric, string resource)
    {
        int temporality = metric.DataCase switch
        {
            Otlp.Metric.DataOneofCase.Sum => (int)metric.Sum.AggregationTemporality,
            Otlp.Metric.DataOneofCase.Histogram => (int)metric.Histogram.AggregationTemporality,
            Otlp.Metric.DataOneofCase.ExponentialHistogram => (int)metric.ExponentialHistogram.AggregationTemporality,
            _ => 0,
        };
        bool sound = metric.Name.Length > 0
            && (metric.DataCase is Otlp.Metric.DataOneofCase.Gauge or Otlp.Metric.DataOneofCase.Summary || temporality is 1 or 2);

        string Series(MetricKind kind, IEnumerable<KeyValue> attributes, IEnumerable<double>? bounds = null, SeriesPart part = SeriesPart.Whole, double quantile = 0) =>
            Rows.Line(metric.Name, metric.Unit, kind, (Temporality)temporality, part, quantile, bounds ?? [], resource, Rows.Attributes(attributes));

        switch (metric.DataCase)
        {
            case Otlp.Metric.DataOneofCase.Gauge:
                foreach (NumberDataPoint point in metric.Gauge.DataPoints)
                {
                    Number(point, sound, Series(MetricKind.Gauge, point.Attributes));
                }
                break;
            case Otlp.Metric.DataOneofCase.Sum:
                foreach (NumberDataPoint point in metric.Sum.DataPoints)
                {
                    Number(point, sound, Series(metric.Sum.IsMonotonic ? MetricKind.Counter : MetricKind.Gauge, point.Attributes));
                }
                break;
            case Otlp.Metric.DataOneofCase.Histogram:
                foreach (HistogramDataPoint point in metric.Histogram.DataPoints)
                {
                    Histogram(point, sound, Series(MetricKind.Histogram, point.Attributes, point.ExplicitBounds));
                }
                break;
            case Otlp.Metric.DataOneofCase.ExponentialHistogram:
                foreach (ExponentialHistogramDataPoint point in metric.ExponentialHistogram.DataPoints)
                {
                    Exponential(point, sound, Series(MetricKind.ExponentialHistogram, point.Attributes));
                }
                break;
            case Otlp.Metric.DataOneofCase.Summary:
                foreach (SummaryDataPoint point in metric.Summary.DataPoints)
                {
                    if (!Take(sound && Times(point.TimeUnixNano, point.StartTimeUnixNano)))
                    {
                        continue;
                    }
                    double Stale(double value) => (point.Flags & 1) != 0 ? MetricsDecoder.StaleMarker : value;
                    void Part(SeriesPart part, double quantile, double value) => _numbers.Add(Rows.Line(
                        "number", Series(MetricKind.Summary, point.Attributes, null, part, quantile), point.TimeUnixNano, point.StartTimeUnixNano, Stale(value)));
                    Part(SeriesPart.Count, 0, point.Count);
                    Part(SeriesPart.Sum, 0, point.Sum);
                    foreach (SummaryDataPoint.Types.ValueAtQuantile quantile in point.QuantileValues)
                    {
                        Part(SeriesPart.Quantile, quantile.Quantile, quantile.Value);
                    }
                }
                break;
        }
    }

    private void Number(NumberDataPoint point, bool sound, string series)
    {
        bool stale = (point.Flags & 1) != 0;
        if (!Take(sound && Times(point.TimeUnixNano, point.StartTimeUnixNano) && (stale || point.ValueCase != NumberDataPoint.ValueOneofCase.None)))
        {
            return;
        }
        double value = stale ? MetricsDecoder.StaleMarker : point.ValueCase == NumberDataPoint.ValueOneofCase.AsInt ? point.AsInt : point.AsDouble;
        _numbers.Add(Rows.Line("number", series, point.TimeUnixNano, point.StartTimeUnixNano, value));
        Add(point.Exemplars, series, point.TimeUnixNano);
    }

    private void Histogram(HistogramDataPoint point, bool sound, string series)
    {
        ulong[] buckets = point.BucketCounts.Count == 0 && point.ExplicitBounds.Count == 0 ? [point.Count] : [.. point.BucketCounts];
        bool ascending = point.ExplicitBounds.Zip(point.ExplicitBounds.Skip(1)).All(pair => pair.First < pair.Second);
        if (!Take(sound && Times(point.TimeUnixNano, point.StartTimeUnixNano) && ascending && buckets.Length == point.ExplicitBounds.Count + 1
            && Total(buckets) == point.Count))
        {
            return;
        }
        _histograms.Add(Rows.Line(
            "histogram", series, point.TimeUnixNano, point.StartTimeUnixNano, point.Count,
            (point.Flags & 1) != 0 ? MetricsDecoder.StaleMarker : point.HasSum ? point.Sum : double.NaN,
            point.HasMin ? point.Min : double.NaN, point.HasMax ? point.Max : double.NaN, buckets));
        Add(point.Exemplars, series, point.TimeUnixNano);
    }

    private void Exponential(ExponentialHistogramDataPoint point, bool sound, string series)
    {
        ulong[] positive = [.. point.Positive?.BucketCounts ?? []];
        ulong[] negative = [.. point.Negative?.BucketCounts ?? []];
        if (!Take(sound && Times(point.TimeUnixNano, point.StartTimeUnixNano) && point.Scale is >= -10 and <= 20
            && unchecked(point.ZeroCount + Total(positive) + Total(negative)) == point.Count))
        {
            return;
        }
        _exponential.Add(Rows.Line(
            "exponential", series, point.TimeUnixNano, point.StartTimeUnixNano, point.Count,
            (point.Flags & 1) != 0 ? MetricsDecoder.StaleMarker : point.HasSum ? point.Sum : double.NaN,
            point.HasMin ? point.Min : double.NaN, point.HasMax ? point.Max : double.NaN, point.Scale, point.ZeroCount, point.ZeroThreshold,
            point.Positive?.Offset ?? 0, positive, point.Negative?.Offset ?? 0, negative));
        Add(point.Exemplars, series, point.TimeUnixNano);
    }

    private void Add(IEnumerable<Exemplar> exemplars, string series, ulong time)
    {
        foreach (Exemplar exemplar in exemplars)
        {
            bool sound = exemplar.ValueCase != Exemplar.ValueOneofCase.None && exemplar.TimeUnixNano <= long.MaxValue && exemplar.TraceId.Length is 0 or 16
                && exemplar.SpanId.Length is 0 or 8 && Rows.Fit(exemplar.FilteredAttributes.Select(pair => (pair.Key, Rows.Value(pair.Value)[2..])));
            if (!sound)
            {
                DroppedExemplars++;
                continue;
            }
            _exemplars.Add(Rows.Line(
                "exemplar", series, exemplar.TimeUnixNano == 0 ? time : exemplar.TimeUnixNano,
                exemplar.ValueCase == Exemplar.ValueOneofCase.AsInt ? (double)exemplar.AsInt : exemplar.AsDouble,
                Rows.Id(exemplar.TraceId, 16), Rows.Id(exemplar.SpanId, 8), Rows.Attributes(exemplar.FilteredAttributes)));
        }
    }

    private void Log(LogRecord record, string resource, long now)
    {
        if (!Take((int)record.SeverityNumber is >= 0 and <= 24 && record.TraceId.Length is 0 or 16 && record.SpanId.Length is 0 or 8
            && record.TimeUnixNano <= long.MaxValue && record.ObservedTimeUnixNano <= long.MaxValue))
        {
            return;
        }
        ulong time = record.TimeUnixNano != 0 ? record.TimeUnixNano : record.ObservedTimeUnixNano != 0 ? record.ObservedTimeUnixNano : (ulong)now;
        _numbers.Add(Rows.Line(
            resource, time, record.ObservedTimeUnixNano, (int)record.SeverityNumber, record.SeverityText, Rows.Value(record.Body), record.EventName,
            Rows.Attributes(record.Attributes), Rows.Id(record.TraceId, 16), Rows.Id(record.SpanId, 8), record.Flags, record.DroppedAttributesCount));
    }

    private void Span(Span span, string resource)
    {
        static bool Given(Google.Protobuf.ByteString id, int bytes) => id.Length == bytes && id.Any(part => part != 0);
        if (!Take(Given(span.TraceId, 16) && Given(span.SpanId, 8) && span.ParentSpanId.Length is 0 or 8 && span.StartTimeUnixNano is > 0 and <= long.MaxValue))
        {
            return;
        }
        bool ends = span.EndTimeUnixNano <= long.MaxValue && span.EndTimeUnixNano > span.StartTimeUnixNano;
        _numbers.Add(Rows.Line(
            resource, Rows.Id(span.TraceId, 16), Rows.Id(span.SpanId, 8), Rows.Id(span.ParentSpanId, 8), span.TraceState, span.Name,
            (int)span.Kind is >= 0 and <= 5 ? (int)span.Kind : 0, span.StartTimeUnixNano, ends ? span.EndTimeUnixNano - span.StartTimeUnixNano : 0,
            (int)(span.Status?.Code ?? 0) is var code and >= 0 and <= 2 ? code : 0, span.Status?.Message ?? "", Rows.Attributes(span.Attributes), span.Flags,
            span.DroppedAttributesCount, span.DroppedEventsCount, span.DroppedLinksCount));
        foreach (Span.Types.Event item in span.Events)
        {
            _numbers.Add(Rows.Line("event", (long)item.TimeUnixNano, item.Name, Rows.Attributes(item.Attributes), item.DroppedAttributesCount));
        }
        foreach (Span.Types.Link link in span.Links)
        {
            _numbers.Add(Rows.Line(
                "link", Rows.Id(link.TraceId, 16), Rows.Id(link.SpanId, 8), link.TraceState, Rows.Attributes(link.Attributes), link.DroppedAttributesCount, link.Flags));
        }
    }

    private bool Take(bool accepted)
    {
        Items++;
        _accepted += accepted ? 1 : 0;
        return accepted;
    }

    private static bool Times(ulong time, ulong start) => time is > 0 and <= long.MaxValue && start <= long.MaxValue;

    private static ulong Total(ulong[] counts)
    {
        ulong total = 0;
        foreach (ulong count in counts)
        {
            total = unchecked(total + count);
        }
        return total;
    }

    private static string Resource(Resource? resource, InstrumentationScope? scope) => Rows.Line(
        Rows.Attributes(resource?.Attributes ?? []), scope?.Name ?? "", scope?.Version ?? "", Rows.Attributes(scope?.Attributes ?? []),
        resource?.DroppedAttributesCount ?? 0, scope?.DroppedAttributesCount ?? 0);
}
