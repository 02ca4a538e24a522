using SloEngine.Otlp.Tests.Oracle.Otlp;

namespace SloEngine.Otlp.Tests.Oracle;

/// <summary>Random export requests of the three signals: every field of every message, mostly sound and sometimes not.</summary>
internal sealed class RandomOtlp(int seed) : RandomValues(seed)
{
    public ExportMetricsServiceRequest Metrics()
    {
        var request = new ExportMetricsServiceRequest();
        for (int resources = Next(3); resources > 0; resources--)
        {
            var resource = new ResourceMetrics { Resource = Resource(), SchemaUrl = Text() };
            for (int scopes = Next(3); scopes > 0; scopes--)
            {
                var scope = new ScopeMetrics { Scope = Scope(), SchemaUrl = Text() };
                for (int metrics = Next(5); metrics > 0; metrics--)
                {
                    scope.Metrics.Add(Metric());
                }
                resource.ScopeMetrics.Add(scope);
            }
            request.ResourceMetrics.Add(resource);
        }
        return request;
    }

    public ExportTraceServiceRequest Traces()
    {
        var request = new ExportTraceServiceRequest();
        for (int resources = Next(3); resources > 0; resources--)
        {
            var resource = new ResourceSpans { Resource = Resource(), SchemaUrl = Text() };
            for (int scopes = Next(3); scopes > 0; scopes--)
            {
                var scope = new ScopeSpans { Scope = Scope(), SchemaUrl = Text() };
                for (int spans = Next(5); spans > 0; spans--)
                {
                    scope.Spans.Add(Span());
                }
                resource.ScopeSpans.Add(scope);
            }
            request.ResourceSpans.Add(resource);
        }
        return request;
    }

    public ExportLogsServiceRequest Logs()
    {
        var request = new ExportLogsServiceRequest();
        for (int resources = Next(3); resources > 0; resources--)
        {
            var resource = new ResourceLogs { Resource = Resource(), SchemaUrl = Text() };
            for (int scopes = Next(3); scopes > 0; scopes--)
            {
                var scope = new ScopeLogs { Scope = Scope(), SchemaUrl = Text() };
                for (int records = Next(6); records > 0; records--)
                {
                    scope.LogRecords.Add(Chance(20) ? new LogRecord { TimeUnixNano = 5 } : Record());
                }
                resource.ScopeLogs.Add(scope);
            }
            request.ResourceLogs.Add(resource);
        }
        return request;
    }

    private Resource? Resource()
    {
        if (Chance(10))
        {
            return null;
        }
        var resource = new Resource { DroppedAttributesCount = (uint)Next(3) };
        resource.Attributes.Add(Attributes());
        if (Chance(5))
        {
            resource.EntityRefs.Add(new EntityRef { SchemaUrl = Text(), Type = "host", IdKeys = { Text(), Text() }, DescriptionKeys = { Text() } });
        }
        return resource;
    }

    private InstrumentationScope? Scope()
    {
        if (Chance(10))
        {
            return null;
        }
        var scope = new InstrumentationScope { Name = Text(), Version = Text(), DroppedAttributesCount = (uint)Next(3) };
        scope.Attributes.Add(Attributes());
        return scope;
    }

    private Metric Metric()
    {
        var metric = new Metric { Name = Name(), Description = Text(), Unit = Pick("", "s", "By", "{item}") };
        metric.Metadata.Add(Attributes());
        int points = Chance(30) ? 100 : Next(4);
        AggregationTemporality temporality = Chance(12) ? (AggregationTemporality)Pick(0, 3, 700, -1) : (AggregationTemporality)(1 + Next(2));
        switch (Next(12))
        {
            case 0 or 1 or 2:
                metric.Gauge = new Gauge();
                for (; points > 0; points--)
                {
                    metric.Gauge.DataPoints.Add(Number());
                }
                break;
            case 3 or 4 or 5:
                metric.Sum = new Sum { IsMonotonic = Chance(2), AggregationTemporality = temporality };
                for (; points > 0; points--)
                {
                    metric.Sum.DataPoints.Add(Number());
                }
                break;
            case 6 or 7:
                metric.Histogram = new Histogram { AggregationTemporality = temporality };
                for (; points > 0; points--)
                {
                    metric.Histogram.DataPoints.Add(Histogram());
                }
                break;
            case 8 or 9:
                metric.ExponentialHistogram = new ExponentialHistogram { AggregationTemporality = temporality };
                for (; points > 0; points--)
                {
                    metric.ExponentialHistogram.DataPoints.Add(Exponential());
                }
                break;
            case 10:
                metric.Summary = new Summary();
                for (; points > 0; points--)
                {
                    metric.Summary.DataPoints.Add(Summary());
                }
                break;
        }
        return metric;
    }

    private NumberDataPoint Number()
    {
        var point = new NumberDataPoint { TimeUnixNano = Time(), StartTimeUnixNano = Start(), Flags = Flags() };
        point.Attributes.Add(Attributes());
        point.Exemplars.Add(Exemplars());
        switch (Next(8))
        {
            case 0:
                break;
            case < 4:
                point.AsInt = Long();
                break;
            default:
                point.AsDouble = Double();
                break;
        }
        return point;
    }

