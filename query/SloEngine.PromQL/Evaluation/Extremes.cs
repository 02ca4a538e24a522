namespace SloEngine.PromQL.Evaluation;

/// <summary>The larger and the smaller of two numbers, as Go has them: an infinity that decides wins over NaN.</summary>
internal static class Extremes
{
    public static double Max(double left, double right) =>
        double.IsPositiveInfinity(left) || double.IsPositiveInfinity(right) ? double.PositiveInfinity : Math.Max(left, right);

    public static double Min(double left, double right) =>
        double.IsNegativeInfinity(left) || double.IsNegativeInfinity(right) ? double.NegativeInfinity : Math.Min(left, right);
}
