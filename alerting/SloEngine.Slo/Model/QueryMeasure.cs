namespace SloEngine.Slo.Model;

/// <summary>What the value of a query says.</summary>
public enum QueryUnit
{
    /// <summary>Events a second, as of <c>rate</c>.</summary>
    PerSecond,
    /// <summary>Events in the query's window, as of <c>increase</c>.</summary>
    PerWindow,
    /// <summary>Events of one evaluation: each is an observation of its own.</summary>
    PerEvaluation,
}

/// <summary>Counts by evaluating a query once a minute.</summary>
/// <param name="Query">The query; of a result of several series the sum counts.</param>
/// <param name="Unit">What its value says.</param>
public sealed record QueryMeasure(WindowedQuery Query, QueryUnit Unit) : Measure
{
    /// <summary>Time from one evaluation to the next.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    /// <summary>Events of the interval that an evaluation stands for.</summary>
    public double Events(double value) => Unit switch
    {
        QueryUnit.PerSecond => value * Interval.TotalSeconds,
        QueryUnit.PerWindow => value * (Interval / Window),
        _ => value,
    };

    /// <inheritdoc/>
    public override string Describe() => Unit switch
    {
        QueryUnit.PerSecond => $"events a second of {OnOneLine}",
        QueryUnit.PerWindow => $"events of {OnOneLine}",
        _ => $"each minute {OnOneLine}",
    };

    private string OnOneLine => string.Join(' ', Query.Text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    /// <summary>Window that the query counts over: its own when that is written out.</summary>
    private TimeSpan Window { get; } = Expressions.QueryShape.Window(Query.Tree) ?? Interval;
}

/// <summary>What another system measures: such an SLO is accepted, so that files may be shared, and has no data here.</summary>
/// <param name="System">Type of the data source.</param>
/// <param name="Query">What it would be asked.</param>
public sealed record ForeignMeasure(string System, string Query) : Measure
{
    /// <inheritdoc/>
    public override string Describe() => $"{System} (not measured here): {Query}";
}
