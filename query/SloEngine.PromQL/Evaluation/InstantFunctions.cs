using System.Text.RegularExpressions;
using SloEngine.PromQL.Series;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Functions of one value at one step.</summary>
internal static class InstantFunctions
{
    /// <summary>The function of that name, or null when it is none of this kind.</summary>
    public static Func<double, double>? Math1(string function) => function switch
    {
        "abs" => Math.Abs,
        "ceil" => Math.Ceiling,
        "floor" => Math.Floor,
        "exp" => Math.Exp,
        "ln" => Math.Log,
        "log2" => Math.Log2,
        "log10" => Math.Log10,
        "sqrt" => Math.Sqrt,
        "sgn" => static value => double.IsNaN(value) ? value : Math.Sign(value),
        "sin" => Math.Sin,
        "cos" => Math.Cos,
        "tan" => Math.Tan,
        "asin" => Math.Asin,
        "acos" => Math.Acos,
        "atan" => Math.Atan,
        "sinh" => Math.Sinh,
        "cosh" => Math.Cosh,
        "tanh" => Math.Tanh,
        "asinh" => Math.Asinh,
        "acosh" => Math.Acosh,
        "atanh" => Math.Atanh,
        "deg" => static value => value * 180 / Math.PI,
        "rad" => static value => value * Math.PI / 180,
        "minute" => static value => Date(value).Minute,
        "hour" => static value => Date(value).Hour,
        "day_of_week" => static value => (int)Date(value).DayOfWeek,
        "day_of_month" => static value => Date(value).Day,
        "day_of_year" => static value => Date(value).DayOfYear,
        "days_in_month" => static value => DateTime.DaysInMonth(Date(value).Year, Date(value).Month),
        "month" => static value => Date(value).Month,
        "year" => static value => Date(value).Year,
        _ => null,
    };

    /// <summary>Rounds to a multiple, ties up.</summary>
    public static double Round(double value, double toNearest) => Math.Floor((value / toNearest) + 0.5) * toNearest;

    /// <summary><c>label_replace</c>: sets a label from a pattern that matches another.</summary>
    public static Labels Replace(Labels labels, string destination, string replacement, string source, Regex pattern)
    {
        Match match = pattern.Match(labels[source]);
        return match.Success ? labels.With(destination, match.Result(replacement)) : labels;
    }

    private static DateTime Date(double seconds) => DateTime.UnixEpoch.AddSeconds(Math.Clamp(seconds, -62_135_596_800, 253_402_300_799));
}
