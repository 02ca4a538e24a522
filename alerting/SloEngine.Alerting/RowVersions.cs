using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Alerting;

/// <summary>
/// Versions of the rows of a table of which the newest wins: the time, but always above every version before, for a clock may be set back.
/// </summary>
internal sealed class RowVersions(IColumnStore store, string table, TimeProvider time)
{
    private readonly Lock _lock = new();
    private ulong _last;
    private bool _isRead;

    /// <summary>The next version.</summary>
    public async ValueTask<ulong> NextAsync(CancellationToken cancellation)
    {
        if (!_isRead)
        {
            QueryResult result = await store.QueryAsync(new StoreQuery($"SELECT max(version) FROM {table}"), cancellation);
            Raise(result.Blocks[0].Values<ulong>(0)[0]);
            _isRead = true;
        }
        return Raise((ulong)time.GetUtcNow().UtcTicks);
    }

    private ulong Raise(ulong version)
    {
        lock (_lock)
        {
            return _last = Math.Max(_last + 1, version);
        }
    }
}
