namespace SloEngine.Slo.Burn;

/// <summary>Well-known sets of burn policies.</summary>
public enum BurnPreset
{
    /// <summary>The Site Reliability Workbook, table 5-8: 2 % of the budget in 1 h, 5 % in 6 h, 10 % in 3 d.</summary>
    Workbook,
    /// <summary>slok/sloth's: the workbook's, with a ticket at 10 % in 1 d.</summary>
    Sloth,
    /// <summary>pyrra-dev/pyrra's: factors 14, 7, 2 and 1 over windows in proportion to the SLO's, 1 h, 6 h, 1 d and 4 d of 28 d.</summary>
    Pyrra,
    /// <summary>Datadog's recommendations for windows of 7, 30 and 90 d: over 1 h, 6 h and 1 d.</summary>
    Datadog,
}

/// <summary>Makes the policies of a preset.</summary>
public static class BurnPresets
{
    /// <summary>Name, urgency, long and short window in hours, share of the budget spent over the long window.</summary>
    private static readonly (string Name, Severity Severity, double LongHours, double ShortHours, double Share)[] Shares =
    [
        ("fast-burn", Severity.Page, 1, 5 / 60d, 0.02),
        ("burn", Severity.Page, 6, 0.5, 0.05),
        ("slow-burn", Severity.Ticket, 24, 2, 0.10),
        ("creep", Severity.Ticket, 72, 6, 0.10),
    ];

    /// <summary>Name, urgency, factor, and long window, short window and time to hold as parts of the SLO's window (pyrra, slo/rules.go, Windows).</summary>
    private static readonly (string Name, Severity Severity, double Factor, double Long, double Short, double For)[] Parts =
    [
        ("fast-burn", Severity.Page, 14, 28 * 24, 28 * 24 * 12, 28 * 24 * 30),
        ("burn", Severity.Page, 7, 28 * 4, 28 * 24 * 2, 28 * 24 * 4),
        ("slow-burn", Severity.Ticket, 2, 28, 28 * 12, 28 * 24),
        ("creep", Severity.Ticket, 1, 7, 28 * 4, 28 * 8),
    ];

    /// <summary>The policies for an SLO. Those that could never fire, because even a total outage burns slower, are left out, and those whose long window is not within the SLO's.</summary>
    public static IReadOnlyList<BurnPolicy> Of(BurnPreset preset, double objective, TimeSpan window)
    {
        IEnumerable<BurnPolicy> policies = preset switch
        {
            BurnPreset.Workbook => Shares.Where(share => share.Name != "slow-burn").Select(share => OfShare(share, window)),
            BurnPreset.Sloth => Shares.Select(share => OfShare(share, window)),
            BurnPreset.Pyrra => Parts.Select(part => new BurnPolicy(
                part.Name, part.Severity, Part(window, part.Long), Part(window, part.Short), part.Factor, Part(window, part.For))),
            _ => Datadog(window),
        };
        return [.. policies.Where(policy => policy.Long < window && policy.Refusal(objective, window) is null)];
    }

    private static BurnPolicy OfShare((string Name, Severity Severity, double LongHours, double ShortHours, double Share) preset, TimeSpan window)
    {
        var longWindow = TimeSpan.FromHours(preset.LongHours);
        return new BurnPolicy(
            preset.Name, preset.Severity, longWindow, TimeSpan.FromHours(preset.ShortHours),
            BurnPolicy.FactorOfBudgetShare(preset.Share, longWindow, window), TimeSpan.Zero);
    }

    /// <summary>Datadog, "Burn Rate Alerts", examples by the length of the window; the short window is a twelfth of the long one.</summary>
    private static IEnumerable<BurnPolicy> Datadog(TimeSpan window)
    {
        double[] factors = window.TotalDays switch
        {
            <= 14 => [16.8, 5.6, 2.8],
            <= 60 => [14.4, 6, 3],
            _ => [21.6, 10.8, 4.5],
        };
        for (int index = 0; index < factors.Length; index++)
        {
            (string name, Severity severity, double longHours, double shortHours, _) = Shares[index];
            yield return new BurnPolicy(name, severity, TimeSpan.FromHours(longHours), TimeSpan.FromHours(shortHours), factors[index], TimeSpan.Zero);
        }
    }

    private static TimeSpan Part(TimeSpan window, double part) => TimeSpan.FromMinutes(Math.Max(1, Math.Round((window / part).TotalMinutes, MidpointRounding.AwayFromZero)));
}
