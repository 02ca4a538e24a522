using Microsoft.Extensions.Logging;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Tables;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Ingest;

/// <summary>
/// Puts samples into the store, behind what else a batch holds: they are gathered, answered from memory (<see cref="RecentSamples"/>), until they are
/// many, or a while old, or somebody is to read the table alone. Where others read the store, too, each batch goes at once. The samples' checkpoint says beforehand which
/// stretch of the log is to go in, and the insert carries a token made of its beginning: whatever was stored before a crash is not stored again.
/// </summary>
internal sealed partial class SampleInserter : IDisposable
{
    private readonly IColumnStore _store;
    private readonly WriteAheadLog _log;
    private readonly WalCheckpoint _checkpoint;
    private readonly LogTrim _trim;
    private readonly CollectorOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly RecentSamples _recent;
    private readonly NativeWriter _writer = new();
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _changed = new(0);
    private readonly StoredPosition _stored;
    private TaskCompletionSource _asked = NewAsked();
    private bool _isEnded;
    private long _end;
    private long _began;
    private bool _isAsked;
    private bool _completed;

    /// <summary>Prepares; <see cref="RunAsync"/> begins.</summary>
    public SampleInserter(IColumnStore store, WriteAheadLog log, WalCheckpoint checkpoint, LogTrim trim, CollectorOptions options, TimeProvider time, ILogger logger)
    {
        (_store, _log, _checkpoint, _trim, _options, _time, _logger) = (store, log, checkpoint, trim, options, time, logger);
        _recent = store.Recent ?? new RecentSamples();
        _end = checkpoint.Stored;
        _stored = new StoredPosition(_end);
    }

    /// <summary>Whether samples are readable before they are stored.</summary>
    public bool Gathers => _store.Recent is not null;

    /// <summary>Samples that are gathered.</summary>
    public long Gathered => _recent.Rows;

    /// <summary>Completes when there is memory for more: an insert may be under way, and the next be gathered.</summary>
    public async ValueTask RoomAsync(CancellationToken cancellation)
    {
        while (true)
        {
            Task next = _stored.NextAsync();
            if (_recent.Rows < 2L * _options.MaxGatheredSamples)
            {
                return;
            }
            await next.WaitAsync(cancellation);
        }
    }

    /// <summary>Takes the samples of a batch that is stored otherwise.</summary>
    /// <param name="run">Its samples; null when it has none.</param>
    /// <param name="end">Where it ends in the log.</param>
    public void Add(SampleRun? run, long end)
    {
        lock (_lock)
        {
            if (_end == _checkpoint.Stored)
            {
                _began = _time.GetTimestamp();
            }
            if (run is not null)
            {
                _recent.Add(run);
            }
            _end = end;
            Wake();
        }
    }

    /// <summary>Completes when the store has all samples before a position.</summary>
    public Task StoredAsync(long position)
    {
        Task reached = _stored.ReachedAsync(position);
        if (!reached.IsCompleted)
        {
            Ask();
        }
        return reached;
    }

