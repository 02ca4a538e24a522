using SloEngine.Alerting.Corrections;
using SloEngine.Alerting.Definitions;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;
using SloEngine.Slo.Queries;
using SloEngine.Storage;

namespace SloEngine.Server.Slos;

/// <summary>
/// Brings SLOs and corrections into use: at the start, when a file changes, and when one is saved. Of nodes that share a store each looks
/// for what others have saved.
/// </summary>
internal sealed partial class SloReloader(
    SloCatalog catalog, SloDefinitionTable definitions, CorrectionTable corrections, Ledger ledger, QueryCounter queries, LedgerTaps taps, TimeProvider time,
    ILogger<SloReloader> logger, bool isStoreShared) : BackgroundService, ISloRefresh
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _gate = new(1);
    private IReadOnlyList<BudgetCorrection> _corrections = [];

    /// <summary>Rows of definitions and of corrections that were read.</summary>
    private (ulong Definitions, ulong Corrections) _rows;

    /// <summary>Whether what is saved has not been read since somebody asked for it.</summary>
    private bool _isSavedDue;

    /// <summary>Whether something has changed that the ledger has not been told yet.</summary>
    private bool _isDue;

    /// <summary>Whether SLOs have changed that the log does not tell of yet.</summary>
    private bool _isUntold;

    /// <summary>Why the last look at what has changed failed; null when it did not.</summary>
    private string? _failure;

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await RefreshAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    public Task RefreshAsync(CancellationToken cancellation) => ReloadAsync(isSavedNew: true, cancellation);

    /// <summary>Looks whether files have changed, or other nodes have saved something, and brings that into use. What keeps it from that is told once.</summary>
    internal async Task LookAsync(CancellationToken cancellation)
    {
        try
        {
            await ReloadAsync(isSavedNew: false, cancellation);
            _failure = null;
        }
        catch (Exception failure) when (failure is IOException or StoreException)
        {
            if (failure.Message != _failure)
            {
                _failure = failure.Message;
                LogReloadFailed(failure.Message);
            }
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        _gate.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            await LookAsync(stoppingToken);
        }
    }

    private async Task ReloadAsync(bool isSavedNew, CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation);
        try
        {
            _isSavedDue |= isSavedNew || (isStoreShared && await HasMoreAsync(cancellation));
            if (_isSavedDue)
            {
                await ReadSavedAsync(cancellation);
                _isSavedDue = false;
            }
            bool isReloaded = catalog.Reload();
            _isDue |= isReloaded;
            _isUntold |= isReloaded;
            if (!_isDue)
            {
                return;
            }
            await queries.SwitchAsync(() => ledger.SetSlosAsync(catalog.Slos, _corrections, cancellation), cancellation);
            taps.RaiseChanged();
            _isDue = false;
            if (_isUntold)
            {
                _isUntold = false;
                LogLoaded(catalog.Slos.Count);
                foreach (SloFileError error in catalog.Errors)
                {
                    LogError(error);
                }
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Whether there are other rows than were read, which does not take to read their texts: rows are never changed nor removed.</summary>
    private async Task<bool> HasMoreAsync(CancellationToken cancellation) =>
        (await definitions.CountAsync(cancellation), await corrections.CountAsync(cancellation)) != _rows;

    private async Task ReadSavedAsync(CancellationToken cancellation)
    {
        IReadOnlyList<SloVersion> latest = await definitions.ReadLatestAsync(cancellation);
        catalog.SetSaved(SloDefinitionTable.InUse(latest));
        IReadOnlyList<AuditedCorrection> all = await corrections.ReadAsync(null, cancellation);
        BudgetCorrection[] active = [.. all.Where(one => one.Revoked is null).Select(one => one.Correction)];
        _isDue |= !active.SequenceEqual(_corrections);
        _corrections = active;
        // What was read says how many rows it was of, not another question, which another replica may answer: each version is a row, from 1 on, and each correction, made and revoked.
        _rows = ((ulong)latest.Sum(version => version.Version), (ulong)(all.Count + all.Count(one => one.Revoked is not null)));
    }

    [LoggerMessage(EventName = "slo.catalog.loaded", Level = LogLevel.Information, Message = "{Count} SLOs loaded")]
    private partial void LogLoaded(int count);

    [LoggerMessage(EventName = "slo.catalog.error", Level = LogLevel.Error, Message = "SLO not loaded: {Error}")]
    private partial void LogError(SloFileError error);

    [LoggerMessage(EventName = "slo.catalog.failed", Level = LogLevel.Error, Message = "Changes of SLOs are not in use yet, those from before are; it is tried again every few seconds: {Reason}")]
    private partial void LogReloadFailed(string reason);
}
