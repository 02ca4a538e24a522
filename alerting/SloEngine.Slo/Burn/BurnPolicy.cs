using System.Globalization;

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
    /// <summary>Whether releases are to pause while it holds.</summary>
    public bool PausesReleases { get; init; }

    /// <summary>
    /// The workbook's policies for an SLO with Sloth's step of a day: factor = share of budget x window / long window (14.4, 6, 3 and 1 for
    /// 30 days). Those that could never fire, because even a total outage burns slower, are left out.
    /// </summary>
    public static IReadOnlyList<BurnPolicy> Default(double objective, TimeSpan window) => BurnPresets.Of(BurnPreset.Sloth, objective, window);

    /// <summary>The factor that spends a share of the budget within a stretch of time.</summary>
    public static double FactorOfBudgetShare(double share, TimeSpan within, TimeSpan window) => share * (window / within);

    /// <summary>The factor at which a whole budget lasts so long.</summary>
    public static double FactorOfExhaustion(TimeSpan time, TimeSpan window) => window / time;

    /// <summary>Burn rate of a total outage: 1 / (1 - objective).</summary>
    public static double HighestBurn(double objective) => 1 / (1 - objective);

    /// <summary>Releases pause and people are called while an hour burns more than twice what it may.</summary>
    public static BurnPolicy PauseReleases { get; } =
        new("pause-releases", Severity.Page, TimeSpan.FromHours(1), TimeSpan.FromMinutes(5), 2, TimeSpan.Zero) { PausesReleases = true };

    /// <summary>Why the policy makes no sense for an SLO, with what is expected; null when it does.</summary>
    public string? Refusal(double objective, TimeSpan window)
    {
        double highest = HighestBurn(objective);
        return Factor <= 0 || double.IsNaN(Factor) ? string.Create(CultureInfo.InvariantCulture, $"the factor is {Factor}, expected above 0")
            : Factor > highest * (1 + 1e-9) ? string.Create(
                CultureInfo.InvariantCulture, $"the factor is {Factor:0.##}; even a total outage burns at {highest:0.##}, so it could never be reached")
            : Long > window ? $"the long window of {Long.TotalHours:0.##} h is longer than the SLO's window"
            : Short >= Long || Short < TimeSpan.FromSeconds(20) ? "the short window is to be shorter than the long one, and at least 20 s: the ledger resolves 10 s"
            : null;
    }
}
