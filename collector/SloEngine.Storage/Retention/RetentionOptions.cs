using SloEngine.Storage.Tables;

namespace SloEngine.Storage.Retention;

/// <summary>How long rows are kept, and how much of the disk they may take.</summary>
public sealed record RetentionOptions
{
    /// <summary>Age of samples, histograms and exemplars, from their time on.</summary>
    public TimeSpan Metrics { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Age of log records.</summary>
    public TimeSpan Logs { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Age of spans.</summary>
    public TimeSpan Traces { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Age of the ledger's minutes.</summary>
    public TimeSpan Slo { get; init; } = TimeSpan.FromDays(400);

    /// <summary>Age of events of what was changed.</summary>
    public TimeSpan Events { get; init; } = TimeSpan.FromDays(400);

    /// <summary>Age of roll-ups; null if none are made, and those that are there stay.</summary>
    public TimeSpan? RollUps { get; init; } = TimeSpan.FromDays(400);

    /// <summary>Tenants whose rows are kept for a shorter time.</summary>
    public IReadOnlyList<TenantRetention> Tenants { get; init; } = [];

    /// <summary>Bytes on disk of all rows; 0 for no limit.</summary>
    public long MaxBytes { get; init; }

    /// <summary>Bytes that stay free on the disk; 0 for none.</summary>
    public long MinFreeBytes { get; init; }

    /// <summary>Age up to which rows of a signal are kept.</summary>
    internal TimeSpan Of(StoreSignal signal) => signal switch
    {
        StoreSignal.Metrics => Metrics,
        StoreSignal.Logs => Logs,
        StoreSignal.Traces => Traces,
        StoreSignal.Slo => Slo,
        StoreSignal.RollUps => RollUps ?? TimeSpan.MaxValue,
        _ => TimeSpan.MaxValue,
    };
}

/// <summary>A tenant's own retention of a signal; shorter than the signal's, which drops whole days.</summary>
/// <param name="Tenant">The tenant.</param>
/// <param name="Signal">Metrics, logs or traces.</param>
/// <param name="Keep">Age up to which its rows are kept.</param>
public sealed record TenantRetention(string Tenant, StoreSignal Signal, TimeSpan Keep);
