using System.Diagnostics.Metrics;
using System.Globalization;
using System.Runtime.InteropServices;
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
using SloEngine.Otlp.Protobuf;
using SloEngine.Storage;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Ingest;

/// <summary>The three OTLP signals.</summary>
public enum Signal
{
    /// <summary>Metrics.</summary>
    Metrics,
    /// <summary>Logs.</summary>
    Logs,
    /// <summary>Traces.</summary>
    Traces,
}

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

    private readonly Meter _meter = new(MeterName);
    private int _disposed;
    private readonly Counter<long> _items;
    private readonly Counter<long> _exemplars;
    private readonly Counter<long> _droppedExemplars;
    private readonly Counter<long> _rejected;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _bytes;
    private readonly CollectorOptions _options;
    private readonly TimeProvider _time;
    private readonly MemoryBudget _budget;
    private readonly TenantRates _rates;
    private readonly TenantTags _tenantTags;
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
    private readonly ForwardMarks _forwards;
    private readonly WriteAheadLog _logged;
    private readonly StoredPosition _stored;
    private readonly RequestDecoders _decoders;
    private readonly CancellationTokenSource _giveUp = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _inserting;
    private readonly Task _expiring;

    /// <summary>Starts the writers of a log whose every record is in the store (<see cref="LogReplay"/>).</summary>
    /// <param name="store">Where telemetry goes.</param>
    /// <param name="log">The log.</param>
    /// <param name="checkpoint">How far the store has it.</param>
    /// <param name="taps">Who listens.</param>
    /// <param name="options">Limits and habits.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The host's log.</param>
    /// <param name="waiting">How far traces are decided, where tail sampling is configured; else null.</param>
    public OtlpIngest(
        IColumnStore store, WriteAheadLog log, WalCheckpoint checkpoint, ITelemetryTaps taps, CollectorOptions options, TimeProvider time, ILogger<OtlpIngest> logger,
        TraceWaiting? waiting = null)
    {
        (_options, _time, _logged) = (options, time, log);
        _stored = new StoredPosition(checkpoint.Stored);
        _budget = new MemoryBudget(options, time);
        (_rates, _tenantTags) = (new TenantRates(options, time), new TenantTags(options));
        _series = new SeriesIndex(options, taps, time);
        _resources = new ResourceIndex(options, time);
        Cardinality = new CardinalityReader(options, _series, _resources);
        _forwards = ForwardMarks.Open(log, time);
        _preparation = new RequestPreparation(options, _meter);
        var sampledOut = new SampledOut(_meter);
        if (waiting is not null)
        {
            var decisions = new TraceDecisions(options.Pipelines.TailTraces, options.Pipelines.SampleTraces, sampledOut);
            decisions.Keep(waiting.Kept);
            _traces = new TraceReader(store, log, checkpoint, waiting.Checkpoint, decisions, _forwards, options, time, logger);
            _meter.CreateObservableGauge("sloengine.pipeline.waiting_traces", () => decisions.Pending, "{trace}", "Traces that wait for a decision of tail sampling.");
        }
        var selection = new HeadSelection(options.Pipelines, sampledOut, leavesSpans: _traces is not null);
        _batches = new BatchQueue(options, _series, _resources, taps, _leases, time, selection, _traces);
        _fromLog = new LogDecoder(options, _series, _resources, _keys);
        _inserter = new BatchInserter(store, log, checkpoint, _series, _resources, _fromLog, _leases, _forwards, time, logger)
        {
            Selection = selection, KeptFrom = () => waiting?.Checkpoint.Stored ?? long.MaxValue,
        };
        _log = new LogWriter<Submission>(log, LogRecord.MaxHeadBytes, Take, options, time, logger);
        _decoders = new RequestDecoders(options, _series, _resources, _keys, time);
        _inserting = Task.Run(InsertAsync);
        _traces?.Start();
        _expiring = new IdleExpiry(options, _series, _resources, _batches, _leases, time).RunAsync(_stopping.Token);
        _items = _meter.CreateCounter<long>("sloengine.collector.items", "{item}", "Points, spans and log records acknowledged.");
        _exemplars = _meter.CreateCounter<long>("sloengine.collector.exemplars", "{exemplar}", "Exemplars acknowledged.");
        _droppedExemplars = _meter.CreateCounter<long>(
            "sloengine.collector.dropped_exemplars", "{exemplar}", "Exemplars dropped, whose points are kept, by tenant.");
        _rejected = _meter.CreateCounter<long>("sloengine.collector.rejected_items", "{item}", "Points, spans and log records rejected, by tenant and reason.");
        _refused = _meter.CreateCounter<long>("sloengine.collector.refused_requests", "{request}", "Requests that senders are asked to send again, by tenant and reason.");
        _bytes = _meter.CreateCounter<long>("sloengine.collector.request_size", "By", "Decompressed bytes of requests.");
        _meter.CreateObservableCounter("sloengine.collector.stored_rows", () => _inserter.Stored, "{row}", "Rows that the store has taken.");
        _meter.CreateObservableGauge("sloengine.collector.active_series", () => _series.Count, "{series}", "Series that have had points of late.");
        _meter.CreateObservableGauge("sloengine.collector.in_flight", () => _budget.Used, "By", "Bytes of requests in flight.");
        _meter.CreateObservableGauge("sloengine.collector.log.size", () => log.Bytes, "By", "Bytes in the write-ahead log.");
        _meter.CreateObservableGauge("sloengine.collector.log.lag", () => log.End - checkpoint.Stored, "By", "Bytes in the write-ahead log that the store has not confirmed.");
    }

    /// <summary>Series that have had points of late, of all tenants.</summary>
    internal int ActiveSeries => _series.Count;

    /// <summary>Resources of logs and spans.</summary>
    internal ResourceIndex Resources => _resources;

    /// <summary>Whose series they are.</summary>
    internal CardinalityReader Cardinality { get; }

    /// <inheritdoc/>
    public ValueTask<DecodeResult> IngestAsync(
        Signal signal, string tenant, ReadOnlyMemory<byte> request, Func<string, bool>? isAllowed, CancellationToken cancellation) => signal switch
    {
        Signal.Metrics => IngestAsync(_decoders.Metrics, RequestKind.Metrics, tenant, request, isAllowed, cancellation),
        Signal.Traces => IngestAsync(_decoders.Spans, RequestKind.Traces, tenant, request, isAllowed, cancellation),
        _ => IngestAsync(_decoders.Logs, RequestKind.Logs, tenant, request, isAllowed, cancellation),
    };

    /// <inheritdoc/>
    public ValueTask<DecodeResult> IngestRemoteWriteAsync(bool isVersion2, string tenant, ReadOnlyMemory<byte> request, CancellationToken cancellation) => isVersion2
        ? IngestAsync(_decoders.RemoteWrite2, RequestKind.RemoteWrite2, tenant, request, isAllowed: null, cancellation)
        : IngestAsync(_decoders.RemoteWrite1, RequestKind.RemoteWrite1, tenant, request, isAllowed: null, cancellation);

    private ValueTask<DecodeResult> IngestAsync<TBlock>(
        DecoderLane<TBlock> lane, RequestKind kind, string tenant, ReadOnlyMemory<byte> request, Func<string, bool>? isAllowed,
        CancellationToken cancellation)
        where TBlock : class, IDisposable, new() => _preparation.Concerns(kind)
            ? IngestPreparedAsync(lane, kind, tenant, request, isAllowed, cancellation)
            : IngestAsync(lane, kind, tenant, request, cancellation);

    /// <summary>The way of a request that is divided by tenants, or edited, first: all of its parts are kept or none.</summary>
    private async ValueTask<DecodeResult> IngestPreparedAsync<TBlock>(
        DecoderLane<TBlock> lane, RequestKind kind, string tenant, ReadOnlyMemory<byte> request, Func<string, bool>? isAllowed,
        CancellationToken cancellation)
        where TBlock : class, IDisposable, new()
    {
        IReadOnlyList<RequestPart> parts = _preparation.Divide(kind, tenant, request, isAllowed);
        Charge(parts);
        await _budget.AcquireAsync(request.Length, cancellation);
        var prepared = new PreparedParts();
        try
        {
            DecodeResult result = DecodeParts(lane, kind, parts, forwarded: null, prepared);
            await AppendAsync(prepared.Submissions);
            Count(prepared);
            return result;
        }
        finally
        {
            prepared.Edits.ForEach(own => _preparation.Return(own.Kind, own.Edits));
            _budget.Release(request.Length);
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

    /// <summary>Edits and decodes the parts of a request; when one is malformed, none of them is submitted.</summary>
    /// <param name="lane">Whose blocks and decoders.</param>
    /// <param name="kind">What they are as records.</param>
    /// <param name="parts">The parts.</param>
    /// <param name="forwarded">Where a gateway's log ends behind them.</param>
    /// <param name="prepared">Takes what they become.</param>
    private DecodeResult DecodeParts<TBlock>(
        DecoderLane<TBlock> lane, RequestKind kind, IReadOnlyList<RequestPart> parts, ForwardMark? forwarded, PreparedParts prepared)
        where TBlock : class, IDisposable, new()
    {
        var sum = new DecodeResult(0, 0, null);
        (int submissions, int decodedParts) = (prepared.Submissions.Count, prepared.Decoded.Count);
        try
        {
            foreach (RequestPart part in parts)
            {
                RequestPart edited = _preparation.Edit(kind, part, out SignalEdits? edits);
                prepared.Edits.Add((kind, edits));
                (Decoded decoded, Submission? submission) = Decode(lane, kind, part.Tenant, edited.Body, forwarded);
                if (submission is not null)
                {
                    prepared.Submissions.Add(submission);
                }
                prepared.Decoded.Add((kind, part.Tenant, part.Body.Length, decoded));
                // Those of remote write are of one part.
                sum = Add(sum, decoded.Result) with { Filtered = edits?.Filtered ?? default };
            }
        }
        catch
        {
            foreach (Submission submission in prepared.Submissions.Skip(submissions))
            {
                submission.Release();
                _leases.GiveBack(submission.Lease);
            }
            prepared.Submissions.RemoveRange(submissions, prepared.Submissions.Count - submissions);
            prepared.Decoded.RemoveRange(decodedParts, prepared.Decoded.Count - decodedParts);
            throw;
        }
        return sum;
    }

    private static DecodeResult Add(DecodeResult sum, DecodeResult part) =>
        new(sum.Accepted + part.Accepted, sum.Rejected + part.Rejected, sum.ErrorMessage ?? part.ErrorMessage)
        {
            Histograms = sum.Histograms + part.Histograms,
            Exemplars = sum.Exemplars + part.Exemplars,
            DroppedExemplars = sum.DroppedExemplars + part.DroppedExemplars,
            Warning = sum.Warning ?? part.Warning,
        };

    private async ValueTask<DecodeResult> IngestAsync<TBlock>(
        DecoderLane<TBlock> lane, RequestKind kind, string tenant, ReadOnlyMemory<byte> request, CancellationToken cancellation)
        where TBlock : class, IDisposable, new()
    {
        if (!_rates.TryTake(tenant, request.Length, out TimeSpan retryAfter))
        {
            throw OverRate(tenant, retryAfter);
        }
        await _budget.AcquireAsync(request.Length, cancellation);
        try
        {
            (Decoded decoded, Submission? submission) = Decode(lane, kind, tenant, request, forwarded: null);
            if (submission is not null)
            {
                await AppendAsync([submission]);
            }
            Count(decoded, SignalOf(kind), tenant, request.Length);
            return decoded.Result;
        }
        finally
        {
            _budget.Release(request.Length);
        }
    }

    /// <summary>
    /// Takes what a gateway forwards, once: a repeated forward is answered and not stored. All of it becomes durable, or nothing. Slices that are
    /// malformed, or name a tenant that their sender may not write for, are counted as rejected, since the gateway has acknowledged them. A tenant's rate was the gateway's to limit.
    /// </summary>
    /// <exception cref="IngestUnavailableException">Nothing was kept; the gateway is to retry.</exception>
    internal async ValueTask<ForwardAnswer> IngestForwardAsync(ForwardId id, List<ForwardFrame> frames, CancellationToken cancellation)
    {
        SemaphoreSlim turn = _forwards.Turn(id.Gateway, _options.RetryAfter);
        await turn.WaitAsync(cancellation);
        try
        {
            long taken = _forwards.Position(id.Gateway);
            if (id.From < taken)
            {
                return new ForwardAnswer(taken, 0, 0, null) { IsOverlap = id.To > taken };
            }
            return await TakeForwardAsync(id, frames, cancellation);
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>Completes when the store has all that was acknowledged before the call.</summary>
    /// <exception cref="TimeoutException">The store did not take it within the time.</exception>
    public Task StoredAsync(TimeSpan patience, CancellationToken cancellation) => _stored.ReachedAsync(_logged.End).WaitAsync(patience, _time, cancellation);

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
            await _stored.ReachedAsync(hold.Position).WaitAsync(patience, _time, cancellation);
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
        if (_traces is not null)
        {
            await _traces.DisposeAsync();
        }
        _inserter.Dispose();
        _fromLog.Dispose();
        _batches.Dispose();
        _decoders.Dispose();
        _giveUp.Dispose();
        _stopping.Dispose();
        _meter.Dispose();
    }

    private async ValueTask<ForwardAnswer> TakeForwardAsync(ForwardId id, List<ForwardFrame> frames, CancellationToken cancellation)
    {
        long bytes = frames.Sum(frame => (long)frame.Slice.Length);
        await _budget.AcquireAsync(bytes, cancellation);
        var prepared = new PreparedParts();
        var rejected = new List<(ForwardFrame Frame, string Reason)>();
        try
        {
            var answer = new ForwardAnswer(id.To, 0, 0, null);
            foreach (ForwardFrame frame in frames)
            {
                try
                {
                    DecodeResult result = DecodeForwarded(frame, new ForwardMark(id.Gateway, frame.End), prepared);
                    answer = answer with
                    {
                        Accepted = answer.Accepted + result.Accepted, Rejected = answer.Rejected + result.Rejected, Message = answer.Message ?? result.ErrorMessage,
                    };
                }
                catch (OtlpFormatException malformed)
                {
                    Reject(frame, "malformed", "a slice is malformed: " + malformed.Message);
                }
                catch (TenantForbiddenException forbidden)
                {
                    Reject(frame, "forbidden", forbidden.Message);
                }
            }
            await AppendAsync(prepared.Submissions);
            _forwards.Advance(new ForwardMark(id.Gateway, id.To));
            Count(prepared);
            foreach ((ForwardFrame frame, string reason) in rejected)
            {
                _rejected.Add(1, new("signal", SignalOf(frame.Kind)), _tenantTags.Of(frame.Tenant), new("reason", reason));
            }
            return answer;

            void Reject(in ForwardFrame frame, string reason, string message)
            {
                rejected.Add((frame, reason));
                answer = answer with { Rejected = answer.Rejected + 1, Message = answer.Message ?? message };
            }
        }
        finally
        {
            prepared.Edits.ForEach(own => _preparation.Return(own.Kind, own.Edits));
            _budget.Release(bytes);
        }
    }

    private DecodeResult DecodeForwarded(in ForwardFrame frame, ForwardMark mark, PreparedParts prepared) => frame.Kind switch
    {
        RequestKind.Metrics => DecodeParts(_decoders.Metrics, frame.Kind, Divide(frame), mark, prepared),
        RequestKind.RemoteWrite1 => DecodeParts(_decoders.RemoteWrite1, frame.Kind, Divide(frame), mark, prepared),
        RequestKind.RemoteWrite2 => DecodeParts(_decoders.RemoteWrite2, frame.Kind, Divide(frame), mark, prepared),
        RequestKind.Traces => DecodeParts(_decoders.Spans, frame.Kind, Divide(frame), mark, prepared),
        _ => DecodeParts(_decoders.Logs, frame.Kind, Divide(frame), mark, prepared),
    };

    /// <summary>A gateway passes on for which tenant its senders may write, and does not look at which ones resources name.</summary>
    private IReadOnlyList<RequestPart> Divide(in ForwardFrame frame)
    {
        string own = frame.Tenant;
        return _preparation.Divide(frame.Kind, own, frame.Slice, frame.IsBound ? tenant => tenant == own : null);
    }

    /// <summary>Decodes a request; without a submission when there is nothing in it to store.</summary>
    private (Decoded Decoded, Submission? Submission) Decode<TBlock>(
        DecoderLane<TBlock> lane, RequestKind kind, string tenant, ReadOnlyMemory<byte> request, ForwardMark? forwarded)
        where TBlock : class, IDisposable, new()
    {
        long arrival = (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;
        TBlock block = lane.Rent();
        int lease = _leases.Take();
        Decoded decoded;
        try
        {
            decoded = lane.Decode(tenant, request.Span, block);
        }
        catch
        {
            lane.Return(block);
            _leases.GiveBack(lease);
            throw;
        }
        int rows = decoded.Result.Accepted + decoded.Result.Exemplars;
        if (rows == 0)
        {
            lane.Return(block);
            _leases.GiveBack(lease);
            return (decoded, null);
        }
        return (decoded, new Submission(kind, tenant, arrival, request, block, rows, lane.Return) { Lease = lease, Forwarded = forwarded });
    }

    private async Task AppendAsync(List<Submission> submissions)
    {
        if (submissions.Count == 0)
        {
            return;
        }
        try
        {
            await _log.AppendAsync(CollectionsMarshal.AsSpan(submissions));
        }
        catch (IngestUnavailableException)
        {
            foreach (Submission submission in submissions)
            {
                _leases.GiveBack(submission.Lease);
            }
            throw;
        }
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

    private static string SignalOf(RequestKind kind) => kind switch
    {
        RequestKind.Logs => "logs",
        RequestKind.Traces => "traces",
        _ => "metrics",
    };

    /// <summary>Counts what the log now has.</summary>
    private void Count(PreparedParts prepared)
    {
        foreach ((RequestKind kind, string tenant, int bytes, Decoded decoded) in prepared.Decoded)
        {
            Count(decoded, SignalOf(kind), tenant, bytes);
        }
    }

    private void Count(Decoded decoded, string signal, string tenant, int bytes)
    {
        var tag = new KeyValuePair<string, object?>("signal", signal);
        _bytes.Add(bytes, tag);
        _items.Add(decoded.Result.Accepted, tag);
        if (decoded.Result.Exemplars > 0)
        {
            _exemplars.Add(decoded.Result.Exemplars);
        }
        if (decoded.Result.DroppedExemplars > 0)
        {
            _droppedExemplars.Add(decoded.Result.DroppedExemplars, _tenantTags.Of(tenant));
        }
        if (decoded.Result.Rejected > 0)
        {
            CountRejected(decoded, tag, tenant);
        }
    }

    private void CountRejected(Decoded decoded, KeyValuePair<string, object?> signal, string tenant)
    {
        KeyValuePair<string, object?> owner = _tenantTags.Of(tenant);
        // A rejected series of remote write may bring several samples, which all count; those beyond one a series count as invalid.
        int invalid = decoded.Result.Rejected - decoded.OverSeriesLimit - decoded.OverLabelLimit - decoded.OverResourceLimit;
        Count(decoded.OverSeriesLimit, "series_limit");
        Count(decoded.OverLabelLimit, "label_limit");
        Count(decoded.OverResourceLimit, "resource_limit");
        Count(invalid, "invalid");

        void Count(int items, string reason)
        {
            if (items > 0)
            {
                _rejected.Add(items, signal, owner, new("reason", reason));
            }
        }
    }

    private IngestUnavailableException OverRate(string tenant, TimeSpan retryAfter)
    {
        _refused.Add(1, _tenantTags.Of(tenant), new KeyValuePair<string, object?>("reason", "rate_limit"));
        long rate = _options.LimitsOf(tenant).BytesPerSecond;
        return new IngestUnavailableException(
            string.Create(CultureInfo.InvariantCulture, $"tenant {tenant} is over its limit of {rate} bytes a second"), retryAfter) { IsTenantLimit = true };
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

    /// <summary>What the parts of a request have become.</summary>
    private sealed class PreparedParts
    {
        /// <summary>Whose memory the edited parts are in until they are logged.</summary>
        public List<(RequestKind Kind, SignalEdits? Edits)> Edits { get; } = [];

        public List<(RequestKind Kind, string Tenant, int Bytes, Decoded Decoded)> Decoded { get; } = [];

        public List<Submission> Submissions { get; } = [];
    }
}
