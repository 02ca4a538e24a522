using SloEngine.Collector.Resources;
using SloEngine.Storage;
using SloEngine.Storage.Native;

namespace SloEngine.Collector.Ingest;

/// <summary>
/// Saves new resources for the writers of spans and of logs, which share them: one at a time, so that neither acknowledges an item
/// whose resource the other is still saving.
/// </summary>
internal sealed class ResourceWriter(IColumnStore store, ResourceIndex resources, TimeProvider time) : IDisposable
{
    private readonly SemaphoreSlim _saving = new(1);
    private readonly NativeWriter _writer = new();

    /// <summary>Completes when every resource registered before the call is in the store.</summary>
    /// <exception cref="StoreException">The store failed; the resources remain to be saved.</exception>
    public async Task SaveAsync()
    {
        await _saving.WaitAsync();
        try
        {
            await SaveUnsavedAsync();
        }
        finally
        {
            _saving.Release();
        }
    }

    public void Dispose()
    {
        _saving.Dispose();
        _writer.Dispose();
    }

    private async Task SaveUnsavedAsync()
    {
        List<ResourceRow> unsaved = resources.TakeUnsaved();
        if (unsaved.Count == 0)
        {
            return;
        }
        try
        {
            // Without a token, as for series: a retry may bring others, and equal rows collapse.
            await store.InsertAsync(SeriesRows.Encode(unsaved, time.GetUtcNow(), _writer));
        }
        catch
        {
            resources.GiveBack(unsaved);
            throw;
        }
    }
}
