namespace SloEngine.Slo.Ledger;

/// <summary>What the ledger takes.</summary>
/// <param name="Lateness">How late an event may come and still count at its time.</param>
public sealed record LedgerOptions(TimeSpan Lateness)
{
    /// <summary>Events may be late by a day.</summary>
    public static LedgerOptions Default { get; } = new(TimeSpan.FromDays(1));

    /// <summary>Whether somebody reads the past of new SLOs from stored telemetry (<see cref="Ledger.Pending"/>).</summary>
    public bool ReadsPast { get; init; }

    /// <summary>Name of the meter that oddities are counted by; history that is replayed has one of its own.</summary>
    public string MeterName { get; init; } = "SloEngine.Slo";
}
