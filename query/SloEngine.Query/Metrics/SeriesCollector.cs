using System.Runtime.InteropServices;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;

namespace SloEngine.Query.Metrics;

/// <summary>Joins what belongs to equal labels, ordered by time, the first of equal times kept.</summary>
internal sealed class SeriesCollector
{
    private readonly Dictionary<Labels, Entry> _all = [];

    public bool IsEmpty => _all.Count == 0;

    /// <summary>Adds samples, ascending in time; the arrays are the collector's from then on.</summary>
    public void Add(Labels labels, bool isDelta, long[] times, double[] values) => For(labels, isDelta).Stretches.Add(new Stretch(times, values, null));

    /// <summary>Adds samples, ascending in time, which stay packed if no others have these labels.</summary>
    public void Add(Labels labels, bool isDelta, IPackedSamples samples) => For(labels, isDelta).Packed.Add(samples);

    /// <summary>Adds samples that each stand for several.</summary>
    public void AddRolledUp(Labels labels, bool isDelta, long[] times, double[] values)
    {
        Entry entry = For(labels, isDelta);
        entry.IsRolledUp = true;
        entry.Stretches.Add(new Stretch(times, values, null));
    }

    /// <summary>Adds native histograms, ascending in time; one that is null is a stale marker. The arrays are the collector's from then on.</summary>
    public void Add(Labels labels, bool isDelta, long[] times, FloatHistogram?[] histograms, bool hasWholeCounts)
    {
        double[] values = Array.ConvertAll(histograms, static histogram => histogram is null ? StaleMarker.Value : 0);
        Entry entry = For(labels, isDelta);
        entry.HasFractions |= !hasWholeCounts;
        entry.Stretches.Add(new Stretch(times, values, histograms));
    }

    /// <summary>The series, ordered by labels: answers are to have the same order each time.</summary>
    public List<SeriesData> Finish()
    {
        var series = new List<SeriesData>(_all.Count);
        bool ordered = true;
        foreach ((Labels labels, Entry entry) in _all)
        {
            ordered &= series.Count == 0 || series[^1].Labels.CompareTo(labels) < 0;
            series.Add(Joined(labels, entry));
        }
        if (!ordered)
        {
            series.Sort(static (left, right) => left.Labels.CompareTo(right.Labels));
        }
        return series;
    }

    private Entry For(Labels labels, bool isDelta)
    {
        ref Entry? entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_all, labels, out _);
        return entry ??= new Entry(isDelta);
    }

    private static SeriesData Joined(Labels labels, Entry entry)
    {
        List<Stretch> stretches = entry.Stretches;
        if (stretches.Count == 0 && entry.Packed.Count == 1)
        {
            return new SeriesData { Labels = labels, IsDelta = entry.IsDelta, Packed = entry.Packed[0] };
        }
        stretches.InsertRange(0, entry.Packed.Select(static packed => packed.ToArrays()).Select(static samples => new Stretch(samples.TimesMs, samples.Values, null)));
        Stretch all = stretches.Count == 1 && TimeOrder.IsAscending(stretches[0].Times) ? stretches[0] : Merged(stretches);
        return new SeriesData
        {
            Labels = labels,
            IsDelta = entry.IsDelta,
            IsRolledUp = entry.IsRolledUp,
            TimesMs = all.Times,
            Values = all.Values,
            Histograms = all.Histograms,
            HasWholeCounts = all.Histograms is not null && !entry.HasFractions,
        };
    }

    private static Stretch Merged(List<Stretch> stretches)
    {
        // Most often one ends before another begins, as roll-ups do before the samples that are left.
        Stretch successive = Concatenated([.. stretches.OrderBy(static stretch => stretch.Times.Length == 0 ? long.MinValue : stretch.Times[0])]);
        if (TimeOrder.IsAscending(successive.Times))
        {
            return successive;
        }
        Stretch all = Concatenated(stretches);
        int[] order = TimeOrder.Of(all.Times);
        return new Stretch(
            Array.ConvertAll(order, position => all.Times[position]),
            Array.ConvertAll(order, position => all.Values[position]),
            all.Histograms is null ? null : Array.ConvertAll(order, position => all.Histograms[position]));
    }

    private static Stretch Concatenated(List<Stretch> stretches)
    {
        int count = stretches.Sum(static stretch => stretch.Times.Length);
        FloatHistogram?[]? histograms = stretches.Exists(static stretch => stretch.Histograms is not null) ? new FloatHistogram?[count] : null;
        var all = new Stretch(new long[count], new double[count], histograms);
        int at = 0;
        foreach ((long[] times, double[] values, FloatHistogram?[]? some) in stretches)
        {
            times.CopyTo(all.Times, at);
            values.CopyTo(all.Values, at);
            some?.CopyTo(histograms!, at);
            at += times.Length;
        }
        return all;
    }

    private readonly record struct Stretch(long[] Times, double[] Values, FloatHistogram?[]? Histograms);

    private sealed class Entry(bool isDelta)
    {
        public bool IsDelta { get; } = isDelta;

        public bool IsRolledUp { get; set; }

        /// <summary>Whether some histograms may have fractional counts.</summary>
        public bool HasFractions { get; set; }

        public List<IPackedSamples> Packed { get; } = new(1);

        public List<Stretch> Stretches { get; } = [];
    }
}
