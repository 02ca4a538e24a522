using SloEngine.Slo.Ledger;
using SloEngine.Slo.OpenSlo;
using SloEngine.Slo.Queries;

namespace SloEngine.Server.Slos;

/// <summary>Loads the SLO files at the start and again when they change.</summary>
internal sealed partial class SloReloader(SloCatalog catalog, Ledger ledger, QueryCounter queries, LedgerTaps taps, TimeProvider time, ILogger<SloReloader> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await ReloadAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await ReloadAsync(stoppingToken);
            }
            catch (Exception failure) when (failure is IOException or Storage.StoreException)
            {
                LogReloadFailed(failure);
            }
        }
    }

    private async Task ReloadAsync(CancellationToken cancellation)
    {
        if (!catalog.Reload())
        {
            return;
        }
        await queries.SwitchAsync(() => ledger.SetSlosAsync(catalog.Slos, cancellation), cancellation);
        taps.RaiseChanged();
        LogLoaded(catalog.Slos.Count);
        foreach (SloFileError error in catalog.Errors)
        {
            LogError(error);
        }
    }

    [LoggerMessage(EventName = "slo.catalog.loaded", Level = LogLevel.Information, Message = "{Count} SLOs loaded")]
    private partial void LogLoaded(int count);

    [LoggerMessage(EventName = "slo.catalog.error", Level = LogLevel.Error, Message = "SLO not loaded: {Error}")]
    private partial void LogError(SloFileError error);

    [LoggerMessage(EventName = "slo.catalog.failed", Level = LogLevel.Error, Message = "The SLO files could not be reloaded")]
    private partial void LogReloadFailed(Exception failure);
}
