using SloEngine.Slo.Model;

namespace SloEngine.Slo.Ledger;

/// <summary>
/// The past of an SLO that is new here, to be read from stored telemetry: everything before <see cref="Until"/> is read, everything after is
/// counted as it passes, so that nothing counts twice and nothing is missing.
/// </summary>
public sealed class PendingPast
{
    private double _progress;

    internal PendingPast(SloLedger ledger, DateTimeOffset since, DateTimeOffset until, IReadOnlyList<LedgerIncrement> stored) =>
        (Ledger, Since, Until, Stored) = (ledger, since, until, stored);

    /// <summary>The SLO.</summary>
    public ServiceLevelObjective Slo => Ledger.Slo;

    /// <summary>Start of what is asked for.</summary>
    public DateTimeOffset Since { get; }

    /// <summary>Where live counting begins.</summary>
    public DateTimeOffset Until { get; }

    /// <summary>How much has been read, 0 to 1.</summary>
    public double Progress { get => Volatile.Read(ref _progress); set => Volatile.Write(ref _progress, value); }

    internal SloLedger Ledger { get; }

    /// <summary>Minutes of it that the store has already.</summary>
    internal IReadOnlyList<LedgerIncrement> Stored { get; }
}
