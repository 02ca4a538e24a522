using Google.Protobuf;
using Google.Protobuf.Collections;
using V1 = SloEngine.Otlp.Tests.Oracle.RemoteWrite1;
using V2 = SloEngine.Otlp.Tests.Oracle.RemoteWrite2;

namespace SloEngine.Otlp.Tests.Oracle;

/// <summary>Random remote write requests of both versions.</summary>
internal sealed class RandomRemoteWrite(int seed) : RandomValues(seed)
{
    public V1.WriteRequest Version1()
    {
        var request = new V1.WriteRequest();
        for (int count = Next(6); count > 0; count--)
        {
            var series = new V1.TimeSeries();
            series.Labels.Add(Labels().Select(label => new V1.Label { Name = label.Name, Value = label.Value }));
            for (int samples = Chance(20) ? 100 : Next(4); samples > 0; samples--)
            {
                series.Samples.Add(new V1.Sample { Value = Double(), Timestamp = Millis() });
            }
            for (int exemplars = Next(2); exemplars > 0; exemplars--)
            {
                var exemplar = new V1.Exemplar { Value = Double(), Timestamp = Millis() };
                exemplar.Labels.Add(ExemplarLabels().Select(label => new V1.Label { Name = label.Name, Value = label.Value }));
                series.Exemplars.Add(exemplar);
            }
            for (int histograms = Chance(2) ? Next(3) : 0; histograms > 0; histograms--)
            {
                series.Histograms.Add(Histogram());
            }
            request.Timeseries.Add(series);
        }
        if (Chance(2))
        {
            request.Metadata.Add(new V1.MetricMetadata { Type = (uint)Next(8), MetricFamilyName = Name(), Help = Text(), Unit = "s" });
        }
        return request;
    }

    public V2.Request Version2()
    {
        var request = new V2.Request { Symbols = { "" } };
        uint Symbol(string text)
        {
            int known = request.Symbols.IndexOf(text);
            if (known < 0)
            {
                request.Symbols.Add(text);
            }
            return (uint)(known < 0 ? request.Symbols.Count - 1 : known);
        }
        for (int count = Next(6); count > 0; count--)
        {
            var series = new V2.TimeSeries { CreatedTimestamp = Chance(3) ? Millis() : 0 };
            foreach ((string name, string value) in Labels())
            {
                series.LabelsRefs.Add([Symbol(name), Symbol(value)]);
            }
            if (Chance(20))
            {
                series.LabelsRefs.Add(Symbol("odd"));
            }
            if (!Chance(3))
            {
                // Help and unit do not tell series apart: the first counts, so that all are the same here.
                series.Metadata = new V2.Metadata { Type = (uint)Next(8), HelpRef = Symbol("Helps."), UnitRef = Symbol("s") };
            }
            for (int samples = Chance(20) ? 100 : Next(4); samples > 0; samples--)
            {
                series.Samples.Add(new V2.Sample { Value = Double(), Timestamp = Millis(), StartTimestamp = Chance(3) ? Millis() : 0 });
            }
            for (int exemplars = Next(2); exemplars > 0; exemplars--)
            {
                var exemplar = new V2.Exemplar { Value = Double(), Timestamp = Millis() };
                exemplar.LabelsRefs.Add(ExemplarLabels().SelectMany(label => new[] { Symbol(label.Name), Symbol(label.Value) }));
                if (Chance(20))
                {
                    exemplar.LabelsRefs.Add(Symbol("odd"));
                }
                series.Exemplars.Add(exemplar);
            }
            for (int histograms = Chance(2) ? Next(3) : 0; histograms > 0; histograms--)
            {
                V2.Histogram histogram = V2.Histogram.Parser.ParseFrom(Histogram().ToByteArray());
                histogram.StartTimestamp = Chance(2) ? Millis() : 0;
                series.Histograms.Add(histogram);
            }
            request.Timeseries.Add(series);
        }
        return request;
    }

