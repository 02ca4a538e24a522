using System.Runtime.InteropServices;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;

namespace SloEngine.PromQL.Evaluation;

/// <summary>The points that series have, without steps at which they have none. Most series of an answer lack the same steps, and share their times then.</summary>
/// <param name="stepsMs">Times of the steps.</param>
internal sealed class PresentPoints(long[] stepsMs)
{
    private long[] _timesMs = [];

    /// <summary>The points of a series that has a value or a histogram a step.</summary>
    public ResultSeries Of(Labels labels, double[] values, FloatHistogram?[]? histograms)
    {
        if (histograms is not null)
        {
            return Picked(labels, values, histograms);
        }
        int absent = Sample.CountAbsent(values);
        if (absent == 0)
        {
            return new ResultSeries(labels, stepsMs, values);
        }
        int count = values.Length - absent;
        int first = Sample.FirstPresent(values);
        return count > 0 && Sample.CountAbsent(values.AsSpan(first, count)) == 0
            ? new ResultSeries(labels, Times(stepsMs.AsSpan(first, count)), values.AsSpan(first, count).ToArray())
            : Picked(labels, values, null);
    }

    private ResultSeries Picked(Labels labels, double[] values, FloatHistogram?[]? histograms)
    {
        var times = new List<long>();
        var numbers = new List<double>();
        List<FloatHistogram?>? picked = histograms is null ? null : [];
        for (int step = 0; step < values.Length; step++)
        {
            FloatHistogram? histogram = histograms?[step];
            if (histogram is null && Sample.IsAbsent(values[step]))
            {
                continue;
            }
            times.Add(stepsMs[step]);
            numbers.Add(histogram is null ? values[step] : 0);
            picked?.Add(histogram);
        }
        return new ResultSeries(labels, Times(CollectionsMarshal.AsSpan(times)), [.. numbers], picked?.ToArray());
    }

    private long[] Times(ReadOnlySpan<long> timesMs) => timesMs.SequenceEqual(_timesMs) ? _timesMs : _timesMs = timesMs.ToArray();
}
