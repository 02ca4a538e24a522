using SloEngine.Collector.Expiry;
using SloEngine.Collector.Pipelines;
using SloEngine.Collector.Pipelines.Tail;
using SloEngine.Collector.Resources;
using SloEngine.Collector.Series;
using SloEngine.Collector.Taps;

namespace SloEngine.Collector.Ingest;

/// <summary>
/// Batches between the log and the store. Logged requests are shown to the taps and gathered; a batch is handed to the inserter when it is
/// full, or old enough and the inserter has nothing else to do: a busy store gets larger batches by itself. When the inserter is behind by
/// as many batches as may be in memory, later ones are left to the log.
/// </summary>
internal sealed class BatchQueue(
    CollectorOptions options, SeriesIndex series, ResourceIndex resources, ITelemetryTaps taps, ReferenceLeases leases, TimeProvider time,
    StoreSelection selection, TraceReader? traces) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Queue<Batch> _full = [];
    private readonly Stack<SignalBlocks> _free = new([.. Enumerable.Range(0, options.MaxBatchesInMemory).Select(_ => new SignalBlocks(selection))]);
    private readonly SemaphoreSlim _changed = new(0);
    private readonly TapListeners _listeners = new(series, resources, taps);
    private Batch? _current;
    private Batch? _taken;
    private bool _completed;
    private long _end;
    private int? _beforeHold;

    /// <summary>When the first request that the store does not have was gathered, as a timestamp of the clock; null when there is none.</summary>
    public long? OldestUnstored
    {
        get
        {
            lock (_lock)
            {
                return (_taken ?? (_full.TryPeek(out Batch? full) ? full : _current))?.Began;
            }
        }
    }

    /// <summary>Takes requests that the log now holds, in its order.</summary>
    public void Add(ReadOnlySpan<Submission> logged)
    {
        lock (_lock)
        {
            long now = time.GetTimestamp();
            traces?.Logged(logged);
            using Lock.Scope shown = taps.BeginBatch();
            (Batch? before, int full) = (_current, _full.Count);
            foreach (Submission submission in logged)
            {
                _listeners.Show(submission.Block, now);
                Gather(submission);
            }
            // A batch that was there before is waited for by its age already.
            if (before is null || _full.Count > full)
            {
                Wake();
            }
        }
    }

    /// <summary>The next batch; null when there will be none. It is to be given back by <see cref="Release"/> before another is taken.</summary>
    public async Task<Batch?> TakeAsync(CancellationToken cancellation)
    {
        while (true)
        {
            TimeSpan wait;
            lock (_lock)
            {
                bool isHeld = _beforeHold == 0 && !_completed;
                if (!isHeld && _full.TryDequeue(out Batch? full))
                {
                    _beforeHold--;
                    return _taken = full;
                }
                if (isHeld)
                {
                    wait = Timeout.InfiniteTimeSpan;
                }
                else if (_current is null)
                {
                    if (_completed)
                    {
                        return null;
                    }
                    wait = Timeout.InfiniteTimeSpan;
                }
                else
                {
                    wait = options.BatchDelay - time.GetElapsedTime(_current.Began);
                    if (wait <= TimeSpan.Zero || _completed)
                    {
                        return _taken = Close();
                    }
                }
            }
            await _changed.WaitAsync(wait, cancellation);
        }
    }

    /// <summary>Takes back the memory of a batch that is in the store, and the leases of its requests.</summary>
    public void Release(Batch batch)
    {
        batch.Blocks?.Clear();
        lock (_lock)
        {
            _taken = null;
            if (batch.Blocks is { } blocks)
            {
                _free.Push(blocks);
            }
        }
        leases.GiveBack(0, batch.Leases[0]);
        leases.GiveBack(1, batch.Leases[1]);
    }

    /// <summary>Does something between two requests; those after it are kept from the inserter until the hold is disposed. One hold at a time.</summary>
    /// <exception cref="InvalidOperationException">There is one already.</exception>
    public StoreHold Hold(Action between)
    {
        lock (_lock)
        {
            if (_beforeHold is not null)
            {
                throw new InvalidOperationException("the store is held already");
            }
            between();
            if (_current is not null)
            {
                _full.Enqueue(Close());
                Wake();
            }
            _beforeHold = _full.Count;
            return new StoreHold(_end, Release);
        }

        void Release()
        {
            lock (_lock)
            {
                _beforeHold = null;
                Wake();
            }
        }
    }

    /// <summary>Nothing more will be added.</summary>
    public void Complete()
    {
        lock (_lock)
        {
            _completed = true;
            Wake();
        }
    }

    public void Dispose()
    {
        foreach (SignalBlocks blocks in _free)
        {
            blocks.Dispose();
        }
        _changed.Dispose();
    }

    /// <summary>One signal is enough, however often something is added before it is looked at.</summary>
    private void Wake()
    {
        if (_changed.CurrentCount == 0)
        {
            _changed.Release();
        }
    }

    private void Gather(Submission submission)
    {
        _current ??= new Batch(submission.Position, _free.TryPop(out SignalBlocks? blocks) ? blocks : null, time.GetTimestamp());
        if (_current.Blocks is { } gathered)
        {
            gathered.Append(submission.Block);
            _current.Leases[submission.Lease]++;
        }
        else
        {
            leases.GiveBack(submission.Lease);
        }
        _current.Rows += submission.Rows;
        _current.ColumnBytes += submission.ColumnBytes;
        _end = _current.To = submission.End;
        submission.Release();
        if (_current.Rows >= options.MaxBatchRows || _current.ColumnBytes >= options.MaxBatchBytes)
        {
            _full.Enqueue(Close());
        }
    }

    /// <summary>Each request is shown just before it is gathered: what the taps have counted is what this batch holds.</summary>
    private Batch Close()
    {
        Batch closed = _current!;
        closed.Counts = taps.TakeCounts();
        _current = null;
        return closed;
    }
}
