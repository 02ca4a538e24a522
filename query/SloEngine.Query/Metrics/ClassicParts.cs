using SloEngine.PromQL.Series;
using SloEngine.PromQL.Text;

namespace SloEngine.Query.Metrics;

/// <summary>A classic series of a histogram: a bucket, or its sum or count.</summary>
internal readonly record struct ClassicPart(Labels Labels, int Bucket)
{
    public const int Sum = -1;
    public const int Count = -2;
}

/// <summary>
/// The classic series that histograms stand for, of which some names and bounds are asked for. Not thread-safe. Where pods come and go most histograms of a
/// metric have no points within a query's time: how many series each stands for is told without making them.
/// </summary>
internal sealed class ClassicParts(LabelPattern[] names, LabelPattern[] bounds)
{
    private const string Infinite = "+Inf";

    private readonly Dictionary<string, (bool Sum, bool Count, bool Buckets)> _asked = new(StringComparer.Ordinal);
    private readonly Dictionary<double, (string Text, bool IsAsked)> _bounds = [];
    private readonly bool _asksInfinite = All(bounds, Infinite);
    private readonly bool _asksNone = All(bounds, "");

    /// <summary>How many series of a histogram are asked for.</summary>
    public int CountOf(StoredSeries histogram)
    {
        (bool sum, bool count, bool buckets) = Asked(histogram.Metric);
        int parts = (sum ? 1 : 0) + (count ? 1 : 0) + (buckets && _asksInfinite ? 1 : 0);
        foreach (double bound in buckets ? histogram.Bounds : [])
        {
            parts += Bound(bound).IsAsked ? 1 : 0;
        }
        return parts;
    }

    /// <summary>The series of a histogram that are asked for.</summary>
    public List<ClassicPart> Of(StoredSeries histogram)
    {
        (bool sum, bool count, bool buckets) = Asked(histogram.Metric);
        var parts = new List<ClassicPart>();
        if (sum)
        {
            parts.Add(new ClassicPart(Named("_sum"), ClassicPart.Sum));
        }
        if (count)
        {
            parts.Add(new ClassicPart(Named("_count"), ClassicPart.Count));
        }
        if (!buckets)
        {
            return parts;
        }
        Labels bucket = Named("_bucket");
        for (int index = 0; index < histogram.Bounds.Length; index++)
        {
            if (Bound(histogram.Bounds[index]) is { IsAsked: true } bound)
            {
                parts.Add(new ClassicPart(bucket.With("le", bound.Text), index));
            }
        }
        if (_asksInfinite)
        {
            parts.Add(new ClassicPart(bucket.With("le", Infinite), histogram.Bounds.Length));
        }
        return parts;

        Labels Named(string suffix) => histogram.Named.With(Labels.MetricName, histogram.Metric + suffix);
    }

    private (bool Sum, bool Count, bool Buckets) Asked(string metric)
    {
        if (!_asked.TryGetValue(metric, out (bool, bool, bool) asked))
        {
            asked = (_asksNone && All(names, metric + "_sum"), _asksNone && All(names, metric + "_count"), All(names, metric + "_bucket"));
            _asked.Add(metric, asked);
        }
        return asked;
    }

    private (string Text, bool IsAsked) Bound(double bound)
    {
        if (!_bounds.TryGetValue(bound, out (string Text, bool IsAsked) known))
        {
            string text = SampleText.PrintBound(bound);
            known = (text, All(bounds, text));
            _bounds.Add(bound, known);
        }
        return known;
    }

    private static bool All(LabelPattern[] patterns, string value) => Array.TrueForAll(patterns, pattern => pattern.Matches(value));
}
