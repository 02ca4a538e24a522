using System.Numerics;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Samples of one kind in columns, without stale markers.</summary>
/// <param name="TimesMs">Times, ascending.</param>
/// <param name="Values">Values by the same positions.</param>
/// <param name="StartsMs">When counting began, by the same positions; or null if that is not known.</param>
/// <param name="Count">How many there are: the arrays may be longer.</param>
internal readonly record struct Column<T>(long[] TimesMs, T[] Values, long[]? StartsMs, int Count)
{
    public static readonly Column<T> Empty = new([], [], null, 0);

    /// <summary>Positions of values that are smaller than the one before them: where a counter was reset. Null if that is not known.</summary>
    public int[]? Falls { get; init; }

    /// <summary>The falls from one position to before another.</summary>
    public ReadOnlySpan<int> FallsBetween(int first, int end)
    {
        int[] falls = Falls!;
        if (falls.Length == 0)
        {
            return [];
        }
        int from = falls.AsSpan().BinarySearch(first);
        from = from < 0 ? ~from : from;
        int until = from;
        while (until < falls.Length && falls[until] < end)
        {
            until++;
        }
        return falls.AsSpan(from..until);
    }

    /// <summary>The same among positions from one to before another, the sooner found the nearer it is: windows move on a little at a time.</summary>
    public int After(long timeMs, int from, int end) => TimeSearch.After(TimesMs.AsSpan(0, end), timeMs, from);

    /// <summary>Position behind the last sample at or before a time.</summary>
    public int After(long timeMs)
    {
        int found = Array.BinarySearch(TimesMs, 0, Count, timeMs);
        return found < 0 ? ~found : found + 1;
    }
}

/// <summary>Floats and histograms of a series apart, as functions over ranges see them.</summary>
internal sealed class SeriesColumns
{
    private SeriesColumns(SeriesData series, Column<double> floats, Column<FloatHistogram> histograms) =>
        (Labels, IsDelta, Floats, Histograms) = (series.Labels, series.IsDelta, floats, histograms);

    private SeriesColumns(SeriesColumns series, Column<double> floats) =>
        (Labels, IsDelta, DropName, Floats, Histograms) = (series.Labels, series.IsDelta, series.DropName, floats, series.Histograms);

    public Labels Labels { get; }

    public bool IsDelta { get; }

    /// <summary>Whether the name is to be dropped from what is made of the series.</summary>
    public bool DropName { get; init; }

    public Column<double> Floats { get; }

    public Column<FloatHistogram> Histograms { get; }

    /// <summary>The same with the positions of falls, which functions over counters ask for: looking for them takes longer than most functions do.</summary>
    public SeriesColumns WithFalls() => new(this, Floats with { Falls = Falls(Floats.Values.AsSpan(0, Floats.Count)) });

    /// <summary>The samples of a series, which hold until the next one of the same buffer.</summary>
    public static SeriesColumns Of(SeriesData series, SampleBuffer buffer, bool withStarts)
    {
        if (series.Packed is null)
        {
            return Of(series, dropName: false, withStarts);
        }
        (long[] times, double[] values) = buffer.Unpack(series.Packed);
        int count = Sample.AnyAbsent(values.AsSpan(0, series.Count)) ? KeepPresent(times, values, series.Count, times, values) : series.Count;
        return new SeriesColumns(series, new Column<double>(times, values, null, count), Column<FloatHistogram>.Empty);
    }

    public static SeriesColumns Of(SeriesData series, bool dropName, bool withStarts)
    {
        long[]? starts = withStarts ? series.StartTimesMs : null;
        if (series.Histograms is null && !Sample.AnyAbsent(series.Values))
        {
            return new SeriesColumns(series, new Column<double>(series.TimesMs, series.Values, starts, series.Values.Length), Column<FloatHistogram>.Empty)
            {
                DropName = dropName,
            };
        }
        if (series.Histograms is null && starts is null)
        {
            return new SeriesColumns(series, Present(series), Column<FloatHistogram>.Empty) { DropName = dropName };
        }
        int[] floats = [.. Enumerable.Range(0, series.TimesMs.Length).Where(index => series.Histograms?[index] is null && !Sample.IsAbsent(series.Values[index]))];
        int[] histograms = [.. Enumerable.Range(0, series.TimesMs.Length).Where(index => series.Histograms?[index] is not null)];
        Column<double> floatColumn = Pick(series, floats, index => series.Values[index], starts);
        Column<FloatHistogram> histogramColumn = Pick(series, histograms, index => series.Histograms![index]!, starts);
        return new SeriesColumns(series, floatColumn, histogramColumn)
        {
            DropName = dropName,
        };
    }

    /// <summary>The floats without stale markers.</summary>
    private static Column<double> Present(SeriesData series)
    {
        (long[] times, double[] values) = (new long[series.Values.Length], new double[series.Values.Length]);
        int count = KeepPresent(series.TimesMs, series.Values, series.Values.Length, times, values);
        return new Column<double>(times, values, null, count);
    }

    /// <summary>Copies samples that are no stale markers, perhaps to where they stand; returns how many they are.</summary>
    private static int KeepPresent(long[] times, double[] values, int count, long[] keptTimes, double[] keptValues)
    {
        int kept = 0;
        for (int index = 0; index < count; index++)
        {
            if (!Sample.IsAbsent(values[index]))
            {
                (keptTimes[kept], keptValues[kept++]) = (times[index], values[index]);
            }
        }
        return kept;
    }

    /// <summary>One pass over a series, that spares one over each window.</summary>
    private static int[] Falls(ReadOnlySpan<double> values)
    {
        List<int>? falls = null;
        for (int index = 1; index < values.Length;)
        {
            // Most have none: many at a time are looked at, and one by one where there is one among them.
            int together = Math.Min(Vector<double>.Count, values.Length - index);
            if (together == Vector<double>.Count && !Vector.LessThanAny(new Vector<double>(values[index..]), new Vector<double>(values[(index - 1)..])))
            {
                index += together;
                continue;
            }
            for (int end = index + together; index < end; index++)
            {
                if (values[index] < values[index - 1])
                {
                    (falls ??= []).Add(index);
                }
            }
        }
        return falls is null ? [] : [.. falls];
    }

    private static Column<T> Pick<T>(SeriesData series, int[] positions, Func<int, T> value, long[]? starts) => new(
        Array.ConvertAll(positions, index => series.TimesMs[index]),
        [.. positions.Select(value)],
        starts is null ? null : Array.ConvertAll(positions, index => starts[index]),
        positions.Length);
}
