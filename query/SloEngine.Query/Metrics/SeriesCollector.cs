using System.Runtime.InteropServices;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;

namespace SloEngine.Query.Metrics;

/// <summary>Joins what belongs to equal labels, ordered by time, the first of equal times kept.</summary>
internal sealed class SeriesCollector
{
    private readonly Dictionary<Labels, Entry> _all = [];

    public void Add(Labels labels, bool isDelta, ReadOnlySpan<long> times, ReadOnlySpan<double> values)
    {
        Entry entry = For(labels, isDelta);
        entry.Times.AddRange(times);
        entry.Values.AddRange(values);
        entry.Histograms?.AddRange(new FloatHistogram?[times.Length]);
    }

    /// <summary>Adds native histograms; one that is null is a stale marker.</summary>
    public void Add(Labels labels, bool isDelta, ReadOnlySpan<long> times, ReadOnlySpan<FloatHistogram?> histograms)
    {
        Entry entry = For(labels, isDelta);
        entry.Histograms ??= [.. new FloatHistogram?[entry.Times.Count]];
        entry.Times.AddRange(times);
        entry.Histograms.AddRange(histograms);
        foreach (FloatHistogram? histogram in histograms)
        {
            entry.Values.Add(histogram is null ? StaleMarker.Value : 0);
        }
    }

    /// <summary>The series, ordered by labels: answers are to have the same order each time.</summary>
    public List<SeriesData> Finish()
    {
        List<SeriesData> series = [.. _all.Select(pair => Joined(pair.Key, pair.Value))];
        series.Sort(static (left, right) => left.Labels.CompareTo(right.Labels));
        return series;
    }

    private Entry For(Labels labels, bool isDelta)
    {
        ref Entry? entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_all, labels, out _);
        entry ??= new Entry(isDelta);
        entry.Runs++;
        return entry;
    }

    private static SeriesData Joined(Labels labels, Entry entry)
    {
        long[] times = [.. entry.Times];
        int[] order = [.. Enumerable.Range(0, times.Length)];
        if (entry.Runs > 1)
        {
            // Positions break ties, so that of equal times the first added comes first.
            Array.Sort(order, (left, right) => times[left] != times[right] ? times[left].CompareTo(times[right]) : left.CompareTo(right));
        }
        int kept = 0;
        foreach (int position in order)
        {
            if (kept == 0 || times[position] != times[order[kept - 1]])
            {
                order[kept++] = position;
            }
        }
        order = order[..kept];
        return new SeriesData
        {
            Labels = labels,
            IsDelta = entry.IsDelta,
            TimesMs = Array.ConvertAll(order, position => times[position]),
            Values = Array.ConvertAll(order, position => entry.Values[position]),
            Histograms = entry.Histograms is null ? null : Array.ConvertAll(order, position => entry.Histograms[position]),
        };
    }

    private sealed class Entry(bool isDelta)
    {
        public bool IsDelta { get; } = isDelta;

        public List<long> Times { get; } = [];

        public List<double> Values { get; } = [];

        public List<FloatHistogram?>? Histograms { get; set; }

        public int Runs { get; set; }
    }
}
