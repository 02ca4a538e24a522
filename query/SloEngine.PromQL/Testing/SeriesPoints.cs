using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Testing;

/// <summary>Points of a series, floats and histograms apart, as they are compared.</summary>
internal sealed class SeriesPoints
{
    private readonly List<(long TimeMs, double Value)> _floats = [];
    private readonly List<(long TimeMs, FloatHistogram Histogram)> _histograms = [];

    public SeriesPoints(ResultSeries series)
    {
        for (int index = 0; index < series.TimesMs.Length; index++)
        {
            if (series.Histograms?[index] is { } histogram)
            {
                _histograms.Add((series.TimesMs[index], histogram));
            }
            else
            {
                _floats.Add((series.TimesMs[index], series.Values[index]));
            }
        }
    }

    /// <summary>What differs from the values expected from the command's start on, or null.</summary>
    public string? Compare(EvalCommand command, Labels labels, IReadOnlyList<SequenceValue> values)
    {
        var floats = new List<(long TimeMs, double Value)>();
        var histograms = new List<(long TimeMs, SequenceValue Value)>();
        for (int index = 0; index < values.Count; index++)
        {
            long time = command.StartMs + (index * command.StepMs);
            if (time > command.EndMs)
            {
                return $"expected {Number(values.Count)} points for {labels}, but query time range cannot return this many points";
            }
            if (values[index].Histogram is not null)
            {
                histograms.Add((time, values[index]));
            }
            else if (!values[index].IsOmitted)
            {
                floats.Add((time, values[index].Value));
            }
        }
        if (floats.Count != _floats.Count || histograms.Count != _histograms.Count)
        {
            return $"expected {Number(floats.Count)} float points and {Number(histograms.Count)} histogram points for {labels}, but got {this}";
        }
        for (int index = 0; index < floats.Count; index++)
        {
            if (floats[index].TimeMs != _floats[index].TimeMs)
            {
                return $"expected float value at index {Number(index)} for {labels} to have timestamp {Number(floats[index].TimeMs)}, "
                    + $"but it had timestamp {Number(_floats[index].TimeMs)} (result has {this})";
            }
            if (!Closeness.Equal(floats[index].Value, _floats[index].Value))
            {
                return $"expected float value at index {Number(index)} (t={Number(floats[index].TimeMs)}) for {labels} to be "
                    + $"{NumberText.General(floats[index].Value)}, but got {NumberText.General(_floats[index].Value)} (result has {this})";
            }
        }
        return CompareHistograms(labels, histograms);
    }

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Counted(_floats.Count, "float point")} [{Join(_floats.Select(point => (NumberText.General(point.Value), point.TimeMs)))}] and "
        + $"{Counted(_histograms.Count, "histogram point")} [{Join(_histograms.Select(point => (HistogramText.Notation(point.Histogram), point.TimeMs)))}]";

    private static string Join(IEnumerable<(string Value, long TimeMs)> points) => string.Join(' ', points.Select(point => $"{point.Value} @[{Number(point.TimeMs)}]"));

    private string? CompareHistograms(Labels labels, List<(long TimeMs, SequenceValue Value)> expected)
    {
        for (int index = 0; index < expected.Count; index++)
        {
            (long time, FloatHistogram actual) = _histograms[index];
            if (expected[index].TimeMs != time)
            {
                return $"expected histogram value at index {Number(index)} for {labels} to have timestamp {Number(expected[index].TimeMs)}, "
                    + $"but it had timestamp {Number(time)} (result has {this})";
            }
            FloatHistogram wanted = expected[index].Value.Histogram!;
            if (!Closeness.Equal(wanted, actual, expected[index].Value.HintIsGiven))
            {
                return $"expected histogram value at index {Number(index)} (t={Number(time)}) for {labels} to be {HistogramText.Notation(wanted)}, "
                    + $"but got {HistogramText.Notation(actual)} (result has {this})";
            }
        }
        return null;
    }

    private static string Counted(int count, string what) => $"{Number(count)} {what}{(count == 1 ? "" : "s")}";

    private static string Number(long number) => ResultComparison.Number(number);
}
