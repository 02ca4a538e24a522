using System.Collections.Frozen;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Functions of one float.</summary>
internal static class InstantFunctions
{
    public static readonly FrozenDictionary<string, Func<double, double>> All = new Dictionary<string, Func<double, double>>(StringComparer.Ordinal)
    {
        ["abs"] = Math.Abs,
        ["ceil"] = Math.Ceiling,
        ["floor"] = Math.Floor,
        ["exp"] = Math.Exp,
        ["ln"] = Math.Log,
        ["log2"] = Math.Log2,
        ["log10"] = Math.Log10,
        ["sqrt"] = Math.Sqrt,
        ["sgn"] = static value => value < 0 ? -1 : value > 0 ? 1 : value,
        ["sin"] = Math.Sin,
        ["cos"] = Math.Cos,
        ["tan"] = Math.Tan,
        ["asin"] = Math.Asin,
        ["acos"] = Math.Acos,
        ["atan"] = Math.Atan,
        ["sinh"] = Math.Sinh,
        ["cosh"] = Math.Cosh,
        ["tanh"] = Math.Tanh,
        ["asinh"] = Math.Asinh,
        ["acosh"] = Math.Acosh,
        ["atanh"] = Math.Atanh,
        ["deg"] = static value => value * 180 / Math.PI,
        ["rad"] = static value => value * Math.PI / 180,
        ["minute"] = static value => Date(value).Minute,
        ["hour"] = static value => Date(value).Hour,
        ["day_of_week"] = static value => (int)Date(value).DayOfWeek,
        ["day_of_month"] = static value => Date(value).Day,
        ["day_of_year"] = static value => Date(value).DayOfYear,
        ["days_in_month"] = static value => DateTime.DaysInMonth(Date(value).Year, Date(value).Month),
        ["month"] = static value => Date(value).Month,
        ["year"] = static value => Date(value).Year,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Rounds to a multiple, ties up.</summary>
    public static double Round(double value, double toNearest)
    {
        // Dividing by the inverse is more exact for multiples such as 0.1.
        double inverse = 1 / toNearest;
        return Math.Floor((value * inverse) + 0.5) / inverse;
    }

    private static DateTime Date(double seconds)
    {
        const double FirstSecond = -62_135_596_800;
        const double LastSecond = 253_402_300_799;
        return DateTime.UnixEpoch.AddSeconds(Math.Truncate(double.IsNaN(seconds) ? 0 : Math.Clamp(seconds, FirstSecond, LastSecond)));
    }
}
