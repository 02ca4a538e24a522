using System.Collections.Concurrent;
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

    private readonly BlockingCollection<Submission> _arrived = [];
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly WriteAheadLog _log;
    private readonly BatchQueue _batches;
    private readonly CollectorOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly List<Submission> _group = [];
    private readonly byte[] _head = new byte[LogRecord.MaxHeadBytes];
    private long _lastCommit;
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
        try
        {
            _arrived.Add(submission);
        }
        catch (InvalidOperationException)
        {
            submission.Refuse(new IngestUnavailableException("the collector is stopping", _options.RetryAfter));
        }
        return submission.Logged;
    }

    /// <summary>Logs what was handed over and stops.</summary>
    public async ValueTask DisposeAsync()
    {
        _arrived.CompleteAdding();
        await _ended.Task;
        _arrived.Dispose();
    }

    private void Run()
    {
        foreach (Submission first in _arrived.GetConsumingEnumerable())
        {
            _group.Clear();
            Stage(first);
            TimeSpan wait = _options.CommitDelay - _time.GetElapsedTime(_lastCommit);
            while (_log.Staged < MaxCommitBytes && _arrived.TryTake(out Submission? next, wait > TimeSpan.Zero ? wait : TimeSpan.Zero))
            {
                Stage(next);
                wait = _options.CommitDelay - _time.GetElapsedTime(_lastCommit);
            }
            Commit();
        }
        _ended.SetResult();
    }

    private void Stage(Submission submission)
    {
        int head = LogRecord.WriteHead(_head, submission.Kind, submission.ArrivalNanos, submission.Tenant);
        int before = _log.Staged;
        _log.Stage(_head.AsSpan(0, head), submission.Body.Span);
        (submission.Position, submission.End) = (before, _log.Staged);
        _group.Add(submission);
    }

    private void Commit()
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
            foreach (Submission submission in _group)
            {
                submission.Refuse(new IngestUnavailableException(full.Message, _options.RetryAfter));
            }
            return;
        }
        finally
        {
            _lastCommit = _time.GetTimestamp();
        }
        foreach (Submission submission in _group)
        {
            (submission.Position, submission.End) = (start + submission.Position, start + submission.End);
        }
        // Shown to the taps first, so that whoever is told "acknowledged" finds it counted.
        _batches.Add(_group);
        foreach (Submission submission in _group)
        {
            submission.Acknowledge();
        }
    }

    [LoggerMessage(EventName = "collector.log.full", Level = LogLevel.Error, Message = "Senders are asked to retry: {Reason}")]
    private partial void LogRefusing(string reason);
}
