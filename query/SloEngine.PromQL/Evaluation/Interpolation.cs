using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Values between two samples on a straight line; a counter that was reset between them is taken to have begun at zero.</summary>
internal static class Interpolation
{
    public static double Between(long firstMs, double first, long secondMs, double second, long timeMs, bool isCounter)
    {
        if (isCounter && second < first)
        {
            first = 0;
        }
        return first + ((second - first) * (timeMs - firstMs) / (secondMs - firstMs));
    }

    /// <summary>A histogram between two others, or null if they cannot be combined.</summary>
    public static FloatHistogram? Between(
        long firstMs, FloatHistogram first, long secondMs, FloatHistogram second, long timeMs, bool isCounter,
        string metric, AnnotationSet annotations, SourceRange range)
    {
        if (timeMs == firstMs || timeMs == secondMs)
        {
            return timeMs == firstMs ? first : second;
        }
        double fraction = (double)(timeMs - firstMs) / (secondMs - firstMs);
        if (!HistogramArithmetic.Fit(first, second))
        {
            annotations.Add(Remarks.MixedSchemas(metric, range));
            return null;
        }
        if (isCounter && HistogramReset.Between(first, second))
        {
            return second.Times(fraction);
        }
        HistogramSum difference = HistogramArithmetic.Subtract(second, first);
        if (difference.BoundsReconciled)
        {
            annotations.Add(Remarks.BoundsReconciled("subtraction", range));
        }
        HistogramSum sum = HistogramArithmetic.Add(difference.Sum.Times(fraction), first);
        if (sum.BoundsReconciled)
        {
            annotations.Add(Remarks.BoundsReconciled("addition", range));
        }
        return sum.Sum;
    }
}
