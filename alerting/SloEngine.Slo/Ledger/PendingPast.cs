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

    /// <summary>Minutes of it that the store has already, each once.</summary>
    private IReadOnlyList<LedgerIncrement> Stored { get; set; }

    /// <summary>Minutes that are to be read, at most, over all groups.</summary>
    public double MostMinutes => (Until - Since).TotalMinutes * (Slo.GroupBy.Count == 0 ? 1 : Slo.MaxGroups);

    /// <summary>Adds minutes that the store has, or is about to have.</summary>
    internal void AddStored(IReadOnlyList<LedgerIncrement> more) => Stored =
    [
        .. Stored.Concat(more).GroupBy(increment => (increment.Group, increment.Minute))
            .Select(same => same.First() with { Good = same.Sum(increment => increment.Good), Total = same.Sum(increment => increment.Total) }),
    ];

    /// <summary>Minutes that the store has of times before the first that telemetry is left of.</summary>
    internal IEnumerable<LedgerIncrement> StoredBefore(IReadOnlyList<LedgerIncrement> counted)
    {
        DateTimeOffset first = First(counted);
        return Stored.Where(increment => increment.Minute < first);
    }

    /// <summary>Adds what makes the store's minutes those that were counted.</summary>
    internal void AddChanges(IReadOnlyList<LedgerIncrement> counted, List<LedgerIncrement> changes)
    {
        DateTimeOffset first = First(counted);
        Dictionary<(string, DateTimeOffset), LedgerIncrement> stored = Stored.Where(increment => increment.Minute >= first)
            .ToDictionary(increment => (increment.Group, increment.Minute));
        foreach (LedgerIncrement increment in counted)
        {
            stored.Remove((increment.Group, increment.Minute), out LedgerIncrement before);
            if (increment.Good != before.Good || increment.Total != before.Total)
            {
                changes.Add(increment with { Good = increment.Good - before.Good, Total = increment.Total - before.Total });
            }
        }
        changes.AddRange(stored.Values.Select(increment => increment with { Good = -increment.Good, Total = -increment.Total }));
    }

    private static DateTimeOffset First(IReadOnlyList<LedgerIncrement> counted) =>
        counted.Count > 0 ? counted.Min(increment => increment.Minute) : DateTimeOffset.MaxValue;
}
