using Microsoft.Extensions.Logging;
using SloEngine.Collector.Cardinality;
using SloEngine.Collector.Expiry;
using SloEngine.Collector.Gateway;
using SloEngine.Collector.Limits;
using SloEngine.Collector.Pipelines;
using SloEngine.Collector.Pipelines.Tail;
using SloEngine.Collector.Resources;
using SloEngine.Collector.Series;
using SloEngine.Collector.Taps;
using SloEngine.Otlp.Common;
using SloEngine.Storage;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Ingest;

/// <summary>
/// The way of a request: decode inline, append to the write-ahead log, answer once that is on the disk; then the taps, a batch, and the
/// store. Safe for concurrent use.
/// </summary>
public sealed class OtlpIngest : ITelemetryIntake, IAsyncDisposable
{
    /// <summary>Name of the meter with the collector's own metrics.</summary>
    public const string MeterName = "SloEngine.Collector";

    /// <summary>Longest name of a tenant, in bytes of UTF-8.</summary>
    public const int MaxTenantBytes = 256;

    private readonly IngestMetrics _metrics;
    private readonly CollectorOptions _options;
    private readonly TimeProvider _time;
    private readonly MemoryBudget _budget;
    private readonly TenantRates _rates;
    private readonly SeriesIndex _series;
    private readonly ResourceIndex _resources;
    private readonly ReferenceLeases _leases = new();
    private readonly TenantKeys _keys = new();
    private readonly RequestPreparation _preparation;
    private readonly TraceReader? _traces;
    private readonly BatchQueue _batches;
    private readonly LogDecoder _fromLog;
    private readonly BatchInserter _inserter;
    private readonly LogWriter<Submission> _log;
    private readonly RequestIntake _intake;
    private readonly ForwardMarks _forwards;
    private readonly ForwardIntake _forwardIntake;
    private readonly WriteAheadLog _logged;
    private readonly StoredPosition _stored;
    private readonly SampleInserter _samples;
    private readonly RequestDecoders _decoders;
    private readonly CancellationTokenSource _giveUp = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _inserting;
    private readonly Task _insertingSamples;
    private readonly Task _expiring;
    private int _disposed;

    /// <summary>Starts the writers of a log whose every record is in the store (<see cref="LogReplay"/>).</summary>
    /// <param name="store">Where telemetry goes.</param>
    /// <param name="log">The log.</param>
    /// <param name="checkpoints">How far the store has it.</param>
    /// <param name="taps">Who listens.</param>
    /// <param name="options">Limits and habits.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The host's log.</param>
    /// <param name="waiting">How far traces are decided, where tail sampling is configured; else null.</param>
    public OtlpIngest(
        IColumnStore store, WriteAheadLog log, IngestCheckpoints checkpoints, ITelemetryTaps taps, CollectorOptions options, TimeProvider time, ILogger<OtlpIngest> logger,
        TraceWaiting? waiting = null)
    {
        (_options, _time, _logged) = (options, time, log);
        WalCheckpoint checkpoint = checkpoints.First;
        _stored = new StoredPosition(checkpoint.Stored);
        _budget = new MemoryBudget(options, time);
        _rates = new TenantRates(options, time);
        _metrics = new IngestMetrics(options);
        _series = new SeriesIndex(options, taps, time);
        _resources = new ResourceIndex(options, time);
        Cardinality = new CardinalityReader(options, _series, _resources);
        _forwards = ForwardMarks.Open(log, time);
        var trim = new LogTrim(log, _forwards, logger, checkpoint, checkpoints.Samples, waiting?.Checkpoint);
        _preparation = new RequestPreparation(options, _metrics.Meter);
        var sampledOut = new SampledOut(_metrics.Meter);
        if (waiting is not null)
        {
            var decisions = new TraceDecisions(options.Pipelines.TailTraces, options.Pipelines.SampleTraces, sampledOut);
            decisions.Keep(waiting.Kept);
            _traces = new TraceReader(store, log, checkpoint, waiting.Checkpoint, decisions, trim, options, time, logger);
            _metrics.Meter.CreateObservableGauge("sloengine.pipeline.waiting_traces", () => decisions.Pending, "{trace}", "Traces that wait for a decision of tail sampling.");
        }
        var selection = new HeadSelection(options.Pipelines, sampledOut, leavesSpans: _traces is not null);
        _batches = new BatchQueue(options, _series, _resources, taps, _leases, time, selection, _traces);
        _fromLog = new LogDecoder(options, _series, _resources, _keys);
        _samples = new SampleInserter(store, log, checkpoints.Samples, trim, options, time, logger);
        _inserter = new BatchInserter(store, log, checkpoint, _series, _resources, _fromLog, _leases, trim, time, logger)
        {
            Selection = selection, Samples = _samples, Patience = options.RefusalPatience,
        };
        _log = new LogWriter<Submission>(log, Take, options, time, logger);
        _decoders = new RequestDecoders(options, _series, _resources, _keys, time);
        _intake = new RequestIntake(_preparation, _leases, _log, options.MaxItemsPerRequest, time);
        _forwardIntake = new ForwardIntake(_forwards, _intake, _decoders, _preparation, _leases, _budget, _metrics, options);
        _inserting = Task.Run(InsertAsync);
        _insertingSamples = Task.Run(InsertSamplesAsync);
        _traces?.Start();
        _expiring = new IdleExpiry(options, _series, _resources, _batches, _leases, time).RunAsync(_stopping.Token);
        _metrics.Observe(_inserter, _samples, _series, _budget, log, checkpoints);
    }

