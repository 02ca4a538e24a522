namespace SloEngine.Server.Suggestions;

/// <summary>Which objective a history bears.</summary>
internal static class ObjectiveChoice
{
    /// <summary>Events below which a history tells nothing.</summary>
    public const double LeastEvents = 100;

    /// <summary>Share of the budget that the history may have spent: an objective that is just met alerts by chance.</summary>
    private const double MostSpent = 2 / 3d;

    /// <summary>Failures that the history's events are to allow.</summary>
    private const double LeastAllowed = 10;

    private static readonly double[] Rungs = [0.9999, 0.9995, 0.999, 0.998, 0.995, 0.99, 0.98, 0.95, 0.9];

    /// <summary>The highest objective that a history bears; null for none.</summary>
    /// <param name="bad">Bad events.</param>
    /// <param name="total">All events.</param>
    public static double? Of(double bad, double total)
    {
        foreach (double rung in Rungs)
        {
            // Shares of a decimal are not exact: a budget of one event in ten is not to be missed by 1e-16.
            double allowed = total * (1 - rung) * (1 + 1e-9);
            if (total >= LeastEvents && bad <= allowed * MostSpent && allowed >= LeastAllowed)
            {
                return rung;
            }
        }
        return null;
    }
}
