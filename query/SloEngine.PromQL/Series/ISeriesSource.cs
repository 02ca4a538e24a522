using SloEngine.PromQL.Histograms;

namespace SloEngine.PromQL.Series;

/// <summary>Where the evaluator gets its samples from.</summary>
public interface ISeriesSource
{
    /// <summary>
    /// Returns the series that match, with their samples in (StartMs, EndMs], ordered by time without duplicates.
    /// Series have distinct labels (`__name__` included, sorted by name).
    /// </summary>
    ValueTask<IReadOnlyList<SeriesData>> SelectAsync(SeriesSelection selection, CancellationToken cancellation);
}

/// <summary>A selector and the time it needs, in Unix milliseconds.</summary>
/// <param name="Matchers">All must match.</param>
/// <param name="StartMs">Exclusive start.</param>
/// <param name="EndMs">Inclusive end.</param>
public sealed record SeriesSelection(IReadOnlyList<LabelMatcher> Matchers, long StartMs, long EndMs)
{
    /// <summary>Name of the function around the selector (for example <c>rate</c>), or null: a hint, to be ignored freely.</summary>
    public string? Function { get; init; }
}

/// <summary>How a matcher compares.</summary>
public enum MatchKind
{
    /// <summary><c>=</c></summary>
    Equal,
    /// <summary><c>!=</c></summary>
    NotEqual,
    /// <summary><c>=~</c>, anchored at both ends.</summary>
    Regex,
    /// <summary><c>!~</c>, anchored at both ends.</summary>
    NotRegex,
}

/// <summary>A condition on one label; a label that is absent counts as the empty string.</summary>
/// <param name="Label">Label name; <c>__name__</c> for the metric name.</param>
/// <param name="Kind">Comparison.</param>
/// <param name="Value">Value or RE2-style pattern.</param>
public sealed record LabelMatcher(string Label, MatchKind Kind, string Value);

/// <summary>One series with its samples in columns.</summary>
public sealed class SeriesData
{
    private long[]? _timesMs;
    private double[]? _values;

    /// <summary>Labels, <c>__name__</c> included, sorted by name (ordinal).</summary>
    public required Labels Labels { get; init; }

    /// <summary>Whether points are deltas (each counts what happened since the one before); rate and increase then sum them.</summary>
    public bool IsDelta { get; init; }

    /// <summary>Whether some samples each stand for several that are no longer there: answers say so.</summary>
    public bool IsRolledUp { get; init; }

    /// <summary>The samples, when they are to be unpacked only where they are looked at; times and values need not be given then.</summary>
    public IPackedSamples? Packed { get; init; }

    /// <summary>How many samples there are.</summary>
    public int Count => Packed?.Count ?? TimesMs.Length;

    /// <summary>Times of the samples, Unix milliseconds, ascending.</summary>
    public long[] TimesMs
    {
        get => _timesMs ?? Unpack().TimesMs;
        init => _timesMs = value;
    }

    /// <summary>Values; the stale marker is the NaN with bits 0x7FF0000000000002. Without meaning where there is a histogram.</summary>
    public double[] Values
    {
        get => _values ?? Unpack().Values;
        init => _values = value;
    }

    /// <summary>Native histograms by the same positions, null where the sample is a float; or null if the series has none.</summary>
    public FloatHistogram?[]? Histograms { get; init; }

    /// <summary>Whether the histograms are such as were sent with whole counts: to PromQL they are all floats, in transport they are not.</summary>
    public bool HasWholeCounts { get; init; }

    /// <summary>When counting began for each sample, Unix milliseconds, 0 where that is unknown; or null if it is for all.</summary>
    public long[]? StartTimesMs { get; init; }

    /// <summary>The series with its samples in columns: whoever looks at many series one after the other holds those of one at a time.</summary>
    public SeriesData Unpacked()
    {
        if (Packed is null)
        {
            return this;
        }
        (long[] times, double[] values) = Packed.ToArrays();
        return new SeriesData { Labels = Labels, IsDelta = IsDelta, IsRolledUp = IsRolledUp, TimesMs = times, Values = values };
    }

    private (long[] TimesMs, double[] Values) Unpack()
    {
        (long[] times, double[] values) = Packed?.ToArrays() ?? ([], []);
        return (_timesMs ??= times, _values ??= values);
    }
}

/// <summary>
/// Series of floats that are made anew each time one is looked at, where all of them at one time would take far more memory than what they are made of.
/// </summary>
public interface IUnmadeSeries : IReadOnlyList<SeriesData>
{
    /// <summary>Samples of all of them.</summary>
    long Samples { get; }
}

/// <summary>Floats of a series that take less memory than columns.</summary>
public interface IPackedSamples
{
    /// <summary>How many there are.</summary>
    int Count { get; }

    /// <summary>Writes their times, Unix milliseconds, ascending, and their values into the beginnings of two spans.</summary>
    void Unpack(Span<long> timesMs, Span<double> values);

    /// <summary>Their times and values in arrays of their own.</summary>
    (long[] TimesMs, double[] Values) ToArrays()
    {
        (long[] times, double[] values) = (GC.AllocateUninitializedArray<long>(Count), GC.AllocateUninitializedArray<double>(Count));
        Unpack(times, values);
        return (times, values);
    }
}
