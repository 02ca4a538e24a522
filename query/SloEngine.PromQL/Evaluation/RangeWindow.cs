using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Samples of one kind in a window.</summary>
internal readonly ref struct WindowColumn<T>(ReadOnlySpan<long> times, ReadOnlySpan<T> values, ReadOnlySpan<long> starts)
{
    public readonly ReadOnlySpan<long> Times = times;
    public readonly ReadOnlySpan<T> Values = values;

    /// <summary>Empty if start times are not known.</summary>
    public readonly ReadOnlySpan<long> Starts = starts;

    /// <summary>Whether <see cref="Falls"/> is known.</summary>
    public bool KnowsFalls { get; init; }

    /// <summary>Positions, in the whole column, of values that are smaller than the one before them, the window's first left out.</summary>
    public ReadOnlySpan<int> Falls { get; init; }

    /// <summary>Position of the window's first sample in the whole column.</summary>
    public int First { get; init; }

    public int Count => Times.Length;

    public long Start(int index) => index < Starts.Length ? Starts[index] : 0;

    public static WindowColumn<T> Of(Column<T> column, int first, int end) =>
        new(column.TimesMs.AsSpan(first..end), column.Values.AsSpan(first..end), column.StartsMs is null ? [] : column.StartsMs.AsSpan(first..end))
        {
            KnowsFalls = column.Falls is not null,
            Falls = column.Falls is null ? [] : column.FallsBetween(first + 1, end),
            First = first,
        };
}

/// <summary>Samples of one series in a window that is open on the left, and what a function over them needs besides.</summary>
internal readonly ref struct RangeWindow
{
    public required WindowColumn<double> Floats { get; init; }

    public required WindowColumn<FloatHistogram> Histograms { get; init; }

    /// <summary>Exclusive start of the range; samples may be older where the range is extended.</summary>
    public required long StartMs { get; init; }

    /// <summary>Inclusive end of the range.</summary>
    public required long EndMs { get; init; }

    /// <summary>Time of the evaluation, which offset and <c>@</c> do not move.</summary>
    public required long StepMs { get; init; }

    /// <summary>Position of the step.</summary>
    public required int Step { get; init; }

    public double RangeSeconds => (EndMs - StartMs) / 1000d;

    public int Count => Floats.Count + Histograms.Count;
}

/// <summary>A function over a range for one series: what stays the same from step to step.</summary>
internal sealed class RangeCall
{
    /// <summary>Numbers among the arguments, a column each.</summary>
    public required double[][] Parameters { get; init; }

    public required AnnotationSet Annotations { get; init; }

    /// <summary>The first argument, which remarks point at.</summary>
    public required SourceRange Range { get; init; }

    public required RangeExtension Extension { get; init; }

    public Labels Labels { get; set; } = Labels.Empty;

    /// <summary>Whether each point counts what happened since the one before.</summary>
    public bool IsDelta { get; set; }

    public string Metric => Labels[Labels.MetricName];

    public double Parameter(int index, int step) => Parameters[index][step];

    public void Remark(Annotation annotation) => Annotations.Add(annotation);
}
