namespace SloEngine.Slo.Burn;

/// <summary>When a budget is gone, if what happened lately goes on; null means that it is not gone before it renews.</summary>
/// <param name="Expected">Time until then at the rate of bad events seen.</param>
/// <param name="Earliest">Time until then at the highest rate that is consistent with what was seen (95 % band).</param>
/// <param name="Latest">Time until then at the lowest.</param>
public readonly record struct Forecast(TimeSpan? Expected, TimeSpan? Earliest, TimeSpan? Latest)
{
    private static readonly TimeSpan Farthest = TimeSpan.FromDays(36_500);

    /// <summary>
    /// Forecasts from the bad events that are left. While the window still fills its traffic adds to the budget: with t events and B bad ones
    /// seen, q events and r bad ones a second and a share b that may be bad, it is gone after (b t - B) / (r - b q); once it is full, traffic
    /// that comes in is as much as goes out, and the budget stands: gone after (b t - B) / r. What bad events leave the window is not
    /// counted on. Bad events n of a stretch are taken as a Poisson count: its 95 % band is (sqrt(n) -+ 0.98)^2 (variance-stabilising transform).
    /// </summary>
    /// <param name="allowed">Bad events allowed by the traffic so far, b t; or of the whole window, when its budget does not depend on traffic.</param>
    /// <param name="bad">Bad events so far, B.</param>
    /// <param name="budget">Share that may be bad, b; 0 when the budget does not depend on traffic.</param>
    /// <param name="recent">Events of the last stretch.</param>
    /// <param name="stretch">Its length.</param>
    /// <param name="filling">How long the window still fills.</param>
    /// <param name="renews">Time until the window is over; null for a rolling one.</param>
    public static Forecast Of(double allowed, double bad, double budget, Ledger.WindowSum recent, TimeSpan stretch, TimeSpan filling, TimeSpan? renews)
    {
        if (bad >= allowed || recent.Bad <= 0)
        {
            return default;
        }
        double root = Math.Sqrt(recent.Bad);
        return new Forecast(Gone(recent.Bad), Gone(Math.Pow(root + 0.98, 2)), Gone(Math.Pow(Math.Max(0, root - 0.98), 2)));

        TimeSpan? Gone(double recentBad)
        {
            double r = recentBad / stretch.TotalSeconds;
            double grows = budget * recent.Total / stretch.TotalSeconds;
            double seconds = r > grows ? (allowed - bad) / (r - grows) : double.PositiveInfinity;
            if (seconds > filling.TotalSeconds)
            {
                seconds = r > 0 ? Math.Max(filling.TotalSeconds, (allowed + (grows * filling.TotalSeconds) - bad) / r) : double.PositiveInfinity;
            }
            return seconds >= (renews?.TotalSeconds ?? double.PositiveInfinity) || double.IsPositiveInfinity(seconds) ? null
                : TimeSpan.FromSeconds(Math.Min(seconds, Farthest.TotalSeconds));
        }
    }
}
