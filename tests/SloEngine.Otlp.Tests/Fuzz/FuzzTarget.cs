using System.Runtime.InteropServices;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Hashing;
using SloEngine.Otlp.Json;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Loki;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.RemoteWrite;
using SloEngine.Otlp.Resources;
using SloEngine.Otlp.Traces;

namespace SloEngine.Otlp.Tests.Fuzz;

/// <summary>A decoder, with the transcoder before it where the format has one, over a block that holds something already.</summary>
internal sealed class FuzzTarget : IDisposable
{
    private delegate DecodeResult Decoder(byte[] buffer, int length);

    private readonly MetricBlock _metrics = new();
    private readonly LogBlock _logs = new();
    private readonly SpanBlock _spans = new();
    private readonly Decoder _decode;

    public FuzzTarget(string format)
    {
        var index = new AnyIndex();
        var metrics = new MetricsDecoder(index, 1);
        var logs = new LogsDecoder(index, 1, TimeProvider.System);
        var traces = new TracesDecoder(index, 1);
        var remoteWrite = new RemoteWriteDecoder(index, 1);
        _decode = format switch
        {
            "metrics" => (bytes, length) => metrics.Decode(bytes.AsSpan(0, length), _metrics),
            "logs" => (bytes, length) => logs.Decode(bytes.AsSpan(0, length), _logs),
            "traces" => (bytes, length) => traces.Decode(bytes.AsSpan(0, length), _spans),
            "metrics in JSON" => (bytes, length) => metrics.Decode(OtlpJson.Metrics(bytes.AsMemory(0, length)).Span, _metrics),
            "logs in JSON" => (bytes, length) => logs.Decode(OtlpJson.Logs(bytes.AsMemory(0, length)).Span, _logs),
            "traces in JSON" => (bytes, length) => traces.Decode(OtlpJson.Traces(bytes.AsMemory(0, length)).Span, _spans),
            "remote write 1.0" => (bytes, length) => remoteWrite.Decode(bytes.AsSpan(0, length), _metrics),
            "remote write 2.0" => (bytes, length) => remoteWrite.Decode2(bytes.AsSpan(0, length), _metrics),
            "Loki" => (bytes, length) => logs.Decode(LokiPush.FromProtobuf(bytes.AsSpan(0, length)).Span, _logs),
            _ => (bytes, length) => logs.Decode(LokiPush.FromJson(bytes.AsMemory(0, length)).Span, _logs),
        };
    }

    /// <summary>Bytes of all columns.</summary>
    public long Size
    {
        get
        {
            long size = 0;
            Visit(new Measure(bytes => size += bytes.Length));
            return size;
        }
    }

    public DecodeResult Decode(byte[] buffer, int length) => _decode(buffer, length);

    /// <summary>Takes back what came after a mark.</summary>
    public ((int, int, int, int, int), int, int) Mark() => (_metrics.Mark(), _logs.Count, _spans.Count);

    public void Truncate(((int, int, int, int, int) Metrics, int Logs, int Spans) mark)
    {
        _metrics.Truncate(mark.Metrics);
        _logs.Truncate(mark.Logs);
        _spans.Truncate(mark.Spans);
    }

    /// <summary>Hash of the contents of all columns.</summary>
    public UInt128 Contents()
    {
        UInt128 hash = 0;
        Visit(new Measure(bytes => hash = SipHash128.Hash(bytes, hash + (uint)bytes.Length + 1)));
        return hash;
    }

    public void Dispose()
    {
        _metrics.Dispose();
        _logs.Dispose();
        _spans.Dispose();
    }

    private delegate void OnBytes(ReadOnlySpan<byte> bytes);

    private readonly struct Measure(OnBytes onBytes)
    {
        public void Add<T>(ColumnBuffer<T> column)
            where T : unmanaged => onBytes(MemoryMarshal.AsBytes(column.Values));

        public void Add(BytesColumn column)
        {
            Add(column.Data);
            Add(column.Ends);
        }

        public void Add(AttributesColumn column)
        {
            Add(column.Keys);
            Add(column.Values);
            Add(column.Types);
            Add(column.Ends);
        }
    }

