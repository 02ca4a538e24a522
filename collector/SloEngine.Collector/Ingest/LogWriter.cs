using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Ingest;

/// <summary>
/// The one writer of the log. Requests that come while it flushes form the next commit; between two commits lies at least the commit delay,
/// so that many small requests share one. A request is acknowledged when its commit is on the disk. Flushing blocks: it has a thread.
/// </summary>
/// <typeparam name="TEntry">What becomes a record.</typeparam>
internal sealed partial class LogWriter<TEntry> : IAsyncDisposable
    where TEntry : LogEntry
{
    /// <summary>Takes entries that the log now holds, in its order, before their senders are told.</summary>
    public delegate void Take(ReadOnlySpan<TEntry> logged);

    private const int MaxCommitBytes = 16 << 20;
    private const int SendersPerThread = 8;

    private readonly object _gate = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly WriteAheadLog _log;
    private readonly Take _take;
    private readonly CollectorOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private List<TEntry> _arrived = [];
    private List<TEntry> _group = [];
    private byte[] _head = [];
    private long _lastCommit;
    private bool _stopping;
    private bool _refusing;

    public LogWriter(WriteAheadLog log, Take take, CollectorOptions options, TimeProvider time, ILogger logger)
    {
        (_log, _take, _options, _time, _logger) = (log, take, options, time, logger);
        _lastCommit = time.GetTimestamp();
        new Thread(Run) { Name = "ingest-log", IsBackground = true }.Start();
    }

    /// <summary>Hands entries over; completes when the log holds all of them, and fails when it holds none.</summary>
    /// <exception cref="IngestUnavailableException">The log did not take them; the sender may retry.</exception>
    public Task AppendAsync(params ReadOnlySpan<TEntry> entries)
    {
        foreach (TEntry entry in entries[..^1])
        {
            entry.GoesWithNext = true;
        }
        lock (_gate)
        {
            if (!_stopping)
            {
                _arrived.AddRange(entries);
                Monitor.Pulse(_gate);
                return entries[^1].Logged;
            }
        }
        foreach (TEntry entry in entries)
        {
            entry.Refuse(new IngestUnavailableException("the collector is stopping", _options.RetryAfter, "stopping"));
        }
        return entries[^1].Logged;
    }

    /// <summary>Logs what was handed over and stops.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _stopping = true;
            Monitor.Pulse(_gate);
        }
        await _ended.Task;
    }

    private void Run()
    {
        while (TakeArrived())
        {
            int first = 0;
            while (first < _group.Count)
            {
                int next = first;
                while (next < _group.Count && (next == first || _log.Staged < MaxCommitBytes || _group[next - 1].GoesWithNext))
                {
                    Stage(_group[next++]);
                }
                Commit(CollectionsMarshal.AsSpan(_group)[first..next]);
                first = next;
            }
        }
        _ended.SetResult();
    }

    /// <summary>Waits until requests may share a commit again, then for the first of them if there is none yet, and takes all; false when there will be none.</summary>
    private bool TakeArrived()
    {
        TimeSpan wait = _options.CommitDelay - _time.GetElapsedTime(_lastCommit);
        if (wait > TimeSpan.Zero)
        {
            Thread.Sleep(wait);
        }
        _group.Clear();
        lock (_gate)
        {
            while (_arrived.Count == 0)
            {
                if (_stopping)
                {
                    return false;
                }
                Monitor.Wait(_gate);
            }
            (_group, _arrived) = (_arrived, _group);
        }
        return true;
    }

    private void Stage(TEntry entry)
    {
        if (_head.Length < entry.MaxHeadBytes)
        {
            _head = new byte[entry.MaxHeadBytes];
        }
        int head = entry.WriteHead(_head);
        int before = _log.Staged;
        _log.Stage(_head.AsSpan(0, head), entry.Body.Span, entry.GoesWithNext);
        (entry.Position, entry.End) = (before, _log.Staged);
    }

    private void Commit(ReadOnlySpan<TEntry> group)
    {
        long start = _log.End;
        try
        {
            _log.Commit();
            _refusing = false;
        }
        catch (WalFullException full)
        {
            if (!_refusing)
            {
                _refusing = true;
                LogRefusing(full.Message);
            }
            Tell(group, entry => entry.Refuse(new IngestUnavailableException(full.Message, _options.RetryAfter, "log")));
            return;
        }
        finally
        {
            _lastCommit = _time.GetTimestamp();
        }
        foreach (TEntry entry in group)
        {
            (entry.Position, entry.End) = (start + entry.Position, start + entry.End);
        }
        // Taken first, so that whoever is told "acknowledged" finds it counted.
        _take(group);
        Tell(group, static entry => entry.Acknowledge());
    }

    /// <summary>Tells senders, several on one thread: what follows is to write a response, which takes less than waking a thread for it.</summary>
    private static void Tell(ReadOnlySpan<TEntry> group, Action<TEntry> tell)
    {
        for (int first = 0; first < group.Length; first += SendersPerThread)
        {
            TEntry[] together = group[first..Math.Min(first + SendersPerThread, group.Length)].ToArray();
            ThreadPool.UnsafeQueueUserWorkItem(told => Array.ForEach(told, tell), together, preferLocal: false);
        }
    }

    [LoggerMessage(EventName = "collector.log.full", Level = LogLevel.Error, Message = "Senders are asked to retry: {Reason}")]
    private partial void LogRefusing(string reason);
}
