using System.Runtime.InteropServices;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;

namespace SloEngine.Query.Metrics;

/// <summary>Joins what belongs to equal labels, ordered by time, the first of equal times kept.</summary>
internal sealed class SeriesCollector
{
    private readonly Dictionary<Labels, Entry> _all = [];

    /// <summary>Adds samples, ascending in time; the arrays are the collector's from then on.</summary>
    public void Add(Labels labels, bool isDelta, long[] times, double[] values) => For(labels, isDelta).Stretches.Add(new Stretch(times, values, null));

    /// <summary>Adds samples that each stand for several.</summary>
    public void AddRolledUp(Labels labels, bool isDelta, long[] times, double[] values)
    {
        Entry entry = For(labels, isDelta);
        entry.IsRolledUp = true;
        entry.Stretches.Add(new Stretch(times, values, null));
    }

    /// <summary>Adds native histograms, ascending in time; one that is null is a stale marker. The arrays are the collector's from then on.</summary>
    public void Add(Labels labels, bool isDelta, long[] times, FloatHistogram?[] histograms)
    {
        double[] values = Array.ConvertAll(histograms, static histogram => histogram is null ? StaleMarker.Value : 0);
        For(labels, isDelta).Stretches.Add(new Stretch(times, values, histograms));
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
        Stretch all = stretches.Count == 1 && IsAscending(stretches[0].Times) ? stretches[0] : Merged(stretches);
        return new SeriesData { Labels = labels, IsDelta = entry.IsDelta, IsRolledUp = entry.IsRolledUp, TimesMs = all.Times, Values = all.Values, Histograms = all.Histograms };
    }

    private static bool IsAscending(long[] times)
    {
        for (int index = 1; index < times.Length; index++)
        {
            if (times[index] <= times[index - 1])
            {
                return false;
            }
        }
        return true;
    }

    private static Stretch Merged(List<Stretch> stretches)
    {
        long[] times = [.. stretches.SelectMany(static stretch => stretch.Times)];
        double[] values = [.. stretches.SelectMany(static stretch => stretch.Values)];
        FloatHistogram?[]? histograms = stretches.Exists(static stretch => stretch.Histograms is not null)
            ? [.. stretches.SelectMany(static stretch => stretch.Histograms ?? new FloatHistogram?[stretch.Times.Length])]
            : null;
        int[] order = [.. Enumerable.Range(0, times.Length)];
        if (!IsAscending(times))
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
        return new Stretch(
            Array.ConvertAll(order, position => times[position]),
            Array.ConvertAll(order, position => values[position]),
            histograms is null ? null : Array.ConvertAll(order, position => histograms[position]));
    }

    private readonly record struct Stretch(long[] Times, double[] Values, FloatHistogram?[]? Histograms);

    private sealed class Entry(bool isDelta)
    {
        public bool IsDelta { get; } = isDelta;

        public bool IsRolledUp { get; set; }

        public List<Stretch> Stretches { get; } = new(1);
    }
}
