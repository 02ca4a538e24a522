namespace SloEngine.Collector.Ingest;

/// <summary>How far the store has got in the log, for those who wait for it.</summary>
internal sealed class StoredPosition(long position)
{
    private readonly Lock _lock = new();
    private readonly List<(long Position, TaskCompletionSource Reached)> _waiting = [];
    private long _position = position;

    /// <summary>Completes when the store has everything before a position.</summary>
    public Task ReachedAsync(long position)
    {
        lock (_lock)
        {
            if (_position >= position)
            {
                return Task.CompletedTask;
            }
            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((position, reached));
            return reached.Task;
        }
    }

    /// <summary>Completes when the store gets further.</summary>
    public Task NextAsync()
    {
        lock (_lock)
        {
            return ReachedAsync(_position + 1);
        }
    }

    public void Advance(long position)
    {
        lock (_lock)
        {
            _position = position;
            foreach ((long awaited, TaskCompletionSource reached) in _waiting)
            {
                if (awaited <= position)
                {
                    reached.SetResult();
                }
            }
            _waiting.RemoveAll(waiting => waiting.Position <= position);
        }
    }
}
