namespace SloEngine.Server.Demo;

/// <summary>Something that goes wrong in the simulated platform for a while.</summary>
/// <param name="Title">What an operator would call it.</param>
/// <param name="Begins">Offset in the cycle.</param>
/// <param name="Lasts">Duration.</param>
/// <param name="Workload">Workload that it strikes.</param>
internal sealed record Incident(string Title, TimeSpan Begins, TimeSpan Lasts, string Workload)
{
    /// <summary>Share of the workload's operations that fail while it lasts.</summary>
    public double ErrorRatio { get; init; }

    /// <summary>Factor on the workload's own time.</summary>
    public double Slowdown { get; init; } = 1;

    /// <summary>Factor on the traffic that comes in by the workload.</summary>
    public double Surge { get; init; } = 1;

    /// <summary>The cycle repeats after this time.</summary>
    public static readonly TimeSpan Cycle = TimeSpan.FromMinutes(9);

    public static readonly IReadOnlyList<Incident> Schedule =
    [
        new("payments outage", TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(60), "payments") { ErrorRatio = 0.8 },
        new("flash sale", TimeSpan.FromSeconds(150), TimeSpan.FromSeconds(90), "storefront") { Surge = 4 },
        new("catalog slow after a deploy", TimeSpan.FromSeconds(290), TimeSpan.FromSeconds(60), "catalog") { Slowdown = 12 },
        new("image registry refuses pulls", TimeSpan.FromSeconds(410), TimeSpan.FromSeconds(60), "deployer") { ErrorRatio = 0.9 },
    ];

    /// <summary>The incident that strikes <paramref name="workload"/> at <paramref name="elapsed"/> since the start, if any.</summary>
    public static Incident? At(TimeSpan elapsed, string workload)
    {
        var inCycle = new TimeSpan(elapsed.Ticks % Cycle.Ticks);
        foreach (Incident incident in Schedule)
        {
            if (incident.Workload == workload && inCycle >= incident.Begins && inCycle < incident.Begins + incident.Lasts)
            {
                return incident;
            }
        }
        return null;
    }
}