    /// <summary>Stores what is due, until <see cref="Complete"/>, and all that is left then.</summary>
    /// <exception cref="OperationCanceledException">Given up: the log keeps what is not stored.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        _recent.Store = TriedAsync;
        try
        {
            while (UntilDue() is { } wait)
            {
                if (wait > TimeSpan.Zero || wait == Timeout.InfiniteTimeSpan)
                {
                    await _changed.WaitAsync(wait, cancellation);
                }
                else
                {
                    await StoreAsync(cancellation);
                }
            }
        }
        finally
        {
            _recent.Store = null;
            lock (_lock)
            {
                _isEnded = true;
            }
            _asked.TrySetResult();
        }
    }

    /// <summary>Stores what is gathered, however long the store is away.</summary>
    /// <exception cref="OperationCanceledException">Given up: the log keeps it.</exception>
    public async Task StoreAsync(CancellationToken cancellation)
    {
        (SampleRun[] runs, long from, long end, TaskCompletionSource asked) = Take();
        NativeBlock? block = null;
        var retry = new StoreRetry(_time);
        while (true)
        {
            try
            {
                if (runs.Length > 0)
                {
                    block ??= MetricTables.Encode(runs, _writer);
                    _checkpoint.Save(from, end);
                    await _store.InsertAsync(block.Value, $"{_log.Id:N}-{from}", CancellationToken.None);
                }
                if (end > from)
                {
                    _checkpoint.Save(end, end);
                }
                _recent.RemoveFirst(runs.Length);
                _stored.Advance(end);
                asked.TrySetResult();
                break;
            }
            catch (Exception failure) when (failure is StoreException or IOException)
            {
                LogAway(_recent.Rows, retry.Delay.TotalSeconds, failure.Message);
            }
            catch (Exception failure) when (failure is not OperationCanceledException)
            {
                // A fault of ours: loud, and tried again, for giving up would leave what was acknowledged to a log that only fills.
                LogFault(_recent.Rows, retry.Delay.TotalSeconds, failure);
            }
            // Those who asked, also meanwhile, read what there is.
            asked.TrySetResult();
            NextAsked().TrySetResult();
            await retry.WaitAsync(cancellation);
        }
        _trim.Trim();
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

    /// <summary>What is gathered still is in the log, and readable no more.</summary>
    public void Dispose()
    {
        _recent.RemoveFirst(_recent.Runs().Length);
        _writer.Dispose();
        _changed.Dispose();
    }

    private void Ask()
    {
        lock (_lock)
        {
            _isAsked = true;
            Wake();
        }
    }

    /// <summary>Completes when what is gathered now is stored, or could not be.</summary>
    private Task TriedAsync(CancellationToken cancellation)
    {
        lock (_lock)
        {
            if (_isEnded)
            {
                return Task.CompletedTask;
            }
            Ask();
            return _asked.Task.WaitAsync(cancellation);
        }
    }

    /// <summary>How long until something is to be stored; null when there will be nothing.</summary>
    private TimeSpan? UntilDue()
    {
        lock (_lock)
        {
            if (_end == _checkpoint.Stored && !_isAsked)
            {
                return _completed ? null : Timeout.InfiniteTimeSpan;
            }
            bool isDue = !Gathers || _isAsked || _completed || _recent.Rows >= _options.MaxGatheredSamples
                || _end - _checkpoint.Stored >= _options.MaxGatheredLogBytes || _log.IsHalfFull;
            TimeSpan left = _options.GatherTime - _time.GetElapsedTime(_began);
            return isDue || left < TimeSpan.Zero ? TimeSpan.Zero : left;
        }
    }

    private (SampleRun[] Runs, long From, long End, TaskCompletionSource Asked) Take()
    {
        lock (_lock)
        {
            (_isAsked, _began) = (false, _time.GetTimestamp());
            return (_recent.Runs(), _checkpoint.Stored, _end, NextAsked());
        }
    }

    /// <summary>What those wait for who have asked so far; others wait for another.</summary>
    private TaskCompletionSource NextAsked()
    {
        lock (_lock)
        {
            (TaskCompletionSource asked, _asked) = (_asked, NewAsked());
            return asked;
        }
    }

    private static TaskCompletionSource NewAsked() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>One signal is enough, however often something changes before it is looked at.</summary>
    private void Wake()
    {
        if (_changed.CurrentCount == 0)
        {
            _changed.Release();
        }
    }

    [LoggerMessage(EventName = "collector.samples.away", Level = LogLevel.Warning, Message = "The store does not take {Rows} samples, which wait in the log; next try in {Seconds} s: {Reason}")]
    private partial void LogAway(long rows, double seconds, string reason);

    [LoggerMessage(EventName = "collector.samples.fault", Level = LogLevel.Critical, Message = "{Rows} samples could not be made ready for the store and wait in the log; next try in {Seconds} s")]
    private partial void LogFault(long rows, double seconds, Exception fault);
}
