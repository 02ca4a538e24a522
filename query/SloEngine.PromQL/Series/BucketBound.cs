using System.Globalization;

namespace SloEngine.PromQL.Series;

/// <summary>Bounds as labels of classic histograms hold them.</summary>
internal static class BucketBound
{
    public static bool TryParse(string text, out double bound)
    {
        switch (text.ToLowerInvariant())
        {
            case "+inf" or "inf" or "infinity" or "+infinity":
                bound = double.PositiveInfinity;
                return true;
            case "-inf" or "-infinity":
                bound = double.NegativeInfinity;
                return true;
            case "nan":
                bound = double.NaN;
                return true;
            default:
                const NumberStyles Float = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
                return double.TryParse(text, Float, CultureInfo.InvariantCulture, out bound);
        }
    }
}