    /// <summary>Series that have had points of late, of all tenants.</summary>
    internal int ActiveSeries => _series.Count;

    /// <summary>Resources of logs and spans.</summary>
    internal ResourceIndex Resources => _resources;

    /// <summary>Whose series they are.</summary>
    internal CardinalityReader Cardinality { get; }

    /// <inheritdoc/>
    public ValueTask<DecodeResult> IngestAsync(
        Signal signal, string tenant, RequestBytes request, Func<string, bool>? isAllowed, CancellationToken cancellation) => signal switch
    {
        Signal.Metrics => IngestAsync(_decoders.Metrics, RequestKind.Metrics, tenant, request, isAllowed, cancellation),
        Signal.Traces => IngestAsync(_decoders.Spans, RequestKind.Traces, tenant, request, isAllowed, cancellation),
        _ => IngestAsync(_decoders.Logs, RequestKind.Logs, tenant, request, isAllowed, cancellation),
    };

    /// <inheritdoc/>
    public ValueTask<DecodeResult> IngestRemoteWriteAsync(bool isVersion2, string tenant, RequestBytes request, CancellationToken cancellation) => isVersion2
        ? IngestAsync(_decoders.RemoteWrite2, RequestKind.RemoteWrite2, tenant, request, isAllowed: null, cancellation)
        : IngestAsync(_decoders.RemoteWrite1, RequestKind.RemoteWrite1, tenant, request, isAllowed: null, cancellation);

    /// <inheritdoc/>
    public void CountRefused(string tenant, string reason) => _metrics.CountRefused(tenant, reason);

    private ValueTask<DecodeResult> IngestAsync<TBlock>(
        DecoderLane<TBlock> lane, RequestKind kind, string tenant, RequestBytes request, Func<string, bool>? isAllowed,
        CancellationToken cancellation)
        where TBlock : class, IDisposable, new() => _preparation.Concerns(kind)
            ? IngestPreparedAsync(lane, kind, tenant, request, isAllowed, cancellation)
            : IngestAsync(lane, kind, tenant, request, cancellation);

    /// <summary>The way of a request that is divided by tenants, or edited, first: all of its parts are kept or none.</summary>
    private async ValueTask<DecodeResult> IngestPreparedAsync<TBlock>(
        DecoderLane<TBlock> lane, RequestKind kind, string tenant, RequestBytes request, Func<string, bool>? isAllowed,
        CancellationToken cancellation)
        where TBlock : class, IDisposable, new()
    {
        IReadOnlyList<RequestPart> parts = _preparation.Divide(kind, tenant, request.Plain, isAllowed);
        Charge(parts);
        try
        {
            await _budget.AcquireAsync(request.Bytes, cancellation);
            try
            {
                using var prepared = new PreparedParts(_preparation, _leases);
                DecodeResult result = _intake.Decode(lane, kind, parts, forwarded: null, prepared);
                await _intake.AppendAsync(prepared.TakeSubmissions());
                _metrics.Count(prepared);
                return result;
            }
            finally
            {
                _budget.Release(request.Bytes);
            }
        }
        catch (IngestUnavailableException unavailable)
        {
            foreach (RequestPart part in parts)
            {
                Refused(part.Tenant, part.Body.Length, unavailable);
            }
            throw;
        }
    }

    /// <summary>Charges each tenant for its part, or none.</summary>
    private void Charge(IReadOnlyList<RequestPart> parts)
    {
        for (int charged = 0; charged < parts.Count; charged++)
        {
            if (_rates.TryTake(parts[charged].Tenant, parts[charged].Body.Length, out TimeSpan retryAfter))
            {
                continue;
            }
            foreach (RequestPart part in parts.Take(charged))
            {
                _rates.GiveBack(part.Tenant, part.Body.Length);
            }
            throw OverRate(parts[charged].Tenant, retryAfter);
        }
    }

