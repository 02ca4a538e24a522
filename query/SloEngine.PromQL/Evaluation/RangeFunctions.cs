using System.Collections.Frozen;

namespace SloEngine.PromQL.Evaluation;

/// <summary>A function over the samples of a window.</summary>
internal delegate StepSample RangeFunction(in RangeWindow window, RangeCall call);

/// <summary>The functions over ranges, by name.</summary>
internal static class RangeFunctions
{
    public static readonly FrozenDictionary<string, RangeFunction> All = new Dictionary<string, RangeFunction>(StringComparer.Ordinal)
    {
        ["rate"] = static (in window, call) => CounterFunctions.Extrapolated(window, call, isCounter: true, isRate: true),
        ["increase"] = static (in window, call) => CounterFunctions.Extrapolated(window, call, isCounter: true, isRate: false),
        ["delta"] = static (in window, call) => CounterFunctions.Extrapolated(window, call, isCounter: false, isRate: false),
        ["irate"] = static (in window, call) => InstantRate.Evaluate(window, call, isRate: true),
        ["idelta"] = static (in window, call) => InstantRate.Evaluate(window, call, isRate: false),
        ["resets"] = ChangeFunctions.Resets,
        ["changes"] = ChangeFunctions.Changes,
        ["deriv"] = TrendFunctions.Derivative,
        ["predict_linear"] = TrendFunctions.Predict,
        ["double_exponential_smoothing"] = TrendFunctions.DoubleExponentialSmoothing,
        ["avg_over_time"] = OverTimeFunctions.Average,
        ["sum_over_time"] = OverTimeFunctions.Sum,
        ["count_over_time"] = static (in window, _) => StepSample.Of(window.Count),
        ["present_over_time"] = static (in _, _) => StepSample.Of(1),
        ["absent_over_time"] = static (in _, _) => StepSample.Of(1),
        ["first_over_time"] = OverTimeFunctions.First,
        ["last_over_time"] = OverTimeFunctions.Last,
        ["ts_of_first_over_time"] = OverTimeFunctions.TimeOfFirst,
        ["ts_of_last_over_time"] = OverTimeFunctions.TimeOfLast,
        ["min_over_time"] = static (in window, call) => OverTimeFunctions.Extreme(window, call, smallest: true, time: false),
        ["max_over_time"] = static (in window, call) => OverTimeFunctions.Extreme(window, call, smallest: false, time: false),
        ["ts_of_min_over_time"] = static (in window, call) => OverTimeFunctions.Extreme(window, call, smallest: true, time: true),
        ["ts_of_max_over_time"] = static (in window, call) => OverTimeFunctions.Extreme(window, call, smallest: false, time: true),
        ["stddev_over_time"] = static (in window, call) => OverTimeFunctions.Deviation(window, call, root: true),
        ["stdvar_over_time"] = static (in window, call) => OverTimeFunctions.Deviation(window, call, root: false),
        ["mad_over_time"] = OverTimeFunctions.MedianDeviation,
        ["quantile_over_time"] = OverTimeFunctions.OfQuantile,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Functions for ranges that are <c>anchored</c>.</summary>
    public static readonly string[] Anchored = ["changes", "delta", "increase", "rate", "resets"];

    /// <summary>Functions for ranges that are <c>smoothed</c>.</summary>
    public static readonly string[] Smoothed = ["delta", "increase", "rate"];
}
