using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;

namespace SloEngine.PromQL.Testing;

/// <summary>Turns the series of classic histograms into native ones with custom bounds, as <c>load_with_nhcb</c> asks.</summary>
internal sealed class CustomBucketSeries
{
    private readonly Dictionary<Labels, SortedDictionary<long, Classic>> _histograms = [];

    public void Add(Labels labels, long timeMs, double value)
    {
        string name = labels[Labels.MetricName];
        if (name.EndsWith("_bucket", StringComparison.Ordinal))
        {
            if (BucketBound.TryParse(labels["le"], out double bound) && !double.IsNaN(bound))
            {
                At(labels, name, "_bucket", timeMs).Buckets.TryAdd(bound, value);
            }
        }
        else if (name.EndsWith("_count", StringComparison.Ordinal))
        {
            At(labels, name, "_count", timeMs).Count = value;
        }
        else if (name.EndsWith("_sum", StringComparison.Ordinal))
        {
            At(labels, name, "_sum", timeMs).Sum = value;
        }
    }

    /// <exception cref="ArgumentException">Bucket counts do not rise, or do not fit to the total.</exception>
    public void WriteTo(MemorySeries series)
    {
        foreach ((Labels labels, SortedDictionary<long, Classic> samples) in _histograms)
        {
            foreach ((long timeMs, Classic sample) in samples)
            {
                series.Add(labels, timeMs, new SequenceValue(0, sample.Convert()));
            }
        }
    }

    private Classic At(Labels labels, string name, string suffix, long timeMs)
    {
        Labels key = labels.With(Labels.MetricName, name[..^suffix.Length]).Where(static label => label != "le");
        if (!_histograms.TryGetValue(key, out SortedDictionary<long, Classic>? samples))
        {
            _histograms.Add(key, samples = []);
        }
        if (!samples.TryGetValue(timeMs, out Classic? classic))
        {
            samples.Add(timeMs, classic = new Classic());
        }
        return classic;
    }

    private sealed class Classic
    {
        public SortedDictionary<double, double> Buckets { get; } = [];

        public double? Count { get; set; }

        public double Sum { get; set; }

        public FloatHistogram Convert()
        {
            double total = Count ?? (Buckets.Count > 0 ? Buckets.Last().Value : 0);
            Buckets.TryAdd(double.PositiveInfinity, total);
            double previous = 0;
            var counts = new List<double>(Buckets.Count);
            foreach ((double bound, double count) in Buckets)
            {
                if (count < previous)
                {
                    throw new ArgumentException($"the counts of a classic histogram must rise with its bounds, but fall at {bound}");
                }
                counts.Add(count - previous);
                previous = count;
            }
            if (previous != total)
            {
                throw new ArgumentException("the count of a classic histogram must be that of its last bucket");
            }
            return new FloatHistogram
            {
                Schema = FloatHistogram.CustomSchema,
                Count = total,
                Sum = Sum,
                CustomBounds = [.. Buckets.Keys.Where(double.IsFinite)],
                Positive = BucketCounts.From(0, [.. counts]).Compact(),
            };
        }
    }
}