    private async ValueTask<DecodeResult> IngestAsync<TBlock>(
        DecoderLane<TBlock> lane, RequestKind kind, string tenant, RequestBytes request, CancellationToken cancellation)
        where TBlock : class, IDisposable, new()
    {
        if (!_rates.TryTake(tenant, request.Plain.Length, out TimeSpan retryAfter))
        {
            throw OverRate(tenant, retryAfter);
        }
        try
        {
            await _budget.AcquireAsync(request.Bytes, cancellation);
            try
            {
                (Decoded decoded, Submission? submission) = _intake.Decode(lane, kind, tenant, request, forwarded: null);
                if (submission is not null)
                {
                    await _intake.AppendAsync([submission]);
                }
                _metrics.Count(kind, tenant, request.Plain.Length, decoded);
                return decoded.Result;
            }
            finally
            {
                _budget.Release(request.Bytes);
            }
        }
        catch (IngestUnavailableException unavailable)
        {
            Refused(tenant, request.Plain.Length, unavailable);
            throw;
        }
    }

    /// <summary>A tenant is not charged for what it is to send again.</summary>
    private void Refused(string tenant, int bytes, IngestUnavailableException why)
    {
        _rates.GiveBack(tenant, bytes);
        _metrics.CountRefused(tenant, why.Reason);
    }

    private IngestUnavailableException OverRate(string tenant, TimeSpan retryAfter)
    {
        IngestUnavailableException overRate = _rates.OverRate(tenant, retryAfter);
        _metrics.CountRefused(tenant, overRate.Reason);
        return overRate;
    }

    /// <inheritdoc cref="ForwardIntake.IngestAsync"/>
    internal ValueTask<ForwardAnswer> IngestForwardAsync(ForwardId id, List<ForwardFrame> frames, CancellationToken cancellation) =>
        _forwardIntake.IngestAsync(id, frames, cancellation);

    /// <summary>Completes when all that was acknowledged before the call is found by queries.</summary>
    /// <exception cref="TimeoutException">The store did not take it within the time.</exception>
    public Task ReadableAsync(TimeSpan patience, CancellationToken cancellation) =>
        _samples.Gathers ? _stored.ReachedAsync(_logged.End).WaitAsync(patience, _time, cancellation) : StoredAsync(patience, cancellation);

    /// <summary>Completes when the store has all that was acknowledged before the call, in its tables.</summary>
    /// <exception cref="TimeoutException">The store did not take it within the time.</exception>
    public Task StoredAsync(TimeSpan patience, CancellationToken cancellation) => ReachedAsync(_logged.End, patience, cancellation);

    /// <summary>
    /// Does something between two requests, and waits until the store has all that the taps were shown before it. What they are shown after it is kept
    /// from the store until the hold is disposed.
    /// </summary>
    /// <param name="between">What is to be done; within the lock that requests are shown in.</param>
    /// <param name="patience">How long to wait.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="TimeoutException">The store did not get so far.</exception>
    public async Task<StoreHold> HoldStoreAsync(Action between, TimeSpan patience, CancellationToken cancellation)
    {
        StoreHold hold = _batches.Hold(between);
        try
        {
            await ReachedAsync(hold.Position, patience, cancellation);
            return hold;
        }
        catch
        {
            hold.Dispose();
            throw;
        }
    }

    /// <summary>Logs what is in flight, gives the store a while to take it, and stops; what it has not taken is in the log.</summary>
    public async ValueTask DisposeAsync()
    {
        // The container ends under each name what it gives out under two.
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }
        await _stopping.CancelAsync();
        await _expiring;
        await _log.DisposeAsync();
        _batches.Complete();
        _giveUp.CancelAfter(_options.StopPatience);
        await _inserting;
        _samples.Complete();
        await _insertingSamples;
        if (_traces is not null)
        {
            await _traces.DisposeAsync();
        }
        _inserter.Dispose();
        _samples.Dispose();
        _fromLog.Dispose();
        _batches.Dispose();
        _decoders.Dispose();
        _giveUp.Dispose();
        _stopping.Dispose();
        _metrics.Dispose();
    }

    /// <summary>Takes what the log now holds: what a gateway is told to be here, and what the taps have seen, is so from then on.</summary>
    private void Take(ReadOnlySpan<Submission> logged)
    {
        foreach (Submission submission in logged)
        {
            if (submission.Forwarded is { } mark)
            {
                _forwards.Advance(mark);
            }
        }
        _batches.Add(logged);
    }

    private async Task ReachedAsync(long position, TimeSpan patience, CancellationToken cancellation)
    {
        await _stored.ReachedAsync(position).WaitAsync(patience, _time, cancellation);
        await _samples.StoredAsync(position).WaitAsync(patience, _time, cancellation);
    }

    private async Task InsertSamplesAsync()
    {
        try
        {
            await _samples.RunAsync(_giveUp.Token);
        }
        catch (OperationCanceledException)
        {
            // As below.
        }
    }

    private async Task InsertAsync()
    {
        try
        {
            while (await _batches.TakeAsync(_giveUp.Token) is { } batch)
            {
                await _inserter.InsertAsync(batch, _giveUp.Token);
                _stored.Advance(batch.To);
                _batches.Release(batch);
            }
        }
        catch (OperationCanceledException)
        {
            // The store did not come back in time: the next start stores what the log holds.
        }
    }
}
