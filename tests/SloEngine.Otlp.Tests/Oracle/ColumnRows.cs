using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Traces;

namespace SloEngine.Otlp.Tests.Oracle;

/// <summary>Lines of what stands in the columns.</summary>
internal static class ColumnRows
{
    public static IEnumerable<string> Of(MetricBlock block, TextIndex index)
    {
        NumberPoints numbers = block.Numbers;
        for (int row = 0; row < numbers.Count; row++)
        {
            yield return Rows.Line("number", index[numbers.Series[row]], numbers.TimeNanos[row], numbers.StartNanos[row], numbers.Values[row]);
        }
        HistogramPoints histograms = block.Histograms;
        for (int row = 0; row < histograms.Count; row++)
        {
            yield return Rows.Line(
                "histogram", index[histograms.Series[row]], histograms.TimeNanos[row], histograms.StartNanos[row], histograms.Counts[row],
                histograms.Sums[row], histograms.Minima[row], histograms.Maxima[row], histograms.BucketsOf(row).ToArray());
        }
        ExponentialHistogramPoints exponential = block.ExponentialHistograms;
        for (int row = 0; row < exponential.Count; row++)
        {
            yield return Rows.Line(
                "exponential", index[exponential.Series[row]], exponential.TimeNanos[row], exponential.StartNanos[row], exponential.Counts[row],
                exponential.Sums[row], exponential.Minima[row], exponential.Maxima[row], exponential.Scales[row], exponential.ZeroCounts[row],
                exponential.ZeroThresholds[row], exponential.PositiveOffsets[row], Slice(exponential.PositiveBuckets.Values, exponential.PositiveEnds.Values, row),
                exponential.NegativeOffsets[row], Slice(exponential.NegativeBuckets.Values, exponential.NegativeEnds.Values, row));
        }
        FloatHistogramPoints floats = block.FloatHistograms;
        for (int row = 0; row < floats.Count; row++)
        {
            yield return Rows.Line(
                "float", index[floats.Series[row]], floats.TimeNanos[row], floats.Hints[row], floats.Counts[row], floats.Sums[row], floats.Schemas[row], floats.ZeroCounts[row],
                floats.ZeroThresholds[row], Slice(floats.PositiveIndexes.Values, floats.PositiveEnds.Values, row).Select(static bucket => (double)bucket),
                Slice(floats.Positive.Values, floats.PositiveEnds.Values, row), Slice(floats.NegativeIndexes.Values, floats.NegativeEnds.Values, row).Select(static bucket => (double)bucket),
                Slice(floats.Negative.Values, floats.NegativeEnds.Values, row), Slice(floats.Bounds.Values, floats.BoundEnds.Values, row));
        }
        ExemplarColumns exemplars = block.Exemplars;
        for (int row = 0; row < exemplars.Count; row++)
        {
            yield return Rows.Line(
                "exemplar", index.Labels(exemplars.Series[row]), exemplars.TimeNanos[row], exemplars.Values[row], Rows.Id(exemplars.TraceIds[row]),
                Rows.Id(exemplars.SpanIds[row]), Rows.Attributes(exemplars.Attributes, row));
        }
    }

    public static IEnumerable<string> Of(LogBlock block, TextIndex index)
    {
        for (int row = 0; row < block.Count; row++)
        {
            yield return Rows.Line(
                index[block.Resources[row]], block.TimeNanos[row], block.ObservedNanos[row], block.Severities[row], Rows.Text(block.SeverityTexts, row),
                $"{(char)block.BodyTypes[row]}:{Rows.Text(block.Bodies, row)}", Rows.Text(block.EventNames, row), Rows.Attributes(block.Attributes, row),
                Rows.Id(block.TraceIds[row]), Rows.Id(block.SpanIds[row]), block.Flags[row], block.DroppedAttributes[row]);
        }
    }

    public static IEnumerable<string> Of(SpanBlock block, TextIndex index)
    {
        for (int row = 0; row < block.Count; row++)
        {
            yield return Rows.Line(
                index[block.Resources[row]], Rows.Id(block.TraceIds[row]), Rows.Id(block.SpanIds[row]), Rows.Id(block.ParentSpanIds[row]),
                Rows.Text(block.TraceStates, row), Rows.Text(block.Names, row), block.Kinds[row], block.StartNanos[row], block.DurationNanos[row],
                block.StatusCodes[row], Rows.Text(block.StatusMessages, row), Rows.Attributes(block.Attributes, row), block.Flags[row],
                block.DroppedAttributes[row], block.DroppedEvents[row], block.DroppedLinks[row]);
            for (int at = row == 0 ? 0 : block.EventEnds[row - 1]; at < block.EventEnds[row]; at++)
            {
                yield return Rows.Line(
                    "event", block.Events.TimeNanos[at], Rows.Text(block.Events.Names, at), Rows.Attributes(block.Events.Attributes, at),
                    block.Events.DroppedAttributes[at]);
            }
            for (int at = row == 0 ? 0 : block.LinkEnds[row - 1]; at < block.LinkEnds[row]; at++)
            {
                yield return Rows.Line(
                    "link", Rows.Id(block.Links.TraceIds[at]), Rows.Id(block.Links.SpanIds[at]), Rows.Text(block.Links.TraceStates, at),
                    Rows.Attributes(block.Links.Attributes, at), block.Links.DroppedAttributes[at], block.Links.Flags[at]);
            }
        }
    }

    private static T[] Slice<T>(ReadOnlySpan<T> buckets, ReadOnlySpan<int> ends, int row) => buckets[(row == 0 ? 0 : ends[row - 1])..ends[row]].ToArray();
}
