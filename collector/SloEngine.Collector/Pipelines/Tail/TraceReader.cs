using Microsoft.Extensions.Logging;
using SloEngine.Collector.Expiry;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Resources;
using SloEngine.Collector.Series;
using SloEngine.Otlp.Traces;
using SloEngine.Storage;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Pipelines.Tail;

/// <summary>
/// A second reader of the log, behind the first by the decision wait: it stores the spans, which the first one leaves to it, of the traces that
/// are kept. It has a checkpoint of its own, and the log keeps what lies behind it: spans that wait are as durable as when they were
/// acknowledged, and take no memory. After a crash they wait on, from the log.
/// </summary>
internal sealed class TraceReader : IAsyncDisposable
{
    private const long MarkPeriodNanos = 250_000_000;
    private const int MarkBytes = 4 << 20;

    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(500);

    private readonly IColumnStore _store;
    private readonly WriteAheadLog _log;
    private readonly WalCheckpoint _first;
    private readonly WalCheckpoint _own;
    private readonly LogTrim _trim;
    private readonly CollectorOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly TimeSpan _wait;
    private readonly Lock _lock = new();
    private readonly Queue<(long End, long ArrivalNanos)> _marks = [];
    private readonly CancellationTokenSource _stopping = new();
    private (long End, long ArrivalNanos, long BeganNanos)? _open;
    private LogDecoder _decoder = null!;
    private BatchInserter _inserter = null!;
    private long _inserterMade;
    private Task _running = Task.CompletedTask;

    /// <summary>Reads what waits in the log.</summary>
    /// <param name="store">Where spans go.</param>
    /// <param name="log">The log.</param>
    /// <param name="first">How far the first reader is, which this one does not overtake.</param>
    /// <param name="own">How far this one is.</param>
    /// <param name="decisions">What is kept.</param>
    /// <param name="trim">Trims the log.</param>
    /// <param name="options">Habits.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The host's log.</param>
    public TraceReader(
        IColumnStore store, WriteAheadLog log, WalCheckpoint first, WalCheckpoint own, TraceDecisions decisions, LogTrim trim, CollectorOptions options, TimeProvider time,
        ILogger logger)
    {
        (_store, _log, _first, _own, Decisions, _trim, _options, _time, _logger) = (store, log, first, own, decisions, trim, options, time, logger);
        _wait = options.Pipelines.TailTraces?.DecisionWait ?? TimeSpan.Zero;
        MakeInserter();
        ReadWaiting();
    }

    public TraceDecisions Decisions { get; }

    /// <summary>Begins to store what is due.</summary>
    public void Start() => _running = Task.Run(() => RunAsync(_stopping.Token));

    /// <summary>Takes note of requests that the log has got, in its order.</summary>
    public void Logged(ReadOnlySpan<Submission> submissions)
    {
        foreach (Submission submission in submissions)
        {
            if (submission.Block is SpanBlock spans)
            {
                Decisions.Observe(spans);
            }
            Mark(submission.End, submission.ArrivalNanos);
        }
    }

    /// <summary>Stores all there is, due or not, up to where the first reader is.</summary>
    public async Task DrainAsync(CancellationToken cancellation)
    {
        await StoreAsync(_own.Intent, cancellation);
        while (_own.Stored < _first.Stored)
        {
            await StoreAsync(Due(isHurried: true) is var to && to > _own.Stored ? to : _first.Stored, cancellation);
        }
    }

    /// <summary>Stops; what waits is in the log.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        _inserter.Dispose();
        _decoder.Dispose();
        _stopping.Dispose();
    }

    private async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            // What may have been inserted before a crash goes in as the same stretch, under the same token.
            await StoreAsync(_own.Intent, cancellation);
            using var timer = new PeriodicTimer(Period, _time);
            while (await timer.WaitForNextTickAsync(cancellation))
            {
                while (Due(Decisions.IsFull || _log.IsHalfFull) is var to && to > _own.Stored)
                {
                    await StoreAsync(to, cancellation);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // What waits is in the log.
        }
    }

    private async Task StoreAsync(long to, CancellationToken cancellation)
    {
        if (to <= _own.Stored)
        {
            return;
        }
        if (_time.GetElapsedTime(_inserterMade) > _options.SeriesIdle)
        {
            _inserter.Dispose();
            _decoder.Dispose();
            MakeInserter();
        }
        await _inserter.InsertAsync(new Batch(_own.Stored, null, _time.GetTimestamp()) { To = to }, cancellation);
    }

    /// <summary>End of the next stretch whose traces have been waited for; no further than the first reader is.</summary>
    private long Due(bool isHurried)
    {
        long before = Nanos(_time.GetUtcNow() - _wait);
        long from = _own.Stored;
        long to = from;
        lock (_lock)
        {
            while (_marks.TryPeek(out (long End, long ArrivalNanos) mark) && IsDue(mark.End, mark.ArrivalNanos))
            {
                to = Math.Max(to, mark.End);
                _marks.Dequeue();
            }
            if (_marks.Count == 0 && _open is { } open && IsDue(open.End, open.ArrivalNanos))
            {
                to = Math.Max(to, open.End);
                _open = null;
            }
        }
        return to;

        bool IsDue(long end, long arrivalNanos) =>
            end <= _first.Stored && (isHurried || arrivalNanos <= before) && (to == from || end - from <= _options.MaxBatchBytes);
    }

    /// <summary>Notes where a record ends; records that came close to each other share a mark.</summary>
    private void Mark(long end, long arrivalNanos)
    {
        lock (_lock)
        {
            if (_open is { } open && (arrivalNanos - open.BeganNanos > MarkPeriodNanos || end - open.End > MarkBytes))
            {
                _marks.Enqueue((open.End, open.ArrivalNanos));
                _open = null;
            }
            _open = (end, Math.Max(arrivalNanos, _open?.ArrivalNanos ?? 0), _open?.BeganNanos ?? arrivalNanos);
        }
    }

    private void ReadWaiting()
    {
        long from = _own.Stored;
        while (from < _log.End)
        {
            try
            {
                foreach (WalRecord record in _log.Read(from, _log.End))
                {
                    LogRecord request = LogRecord.Read(record.Payload);
                    _decoder.Decode(request, block => Decisions.Observe((SpanBlock)block));
                    from = record.End;
                    Mark(from, request.ArrivalNanos);
                }
                return;
            }
            catch (WalCorruptionException damage)
            {
                // The inserter tells of it when it gets there.
                from = damage.ResumeAt;
                Mark(from, Nanos(_time.GetUtcNow()));
            }
        }
    }

    /// <summary>With indexes of its own, which are made anew now and then in place of an expiry of what is idle.</summary>
    private void MakeInserter()
    {
        var series = new SeriesIndex(_options, new SilentTaps(), _time);
        var resources = new ResourceIndex(_options, _time);
        _decoder = new LogDecoder(_options, series, resources, new TenantKeys()) { Only = Signal.Traces };
        _inserter = new BatchInserter(_store, _log, _own, series, resources, _decoder, new ReferenceLeases(), _trim, _time, _logger)
        {
            Selection = Decisions, TokenPrefix = "traces-", Patience = _options.RefusalPatience,
        };
        _inserterMade = _time.GetTimestamp();
    }

    private static long Nanos(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks * 100;
}
