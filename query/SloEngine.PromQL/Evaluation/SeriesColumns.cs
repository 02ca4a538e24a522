using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Samples of one kind in columns, without stale markers.</summary>
/// <param name="TimesMs">Times, ascending.</param>
/// <param name="Values">Values by the same positions.</param>
/// <param name="StartsMs">When counting began, by the same positions; or null if that is not known.</param>
internal readonly record struct Column<T>(long[] TimesMs, T[] Values, long[]? StartsMs)
{
    public static readonly Column<T> Empty = new([], [], null);

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

    /// <summary>Position behind the last sample at or before a time.</summary>
    public int After(long timeMs)
    {
        int found = Array.BinarySearch(TimesMs, timeMs);
        return found < 0 ? ~found : found + 1;
    }
}

/// <summary>Floats and histograms of a series apart, as functions over ranges see them.</summary>
internal sealed class SeriesColumns
{
    private SeriesColumns(SeriesData series, Column<double> floats, Column<FloatHistogram> histograms) =>
        (Labels, IsDelta, Floats, Histograms) = (series.Labels, series.IsDelta, floats, histograms);

    public Labels Labels { get; }

    public bool IsDelta { get; }

    /// <summary>Whether the name is to be dropped from what is made of the series.</summary>
    public bool DropName { get; init; }

    public Column<double> Floats { get; }

    public Column<FloatHistogram> Histograms { get; }

    public static SeriesColumns Of(SeriesData series, bool dropName, bool withStarts)
    {
        long[]? starts = withStarts ? series.StartTimesMs : null;
        if (series.Histograms is null && !Sample.AnyAbsent(series.Values))
        {
            return new SeriesColumns(series, new Column<double>(series.TimesMs, series.Values, starts) { Falls = Falls(series.Values) }, Column<FloatHistogram>.Empty) { DropName = dropName };
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
        (long[] times, double[] values, int count) = (new long[series.Values.Length], new double[series.Values.Length], 0);
        for (int index = 0; index < values.Length; index++)
        {
            if (!Sample.IsAbsent(series.Values[index]))
            {
                (times[count], values[count++]) = (series.TimesMs[index], series.Values[index]);
            }
        }
        values = values[..count];
        return new Column<double>(times[..count], values, null) { Falls = Falls(values) };
    }

    /// <summary>One pass over a series, that spares one over each window.</summary>
    private static int[] Falls(double[] values)
    {
        List<int>? falls = null;
        for (int index = 1; index < values.Length; index++)
        {
            if (values[index] < values[index - 1])
            {
                (falls ??= []).Add(index);
            }
        }
        return falls is null ? [] : [.. falls];
    }

    private static Column<T> Pick<T>(SeriesData series, int[] positions, Func<int, T> value, long[]? starts) => new(
        Array.ConvertAll(positions, index => series.TimesMs[index]),
        [.. positions.Select(value)],
        starts is null ? null : Array.ConvertAll(positions, index => starts[index]));
}