    private IEnumerable<(string Name, string Value)> Labels()
    {
        if (!Chance(20))
        {
            yield return ("__name__", Pick("up", "requests_total", "latency_bucket", "latency_sum", "size_count", Name()));
        }
        for (int count = Next(5); count > 0; count--)
        {
            yield return (Chance(20) ? Text() : "label" + count, Text());
        }
    }

    private IEnumerable<(string Name, string Value)> ExemplarLabels()
    {
        if (!Chance(4))
        {
            yield return ("trace_id", Chance(8) ? Pick(Text(), "0AF7651916CD43DD8448EB211C80319C", "0af7651916cd43dd") : Id(16));
            yield return ("span_id", Chance(8) ? Text() : Id(8));
        }
        for (int count = Chance(30) ? 70 : Next(3); count > 0; count--)
        {
            yield return (Text(), Text());
        }
    }

    private string Id(int bytes)
    {
        byte[] id = new byte[bytes];
        Random.NextBytes(id);
        return Convert.ToHexStringLower(id);
    }

    private long Millis() => Chance(25) ? Pick(0, -1, long.MaxValue, long.MinValue, long.MaxValue / 1_000_000 - 1) : 1_700_000_000_000 + Next(1_000_000);

    private V1.Histogram Histogram()
    {
        var histogram = new V1.Histogram
        {
            Sum = Double(),
            Schema = Chance(15) ? Pick(-5, 53, 100, int.MinValue) : Chance(3) ? -53 : Chance(4) ? 9 + Next(44) : Next(13) - 4,
            ZeroThreshold = Double(),
            Timestamp = Millis(),
            ResetHint = (uint)Next(4),
        };
        if (Chance(5))
        {
            (histogram.CountFloat, histogram.ZeroCountFloat) = (Math.Abs(Double()), Chance(10) ? -1 : 2.5);
        }
        else
        {
            (histogram.CountInt, histogram.ZeroCountInt) = ((ulong)Next(10_000), (ulong)Next(100));
        }
        if (histogram.Schema == -53)
        {
            if (!Chance(20))
            {
                (histogram.ZeroThreshold, histogram.ZeroCountInt) = (0, 0);
            }
            double bound = 0;
            for (int bounds = Next(8); bounds > 0; bounds--)
            {
                histogram.CustomValues.Add(bound += Chance(30) ? Pick(0, double.NaN, double.PositiveInfinity) : 0.5);
            }
        }
        else if (Chance(2))
        {
            Spans(histogram, histogram.NegativeSpans, histogram.NegativeDeltas, histogram.NegativeCounts);
        }
        Spans(histogram, histogram.PositiveSpans, histogram.PositiveDeltas, histogram.PositiveCounts);
        if (histogram.CountCase == V1.Histogram.CountOneofCase.CountInt && !Chance(10))
        {
            histogram.CountInt = histogram.ZeroCountInt + Total(histogram.PositiveDeltas) + Total(histogram.NegativeDeltas);
        }
        return histogram;

        static ulong Total(IEnumerable<long> deltas)
        {
            long count = 0;
            return (ulong)Math.Max(0, deltas.Sum(delta => count += delta));
        }
    }

    private void Spans(V1.Histogram histogram, RepeatedField<V1.BucketSpan> spans, RepeatedField<long> deltas, RepeatedField<double> counts)
    {
        if (histogram.CountCase == V1.Histogram.CountOneofCase.CountFloat)
        {
            spans.Add(new V1.BucketSpan { Offset = Chance(30) ? Pick(-5, int.MaxValue) : Next(4), Length = 2 });
            counts.Add([Chance(40) ? -1 : 0.5, 7]);
            return;
        }
        long count = 0;
        for (int left = Next(4); left > 0; left--)
        {
            var span = new V1.BucketSpan { Offset = Chance(30) ? Pick(-5, 200_000, int.MaxValue) : Next(4), Length = (uint)Next(4) };
            spans.Add(span);
            for (uint bucket = 0; bucket < span.Length; bucket++)
            {
                long next = Chance(60) ? -1 : Next(100);
                deltas.Add(next - count);
                count = next;
            }
        }
        if (Chance(30))
        {
            deltas.Add(1);
        }
    }
}
