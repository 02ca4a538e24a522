namespace SloEngine.PromQL.Syntax;

/// <summary>Parts of the language that Prometheus calls experimental.</summary>
public sealed record ParserOptions
{
    /// <summary>Everything allowed.</summary>
    public static readonly ParserOptions All = new() { ExperimentalFunctions = true, DurationExpressions = true, RangeExtensions = true, FillModifiers = true };

    /// <summary>Functions and aggregations marked as experimental.</summary>
    public bool ExperimentalFunctions { get; init; }

    /// <summary>Calculations inside brackets and behind <c>offset</c>.</summary>
    public bool DurationExpressions { get; init; }

    /// <summary><c>anchored</c> and <c>smoothed</c>.</summary>
    public bool RangeExtensions { get; init; }

    /// <summary><c>fill</c>, <c>fill_left</c> and <c>fill_right</c>.</summary>
    public bool FillModifiers { get; init; }
}
