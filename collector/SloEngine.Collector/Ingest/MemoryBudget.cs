namespace SloEngine.Collector.Ingest;

/// <summary>Bounds the bytes of requests in flight: over the budget a request waits its turn for a while, then is refused.</summary>
internal sealed class MemoryBudget(CollectorOptions options, TimeProvider time)
{
    private readonly LinkedList<(long Bytes, TaskCompletionSource Granted)> _waiting = new();
    private readonly Lock _lock = new();
    private long _used;

    public long Used => Volatile.Read(ref _used);

    /// <exception cref="IngestUnavailableException">No room within the hold time.</exception>
    public async ValueTask AcquireAsync(long bytes, CancellationToken cancellation)
    {
        LinkedListNode<(long Bytes, TaskCompletionSource Granted)> node;
        lock (_lock)
        {
            if (_waiting.Count == 0 && (_used == 0 || _used + bytes <= options.MemoryBudgetBytes))
            {
                _used += bytes;
                return;
            }
            node = _waiting.AddLast((bytes, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)));
        }
        try
        {
            await node.Value.Granted.Task.WaitAsync(options.HoldTime, time, cancellation);
        }
        catch (Exception failure) when (failure is TimeoutException or OperationCanceledException)
        {
            lock (_lock)
            {
                if (node.List is null)
                {
                    // Granted at the last moment: hand the room on.
                    _used -= bytes;
                    Grant();
                }
                else
                {
                    _waiting.Remove(node);
                }
            }
            if (failure is TimeoutException)
            {
                throw new IngestUnavailableException("the collector's memory budget is used up", options.RetryAfter, "memory");
            }
            throw;
        }
    }

    public void Release(long bytes)
    {
        lock (_lock)
        {
            _used -= bytes;
            Grant();
        }
    }

    private void Grant()
    {
        while (_waiting.First is { } next && (_used == 0 || _used + next.Value.Bytes <= options.MemoryBudgetBytes))
        {
            _used += next.Value.Bytes;
            _waiting.RemoveFirst();
            next.Value.Granted.SetResult();
        }
    }
}
