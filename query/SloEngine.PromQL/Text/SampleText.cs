namespace SloEngine.PromQL.Text;

/// <summary>Values of samples as the HTTP API of Prometheus writes them.</summary>
public static class SampleText
{
    private const double SmallestPlain = 1e-6;
    private const double LargestPlain = 1e21;

    /// <summary>The shortest digits that read back as the same value; an exponent only for very large and very small numbers.</summary>
    public static string Print(double value)
    {
        double size = Math.Abs(value);
        if (!double.IsFinite(value) || size == 0 || (size >= SmallestPlain && size < LargestPlain))
        {
            return NumberText.Plain(value);
        }
        string text = NumberText.General(value);
        // One digit of an exponent is enough: e-7 rather than e-07.
        return text[^2] == '0' && text[^3] is '+' or '-' ? text[..^2] + text[^1] : text;
    }

    /// <summary>A bound of a classic histogram as its label <c>le</c> holds it: always a float, 1.0 rather than 1.</summary>
    public static string PrintBound(double bound) => NumberText.OpenMetrics(bound);
}
