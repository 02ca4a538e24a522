using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Ingest;

/// <summary>
/// The one writer of the log. Requests that come while it flushes form the next commit; between two commits lies at least the commit delay,
/// so that many small requests share one. A request is acknowledged when its commit is on the disk. Flushing blocks: it has a thread.
/// </summary>
internal sealed partial class LogWriter : IAsyncDisposable
{
    private const int MaxCommitBytes = 16 << 20;

    private readonly object _gate = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly WriteAheadLog _log;
    private readonly BatchQueue _batches;
    private readonly CollectorOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private List<Submission> _arrived = [];
    private List<Submission> _group = [];
    private readonly byte[] _head = new byte[LogRecord.MaxHeadBytes];
    private long _lastCommit;
    private bool _stopping;
    private bool _refusing;

    public LogWriter(WriteAheadLog log, BatchQueue batches, CollectorOptions options, TimeProvider time, ILogger logger)
    {
        (_log, _batches, _options, _time, _logger) = (log, batches, options, time, logger);
        _lastCommit = time.GetTimestamp();
        new Thread(Run) { Name = "ingest-log", IsBackground = true }.Start();
    }

    /// <summary>Hands a request over; completes when the log holds it.</summary>
    /// <exception cref="IngestUnavailableException">The log did not take it; the sender may retry.</exception>
    public Task AppendAsync(Submission submission)
    {
        lock (_gate)
        {
            if (!_stopping)
            {
                _arrived.Add(submission);
                if (_arrived.Count == 1)
                {
                    Monitor.Pulse(_gate);
                }
                return submission.Logged;
            }
        }
        submission.Refuse(new IngestUnavailableException("the collector is stopping", _options.RetryAfter));
        return submission.Logged;
    }

    /// <summary>Hands the parts of a request over, of which the log gets all or none; completes when it holds them.</summary>
    /// <exception cref="IngestUnavailableException">The log did not take them; the sender may retry.</exception>
    public Task AppendAsync(IReadOnlyList<Submission> parts)
    {
        for (int part = 0; part + 1 < parts.Count; part++)
        {
            parts[part].JoinsNext = true;
        }
        // Monitors are entered by one thread as often as it likes: nobody gets between the parts.
        lock (_gate)
        {
            return Task.WhenAll(parts.Select(AppendAsync).ToArray());
        }
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
                while (next < _group.Count && (next == first || _log.Staged < MaxCommitBytes || _group[next - 1].JoinsNext))
                {
                    Stage(_group[next++]);
                }
                Commit(CollectionsMarshal.AsSpan(_group)[first..next]);
                first = next;
            }
        }
        _ended.SetResult();
    }

    /// <summary>Waits for requests, then for others to share their commit, and takes them all; false when there will be none.</summary>
    private bool TakeArrived()
    {
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
        }
        TimeSpan wait = _options.CommitDelay - _time.GetElapsedTime(_lastCommit);
        if (wait > TimeSpan.Zero)
        {
            Thread.Sleep(wait);
        }
        _group.Clear();
        lock (_gate)
        {
            (_group, _arrived) = (_arrived, _group);
        }
        return true;
    }

    private void Stage(Submission submission)
    {
        int head = LogRecord.WriteHead(_head, submission.Kind, submission.ArrivalNanos, submission.Tenant);
        int before = _log.Staged;
        _log.Stage(_head.AsSpan(0, head), submission.Body.Span);
        (submission.Position, submission.End) = (before, _log.Staged);
    }

    private void Commit(ReadOnlySpan<Submission> group)
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
            foreach (Submission submission in group)
            {
                submission.Refuse(new IngestUnavailableException(full.Message, _options.RetryAfter));
            }
            return;
        }
        finally
        {
            _lastCommit = _time.GetTimestamp();
        }
        foreach (Submission submission in group)
        {
            (submission.Position, submission.End) = (start + submission.Position, start + submission.End);
        }
        // Shown to the taps first, so that whoever is told "acknowledged" finds it counted.
        _batches.Add(group);
        foreach (Submission submission in group)
        {
            submission.Acknowledge();
        }
    }

    [LoggerMessage(EventName = "collector.log.full", Level = LogLevel.Error, Message = "Senders are asked to retry: {Reason}")]
    private partial void LogRefusing(string reason);
}
