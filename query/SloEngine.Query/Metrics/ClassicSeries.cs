using System.Collections;
using SloEngine.PromQL.Series;

namespace SloEngine.Query.Metrics;

/// <summary>A histogram with explicit bounds, the classic series of it that are asked for, and its points.</summary>
internal sealed record ClassicHistogram(StoredSeries Series, ClassicPart[] Parts, HistogramRows Rows);

/// <summary>
/// Classic series of one name, ordered by labels, each made when it is looked at: a histogram has some fifteen of them, and the labels of all would
/// take many times what its points do.
/// </summary>
internal sealed class ClassicSeries : IUnmadeSeries
{
    private const string Bound = "le";

    private readonly ClassicHistogram[] _histograms;

    /// <summary>Labels of each histogram under the series' name.</summary>
    private readonly Labels[] _named;

    /// <summary>Place of each series' histogram, and of the series among its parts.</summary>
    private readonly (int Histogram, int Part)[] _series;

    private ClassicSeries(ClassicHistogram[] histograms, (int Histogram, int Part)[] series)
    {
        (_histograms, _series) = (histograms, series);
        _named = Array.ConvertAll(histograms, static histogram => histogram.Series.Named.With(Labels.MetricName, histogram.Parts[0].Name));
        foreach (ClassicHistogram histogram in histograms)
        {
            Samples += (long)histogram.Rows.Count * histogram.Parts.Length;
        }
    }

    /// <inheritdoc/>
    public long Samples { get; }

    /// <inheritdoc/>
    public int Count => _series.Length;

    /// <inheritdoc/>
    public SeriesData this[int index]
    {
        get
        {
            (int place, int part) = _series[index];
            ClassicHistogram histogram = _histograms[place];
            return new SeriesData
            {
                Labels = histogram.Parts[part].Bound is { Length: > 0 } bound ? _named[place].With(Bound, bound) : _named[place],
                IsDelta = histogram.Series.IsDelta,
                Packed = new ClassicSamples(histogram.Rows, histogram.Parts[part].Place),
            };
        }
    }

    /// <summary>The series of histograms; null where they have several names, or some have equal labels and are to be joined.</summary>
    public static ClassicSeries? Of(IReadOnlyCollection<ClassicHistogram> found)
    {
        if (found.Count == 0 || HaveSeveralNames(found) || found.Any(static histogram => histogram.Series.Named[Bound].Length > 0))
        {
            return null;
        }
        ClassicHistogram[] histograms = [.. found];
        if (!AreOrdered(histograms))
        {
            Array.Sort(histograms, static (left, right) => Compare(left, right));
            if (!AreOrdered(histograms))
            {
                return null;
            }
        }
        return new ClassicSeries(histograms, Order(histograms));
    }

    /// <inheritdoc/>
    public IEnumerator<SeriesData> GetEnumerator()
    {
        for (int index = 0; index < Count; index++)
        {
            yield return this[index];
        }
    }

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static bool HaveSeveralNames(IReadOnlyCollection<ClassicHistogram> histograms)
    {
        string name = histograms.First().Parts[0].Name;
        // Histograms with the same bounds share their parts.
        ClassicPart[]? seen = null;
        foreach (ClassicHistogram histogram in histograms)
        {
            if (histogram.Parts != seen && Array.Exists(histogram.Parts, part => part.Name != name))
            {
                return true;
            }
            seen = histogram.Parts;
        }
        return false;
    }

    /// <summary>Whether histograms ascend, no two of them with equal labels.</summary>
    private static bool AreOrdered(ClassicHistogram[] histograms)
    {
        for (int index = 1; index < histograms.Length; index++)
        {
            if (Compare(histograms[index - 1], histograms[index]) >= 0)
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>The order of series with one bound: by the labels that stand before it, then by those behind it.</summary>
    private static int Compare(ClassicHistogram left, ClassicHistogram right)
    {
        int order = CompareBefore(left, right);
        return order != 0 ? order : left.Series.Named.CompareTo(right.Series.Named);
    }

    /// <summary>The order by labels that stand before a bound: a series that has none left has its bound there, which comes after them.</summary>
    private static int CompareBefore(ClassicHistogram left, ClassicHistogram right)
    {
        if (left.Parts[0].Bound.Length == 0)
        {
            return 0;
        }
        ReadOnlySpan<KeyValuePair<string, string>> ours = left.Series.Named.Pairs;
        ReadOnlySpan<KeyValuePair<string, string>> theirs = right.Series.Named.Pairs;
        for (int index = 0; ; index++)
        {
            bool oursIsBefore = index < ours.Length && string.CompareOrdinal(ours[index].Key, Bound) < 0;
            bool theirsIsBefore = index < theirs.Length && string.CompareOrdinal(theirs[index].Key, Bound) < 0;
            if (!oursIsBefore || !theirsIsBefore)
            {
                return theirsIsBefore.CompareTo(oursIsBefore);
            }
            int order = string.CompareOrdinal(ours[index].Key, theirs[index].Key);
            order = order != 0 ? order : string.CompareOrdinal(ours[index].Value, theirs[index].Value);
            if (order != 0)
            {
                return order;
            }
        }
    }

    /// <summary>The series in the order of their labels: histograms that are equal up to the bound go through the bounds together.</summary>
    private static (int Histogram, int Part)[] Order(ClassicHistogram[] histograms)
    {
        Dictionary<string, int> ranks = histograms.Select(static histogram => histogram.Parts).Distinct().SelectMany(static parts => parts).Select(static part => part.Bound)
            .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Select(static (bound, rank) => (bound, rank)).ToDictionary(static one => one.bound, static one => one.rank, StringComparer.Ordinal);
        Dictionary<ClassicPart[], int[]> ranksOfParts = [];
        var series = new (int Histogram, int Part)[histograms.Sum(static histogram => histogram.Parts.Length)];
        var keys = new ulong[series.Length];
        int at = 0;
        for (int first = 0, next; first < histograms.Length; first = next)
        {
            int begin = at;
            for (next = first; next < histograms.Length && (next == first || CompareBefore(histograms[first], histograms[next]) == 0); next++)
            {
                ClassicPart[] parts = histograms[next].Parts;
                if (!ranksOfParts.TryGetValue(parts, out int[]? ranksOfThese))
                {
                    ranksOfParts.Add(parts, ranksOfThese = Array.ConvertAll(parts, part => ranks[part.Bound]));
                }
                for (int part = 0; part < parts.Length; part++, at++)
                {
                    (keys[at], series[at]) = (((ulong)(uint)ranksOfThese[part] << 32) | (uint)next, (next, part));
                }
            }
            Array.Sort(keys, series, begin, at - begin);
        }
        return series;
    }
}