    private void Visit(Measure to)
    {
        to.Add(_metrics.Numbers.Series);
        to.Add(_metrics.Numbers.TimeNanos);
        to.Add(_metrics.Numbers.StartNanos);
        to.Add(_metrics.Numbers.Values);
        HistogramPoints histograms = _metrics.Histograms;
        to.Add(histograms.Series);
        to.Add(histograms.TimeNanos);
        to.Add(histograms.StartNanos);
        to.Add(histograms.Counts);
        to.Add(histograms.Sums);
        to.Add(histograms.Minima);
        to.Add(histograms.Maxima);
        to.Add(histograms.Buckets);
        to.Add(histograms.BucketEnds);
        ExponentialHistogramPoints exponential = _metrics.ExponentialHistograms;
        to.Add(exponential.Series);
        to.Add(exponential.TimeNanos);
        to.Add(exponential.StartNanos);
        to.Add(exponential.Counts);
        to.Add(exponential.Sums);
        to.Add(exponential.Minima);
        to.Add(exponential.Maxima);
        to.Add(exponential.Scales);
        to.Add(exponential.ZeroCounts);
        to.Add(exponential.ZeroThresholds);
        to.Add(exponential.PositiveOffsets);
        to.Add(exponential.PositiveBuckets);
        to.Add(exponential.PositiveEnds);
        to.Add(exponential.NegativeOffsets);
        to.Add(exponential.NegativeBuckets);
        to.Add(exponential.NegativeEnds);
        ExemplarColumns exemplars = _metrics.Exemplars;
        to.Add(exemplars.Series);
        to.Add(exemplars.TimeNanos);
        to.Add(exemplars.Values);
        to.Add(exemplars.TraceIds);
        to.Add(exemplars.SpanIds);
        to.Add(exemplars.Attributes);
        to.Add(_logs.Resources);
        to.Add(_logs.TimeNanos);
        to.Add(_logs.ObservedNanos);
        to.Add(_logs.Severities);
        to.Add(_logs.SeverityTexts);
        to.Add(_logs.Bodies);
        to.Add(_logs.BodyTypes);
        to.Add(_logs.EventNames);
        to.Add(_logs.Attributes);
        to.Add(_logs.TraceIds);
        to.Add(_logs.SpanIds);
        to.Add(_logs.Flags);
        to.Add(_logs.DroppedAttributes);
        to.Add(_spans.Resources);
        to.Add(_spans.TraceIds);
        to.Add(_spans.SpanIds);
        to.Add(_spans.ParentSpanIds);
        to.Add(_spans.TraceStates);
        to.Add(_spans.Names);
        to.Add(_spans.Kinds);
        to.Add(_spans.StartNanos);
        to.Add(_spans.DurationNanos);
        to.Add(_spans.StatusCodes);
        to.Add(_spans.StatusMessages);
        to.Add(_spans.Attributes);
        to.Add(_spans.Flags);
        to.Add(_spans.DroppedAttributes);
        to.Add(_spans.DroppedEvents);
        to.Add(_spans.DroppedLinks);
        to.Add(_spans.Events.TimeNanos);
        to.Add(_spans.Events.Names);
        to.Add(_spans.Events.Attributes);
        to.Add(_spans.Events.DroppedAttributes);
        to.Add(_spans.EventEnds);
        to.Add(_spans.Links.TraceIds);
        to.Add(_spans.Links.SpanIds);
        to.Add(_spans.Links.TraceStates);
        to.Add(_spans.Links.Attributes);
        to.Add(_spans.Links.DroppedAttributes);
        to.Add(_spans.Links.Flags);
        to.Add(_spans.LinkEnds);
    }

    /// <summary>Parses what it is given as the engine's indexes do, and keeps nothing.</summary>
    private sealed class AnyIndex : ISeriesIndex, IResourceIndex, ILabelledSeriesIndex
    {
        public bool TryGet(UInt128 identity, out int reference)
        {
            reference = 0;
            return (identity & 7) != 0;
        }

        public int Register(in RawSeries series, out string? rejection)
        {
            rejection = null;
            AttributeSet.Decode(series.Point, series.AttributesField).Dispose();
            return Register(new RawResource { Resource = series.Resource, Scope = series.Scope }, out rejection);
        }

        public int Register(in RawResource resource, out string? rejection)
        {
            rejection = null;
            AttributeSet.Decode(resource.Resource, 1).Dispose();
            AttributeSet.Decode(resource.Scope, 3).Dispose();
            AttributeSet.Scope(resource.Scope);
            AttributeSet.Dropped(resource.Resource, 2);
            AttributeSet.Dropped(resource.Scope, 4);
            return 1;
        }

        public int Register(UInt128 identity, LabelledSeries series, out string? rejection)
        {
            rejection = null;
            return 1;
        }
    }
}
