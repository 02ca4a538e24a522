using System.Runtime.InteropServices;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Text;

namespace SloEngine.Query.Metrics;

/// <summary>A classic series of a histogram: a bucket, or its sum or count.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Bound">Its label <c>le</c>, empty for a sum or count.</param>
/// <param name="Place">Number of the bucket, <see cref="Sum"/> or <see cref="Count"/>.</param>
internal readonly record struct ClassicPart(string Name, string Bound, int Place)
{
    public const int Sum = -1;
    public const int Count = -2;

    public Labels Of(Labels histogram)
    {
        Labels named = histogram.With(Labels.MetricName, Name);
        return Bound.Length == 0 ? named : named.With("le", Bound);
    }
}

/// <summary>
/// The classic series that histograms stand for, of which some names and bounds are asked for. Not thread-safe. Where pods come and go most histograms of a
/// metric have no points within a query's time, and those of one metric have the same bounds: the series are told without making them.
/// </summary>
internal sealed class ClassicParts(LabelPattern[] names, LabelPattern[] bounds)
{
    private const string Infinite = "+Inf";

    private readonly Dictionary<StoredSeries, ClassicPart[]> _known = new(new SameBounds());

    /// <summary>The series of a histogram that are asked for: the same array for histograms of one metric with the same bounds.</summary>
    public ClassicPart[] Of(StoredSeries histogram)
    {
        if (!_known.TryGetValue(histogram, out ClassicPart[]? asked))
        {
            asked = [.. All(histogram).Where(part => All(names, part.Name) && All(bounds, part.Bound))];
            _known.Add(histogram, asked);
        }
        return asked;
    }

    private static IEnumerable<ClassicPart> All(StoredSeries histogram)
    {
        yield return new ClassicPart(histogram.Metric + "_sum", "", ClassicPart.Sum);
        yield return new ClassicPart(histogram.Metric + "_count", "", ClassicPart.Count);
        string bucket = histogram.Metric + "_bucket";
        for (int index = 0; index < histogram.Bounds.Length; index++)
        {
            yield return new ClassicPart(bucket, SampleText.PrintBound(histogram.Bounds[index]), index);
        }
        yield return new ClassicPart(bucket, Infinite, histogram.Bounds.Length);
    }

    private static bool All(LabelPattern[] patterns, string value) => Array.TrueForAll(patterns, pattern => pattern.Matches(value));

    private sealed class SameBounds : IEqualityComparer<StoredSeries>
    {
        public bool Equals(StoredSeries? left, StoredSeries? right) => left!.Metric == right!.Metric && left.Bounds.AsSpan().SequenceEqual(right.Bounds);

        public int GetHashCode(StoredSeries histogram)
        {
            var hash = new HashCode();
            hash.Add(histogram.Metric, StringComparer.Ordinal);
            hash.AddBytes(MemoryMarshal.AsBytes(histogram.Bounds.AsSpan()));
            return hash.ToHashCode();
        }
    }
}
