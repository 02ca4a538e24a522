namespace SloEngine.PromQL.Evaluation;

/// <summary>Kahan's summation with Neumaier's improvement, step by step: what rounding loses is kept beside the sum.</summary>
internal static class CompensatedSum
{
    public static (double Sum, double Lost) Add(double value, double sum, double lost)
    {
        double next = sum + value;
        if (double.IsInfinity(next))
        {
            return (next, 0);
        }
        lost += Math.Abs(sum) >= Math.Abs(value) ? sum - next + value : value - next + sum;
        return (next, lost);
    }
}
