using SloEngine.Slo.Burn;

namespace SloEngine.Slo.Pyrra;

/// <summary>Pyrra's burn-rate windows (pyrra-dev/pyrra, slo/slo.go): those of 28 days in proportion, by whole minutes.</summary>
internal static class PyrraPolicies
{
    private static readonly (string Name, Severity Severity, double LongHours, double ShortMinutes, double ForMinutes, double Factor)[] Of28Days =
    [
        ("critical-1", Severity.Page, 1, 5, 2, 14),
        ("critical-2", Severity.Page, 6, 30, 15, 7),
        ("warning-1", Severity.Ticket, 24, 120, 60, 2),
        ("warning-2", Severity.Ticket, 96, 360, 180, 1),
    ];

    /// <summary>The policies for a window.</summary>
    public static IReadOnlyList<BurnPolicy> For(TimeSpan window)
    {
        double scale = window / TimeSpan.FromDays(28);
        return
        [
            .. Of28Days.Select(policy => new BurnPolicy(
                policy.Name, policy.Severity, Minutes(policy.LongHours * 60 * scale), Minutes(policy.ShortMinutes * scale), policy.Factor, Minutes(policy.ForMinutes * scale))),
        ];
    }

    private static TimeSpan Minutes(double minutes) => TimeSpan.FromMinutes(Math.Round(minutes, MidpointRounding.AwayFromZero));
}
