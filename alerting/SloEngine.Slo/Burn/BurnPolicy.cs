namespace SloEngine.Slo.Burn;

/// <summary>How urgent an alert is.</summary>
public enum Severity
{
    /// <summary>Somebody looks in working hours.</summary>
    Ticket,
    /// <summary>Somebody is woken.</summary>
    Page,
}

/// <summary>
/// A multiwindow burn-rate condition (The Site Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts"): the burn rate is at
/// least the factor over the long window and over the short one, which ends the alert soon after the trouble ends.
/// </summary>
/// <param name="Name">Name, unique in its SLO.</param>
/// <param name="Severity">Urgency.</param>
/// <param name="Long">Long window.</param>
/// <param name="Short">Short window.</param>
/// <param name="Factor">Burn rate: 1 spends exactly the budget in the SLO's window.</param>
/// <param name="For">How long the condition has to hold.</param>
public sealed record BurnPolicy(string Name, Severity Severity, TimeSpan Long, TimeSpan Short, double Factor, TimeSpan For)
{
    /// <summary>Long window, short window, share of the budget spent over the long window, urgency: table 5-8 of the workbook with Sloth's day step.</summary>
    private static readonly (string Name, Severity Severity, double LongHours, double ShortHours, double BudgetShare)[] Workbook =
    [
        ("fast-burn", Severity.Page, 1, 5 / 60d, 0.02),
        ("burn", Severity.Page, 6, 0.5, 0.05),
        ("slow-burn", Severity.Ticket, 24, 2, 0.10),
        ("creep", Severity.Ticket, 72, 6, 0.10),
    ];

    /// <summary>
    /// The workbook's policies for an SLO: factor = share of budget x window / long window (14.4, 6, 3 and 1 for 30 days).
    /// Those that could never fire, because even a total outage burns slower, are left out.
    /// </summary>
    public static IReadOnlyList<BurnPolicy> Default(double objective, TimeSpan window)
    {
        var policies = new List<BurnPolicy>();
        foreach ((string name, Severity severity, double longHours, double shortHours, double share) in Workbook)
        {
            var longWindow = TimeSpan.FromHours(longHours);
            double factor = share * (window / longWindow);
            if (longWindow < window && factor <= HighestBurn(objective))
            {
                policies.Add(new BurnPolicy(name, severity, longWindow, TimeSpan.FromHours(shortHours), factor, TimeSpan.Zero));
            }
        }
        return policies;
    }

    /// <summary>Burn rate of a total outage: 1 / (1 - objective).</summary>
    public static double HighestBurn(double objective) => 1 / (1 - objective);
}