    private HistogramDataPoint Histogram()
    {
        var point = new HistogramDataPoint { TimeUnixNano = Time(), StartTimeUnixNano = Start(), Flags = Flags() };
        point.Attributes.Add(Attributes());
        point.Exemplars.Add(Exemplars());
        int bounds = Chance(30) ? 500 : Next(6);
        double bound = Pick(-10.0, 0, 0.005, double.NegativeInfinity);
        for (int index = 0; index < bounds; index++)
        {
            point.ExplicitBounds.Add(bound);
            bound = (double.IsFinite(bound) ? bound : -1e6) + (Chance(60) ? 0 : 0.5);
        }
        for (int index = 0; index <= bounds && !(bounds == 0 && Chance(2)); index++)
        {
            point.BucketCounts.Add(Count());
            point.Count += point.BucketCounts[^1];
        }
        if (Chance(25))
        {
            point.BucketCounts.Add(Count());
        }
        point.Count += Chance(25) ? 1u : 0;
        if (Chance(2))
        {
            (point.Sum, point.Min, point.Max) = (Double(), Double(), Double());
        }
        return point;
    }

    private ExponentialHistogramDataPoint Exponential()
    {
        var point = new ExponentialHistogramDataPoint
        {
            TimeUnixNano = Time(),
            StartTimeUnixNano = Start(),
            Flags = Flags(),
            Scale = Chance(20) ? Pick(-11, 21, int.MinValue, int.MaxValue) : Next(31) - 10,
            ZeroCount = Count(),
            ZeroThreshold = Double(),
            Positive = Buckets(),
            Negative = Buckets(),
        };
        point.Attributes.Add(Attributes());
        point.Exemplars.Add(Exemplars());
        point.Count = point.ZeroCount + (Chance(25) ? 1u : 0);
        foreach (ulong count in (point.Positive?.BucketCounts ?? []).Concat(point.Negative?.BucketCounts ?? []))
        {
            point.Count += count;
        }
        if (Chance(2))
        {
            (point.Sum, point.Min, point.Max) = (Double(), Double(), Double());
        }
        return point;
    }

    private ExponentialHistogramDataPoint.Types.Buckets? Buckets()
    {
        if (Chance(3))
        {
            return null;
        }
        var buckets = new ExponentialHistogramDataPoint.Types.Buckets { Offset = (int)Long() };
        for (int count = Chance(20) ? 320 : Next(6); count > 0; count--)
        {
            buckets.BucketCounts.Add(Count());
        }
        return buckets;
    }

    private SummaryDataPoint Summary()
    {
        var point = new SummaryDataPoint { TimeUnixNano = Time(), StartTimeUnixNano = Start(), Flags = Flags(), Count = Count(), Sum = Double() };
        point.Attributes.Add(Attributes());
        for (int quantiles = Next(5); quantiles > 0; quantiles--)
        {
            point.QuantileValues.Add(new SummaryDataPoint.Types.ValueAtQuantile { Quantile = Pick(0, 0.5, 0.99, 1, Double()), Value = Double() });
        }
        return point;
    }

    private IEnumerable<Exemplar> Exemplars()
    {
        for (int count = Chance(3) ? Next(3) : 0; count > 0; count--)
        {
            var exemplar = new Exemplar { TimeUnixNano = Time(), SpanId = Bytes(8), TraceId = Bytes(16) };
            exemplar.FilteredAttributes.Add(Attributes());
            switch (Next(10))
            {
                case 0:
                    break;
                case < 5:
                    exemplar.AsInt = Long();
                    break;
                default:
                    exemplar.AsDouble = Double();
                    break;
            }
            yield return exemplar;
        }
    }

    private Span Span()
    {
        var span = new Span
        {
            TraceId = Bytes(16),
            SpanId = Bytes(8),
            TraceState = Text(),
            ParentSpanId = Chance(2) ? Bytes(8) : Bytes(0),
            Flags = (uint)Long(),
            Name = Text(),
            Kind = (Span.Types.SpanKind)(Chance(20) ? Pick(6, 300, -1) : Next(6)),
            StartTimeUnixNano = Time(),
            EndTimeUnixNano = Time(),
            DroppedAttributesCount = (uint)Next(3),
            DroppedEventsCount = (uint)Long(),
            DroppedLinksCount = (uint)Next(3),
        };
        span.Attributes.Add(Attributes());
        for (int events = Next(3); events > 0; events--)
        {
            var spanEvent = new Span.Types.Event { TimeUnixNano = Time(), Name = Text(), DroppedAttributesCount = (uint)Next(3) };
            spanEvent.Attributes.Add(Attributes());
            span.Events.Add(spanEvent);
        }
        for (int links = Next(3); links > 0; links--)
        {
            var link = new Span.Types.Link { TraceId = Bytes(16), SpanId = Bytes(8), TraceState = Text(), DroppedAttributesCount = (uint)Next(3), Flags = (uint)Next(3) };
            link.Attributes.Add(Attributes());
            span.Links.Add(link);
        }
        if (!Chance(3))
        {
            span.Status = new Status { Message = Text(), Code = (Status.Types.StatusCode)(Chance(20) ? Pick(3, -1) : Next(3)) };
        }
        return span;
    }

    private LogRecord Record()
    {
        var record = new LogRecord
        {
            TimeUnixNano = Time(),
            ObservedTimeUnixNano = Time(),
            SeverityNumber = (SeverityNumber)(Chance(20) ? Pick(25, 300, -1) : Next(25)),
            SeverityText = Text(),
            DroppedAttributesCount = (uint)Next(3),
            Flags = (uint)Long(),
            TraceId = Chance(3) ? Bytes(0) : Bytes(16),
            SpanId = Chance(3) ? Bytes(0) : Bytes(8),
            EventName = Text(),
        };
        if (!Chance(5))
        {
            record.Body = Value(0);
        }
        record.Attributes.Add(Attributes());
        return record;
    }

    private ulong Start() => Chance(3) ? 0 : Time();

    private uint Flags() => Chance(15) ? (uint)Next(4) : 0;

    private ulong Count() => Chance(20) ? (ulong)Long() : (ulong)Next(1000);
}
