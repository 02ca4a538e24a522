using System.Collections.Concurrent;
using SloEngine.PromQL.Series;

namespace SloEngine.Query.Metrics;

/// <summary>
/// Series of a name as the table had them at a version, or some of them. Matchers look at each value that a label has once, however many series have it: which those are is kept
/// for the labels that are asked for.
/// </summary>
/// <param name="version">The version; null for some of them.</param>
/// <param name="series">The series, in the order of their labels.</param>
internal sealed class KnownSeries(long? version, StoredSeries[] series)
{
    /// <summary>Labels whose values are kept: names are free to choose, and each takes four bytes a series.</summary>
    private const int MostLabels = 32;

    private readonly ConcurrentDictionary<string, LabelValues> _labels = new(StringComparer.Ordinal);

    public long? Version => version;

    public StoredSeries[] Series => series;

    public int Weight => series.Length + 1;

    /// <summary>Series that are in the order of their labels, and others in any.</summary>
    public static KnownSeries Of(long? version, StoredSeries[] ordered, List<StoredSeries> others)
    {
        others.Sort(static (left, right) => left.Named.CompareTo(right.Named));
        var all = new StoredSeries[ordered.Length + others.Count];
        for (int at = 0, first = 0, second = 0; at < all.Length; at++)
        {
            bool isFirst = second == others.Count || (first < ordered.Length && ordered[first].Named.CompareTo(others[second].Named) <= 0);
            all[at] = isFirst ? ordered[first++] : others[second++];
        }
        return new KnownSeries(version, all);
    }

    /// <summary>Those that satisfy all matchers.</summary>
    public StoredSeries[] Matching(ReadOnlySpan<LabelMatcher> matchers)
    {
        var left = new List<int>(series.Length);
        for (int index = 0; index < series.Length; index++)
        {
            left.Add(index);
        }
        foreach (LabelMatcher matcher in matchers)
        {
            LabelValues values = Of(matcher.Label);
            LabelPattern pattern = LabelPattern.Of(matcher);
            var verdicts = new bool?[values.Texts.Count];
            left.RemoveAll(index => !(verdicts[values.Places[index]] ??= pattern.Matches(values.Texts[values.Places[index]])));
        }
        return [.. left.Select(index => series[index])];
    }

    private LabelValues Of(string label)
    {
        if (!_labels.TryGetValue(label, out LabelValues? values))
        {
            values = LabelValues.Of(label, series);
            if (_labels.Count < MostLabels)
            {
                _labels[label] = values;
            }
        }
        return values;
    }

    /// <summary>Values of a label, and which of them each series has; a series without the label has the empty one.</summary>
    private sealed record LabelValues(List<string> Texts, int[] Places)
    {
        public static LabelValues Of(string label, StoredSeries[] series)
        {
            var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
            var texts = new List<string>();
            var places = new int[series.Length];
            var asked = new AskedLabel(label);
            for (int index = 0; index < series.Length; index++)
            {
                string text = asked.Of(series[index].Named);
                if (!numbers.TryGetValue(text, out int number))
                {
                    numbers.Add(text, number = texts.Count);
                    texts.Add(text);
                }
                places[index] = number;
            }
            return new LabelValues(texts, places);
        }
    }
}
