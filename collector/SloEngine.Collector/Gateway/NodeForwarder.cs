using System.Buffers;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using Microsoft.Extensions.Logging;
using SloEngine.Collector.Ingest;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Gateway;

/// <summary>
/// Forwards one node's slices from the log, in its order, one request at a time, however long the node is away. Each request names the stretch of
/// the log that it was made of; the node remembers how far it has got, and answers a repeated one without storing it again.
/// </summary>
internal sealed partial class NodeForwarder : IAsyncDisposable
{
    /// <summary>Bytes of the log read for one forward, when most of it belongs to others.</summary>
    private const long MaxScan = 64 << 20;

    private readonly GatewayNode _node;
    private readonly ulong _key;
    private readonly WriteAheadLog _log;
    private readonly WalCheckpoint _checkpoint;
    private readonly HttpClient _http;
    private readonly GatewayOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Action _trim;
    private readonly Counter<long> _forwarded;
    private readonly Counter<long> _retries;
    private readonly Counter<long> _rejected;
    private readonly Counter<long> _keptApart;
    private readonly KeyValuePair<string, object?> _tag;
    private readonly RefusedRequests _refused;
    private readonly Random _random = new();
    private readonly SemaphoreSlim _appended = new(0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _running;
    private ArrayBufferWriter<byte> _body = new(64 << 10);
    private long _position;
    private long _oldestArrival;
    private int _frames;
    private (RequestKind Kind, string Tenant, int SliceBytes) _first;
    private int _mostBytes;
    private long _lastCheckpoint;
    private volatile string? _failure;
    private volatile string? _putBack;
    private readonly string _putBackMark;
    private long _mostSent;

    public NodeForwarder(
        GatewayNode node, WriteAheadLog log, WalCheckpoint checkpoint, HttpClient http, GatewayOptions options, Meter meter, Action trim, TimeProvider time, ILogger logger)
    {
        (_node, _log, _checkpoint, _http, _options, _trim, _time, _logger) = (node, log, checkpoint, http, options, trim, time, logger);
        _key = Rendezvous.Key(node.Name);
        _position = Math.Max(checkpoint.Stored, log.Start);
        _mostSent = log.End;
        _putBackMark = NodeQueues.PutBackMark(log.Directory, node.Name);
        _putBack = File.Exists(_putBackMark) ? File.ReadAllText(_putBackMark) : null;
        _tag = new("node", node.Name);
        _forwarded = meter.CreateCounter<long>("sloengine.gateway.forwarded_size", "By", "Bytes of slices that a node has taken.");
        _retries = meter.CreateCounter<long>("sloengine.gateway.retries", "{request}", "Forwards that were not taken, and are sent again.");
        _rejected = meter.CreateCounter<long>("sloengine.gateway.rejected_items", "{item}", "Items of acknowledged requests that a node rejected for good: its log and metrics say why.");
        _keptApart = meter.CreateCounter<long>("sloengine.gateway.kept_apart_requests", "{request}", "Slices that a node never takes, kept as files below the log.");
        _refused = new RefusedRequests(Path.Combine(log.Directory, "refused", Uri.EscapeDataString(node.Name)), time, logger);
        _mostBytes = options.MaxForwardBytes;
        _lastCheckpoint = time.GetTimestamp();
        _running = Task.Run(RunAsync);
    }

    /// <summary>
    /// Why nothing is forwarded any more, nor may be acknowledged: the node has taken more of this log than it had, which was put back from a copy, so that it takes what is new for
    /// repeated. Null while all is well. It stays so, also over restarts, until the log is moved away.
    /// </summary>
    public string? PutBack => _putBack;

    /// <summary>Everything before it is durably known to be with the node.</summary>
    public long Trimmable => _checkpoint.Stored;

    /// <summary>How far this node is, and what keeps it.</summary>
    public NodeStatus Status
    {
        get
        {
            long oldest = Volatile.Read(ref _oldestArrival);
            double age = oldest == 0 ? 0 : Math.Max(0, (_time.GetUtcNow() - DateTimeOffset.UnixEpoch.AddTicks(oldest / 100)).TotalSeconds);
            long queued = Math.Max(0, _log.End - Volatile.Read(ref _position));
            return new NodeStatus(_node.Name, _node.Url, queued, queued == 0 ? 0 : age, _failure);
        }
    }

    /// <summary>Tells it that the log has more.</summary>
    public void Wake()
    {
        if (_appended.CurrentCount == 0)
        {
            _appended.Release();
        }
    }

    /// <summary>Stops after the request under way, unless that takes long; the log keeps the rest.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        Wake();
        await _running;
        Checkpoint();
        _checkpoint.Dispose();
        _stopping.Dispose();
        _appended.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            while (!_stopping.IsCancellationRequested)
            {
                try
                {
                    await AdvanceAsync();
                }
                catch (Exception fault) when (fault is not OperationCanceledException)
                {
                    // A fault of ours, or of the disk: loud, and tried again, for giving up would leave what was acknowledged to a log that only fills.
                    _failure = fault.Message;
                    LogFault(_node.Name, fault);
                    await Task.Delay(_options.LongestRetry, _time, _stopping.Token);
                }
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // The log keeps what was not forwarded.
        }
    }

    /// <summary>Forwards the next stretch, or waits for there to be one; makes durable how far it is, from time to time.</summary>
    private async Task AdvanceAsync()
    {
        long end = _log.End;
        if (_putBack is { } why)
        {
            _failure = why;
            await Task.Delay(Timeout.InfiniteTimeSpan, _time, _stopping.Token);
        }
        else if (_position < end)
        {
            await ForwardAsync(end);
        }
        else
        {
            Volatile.Write(ref _oldestArrival, 0);
            await _appended.WaitAsync(_position > _checkpoint.Stored ? _options.CheckpointPeriod : Timeout.InfiniteTimeSpan, _stopping.Token);
        }
        if (_position > _checkpoint.Stored && _time.GetElapsedTime(_lastCheckpoint) >= _options.CheckpointPeriod)
        {
            Checkpoint();
        }
    }

    /// <summary>Forwards the next stretch, however long the node is away.</summary>
    private async Task ForwardAsync(long end)
    {
        ForwardId id = Collect(end);
        if (_body.WrittenCount == 0)
        {
            Volatile.Write(ref _position, id.To);
            return;
        }
        TimeSpan delay = _options.FirstRetry;
        long? refusedSince = null;
        while (true)
        {
            (long? position, string failure, TimeSpan? retryAfter, bool isLasting) = await SendAsync(id);
            if (_putBack is not null)
            {
                LogAway(_node.Name, _node.Url, _log.End - _position, failure);
                return;
            }
            if (position is { } reached)
            {
                if (_failure is not null)
                {
                    _failure = null;
                    LogBack(_node.Name);
                }
                _forwarded.Add(_body.WrittenCount, _tag);
                _mostBytes = (int)Math.Min(2L * _mostBytes, _options.MaxForwardBytes);
                Volatile.Write(ref _position, reached);
                return;
            }
            _retries.Add(1, _tag);
            if (isLasting && _frames > 1)
            {
                // One of them may be why: it is found by halves.
                _mostBytes = _body.WrittenCount / 2;
                return;
            }
            refusedSince = isLasting ? refusedSince ?? _time.GetTimestamp() : null;
            if (refusedSince is { } since && (_refused.IsFresh || _time.GetElapsedTime(since) >= _options.RefusalPatience) && TryKeepApart(id, failure))
            {
                _failure = null;
                Volatile.Write(ref _position, id.To);
                return;
            }
            if (_failure != failure)
            {
                _failure = failure;
                LogAway(_node.Name, _node.Url, _log.End - _position, failure);
            }
            // Half of the delay is random, so that gateways do not come back in step (Brooker, "Exponential Backoff And Jitter", 2015).
            TimeSpan wait = delay * (0.5 + (_random.NextDouble() / 2));
            await Task.Delay(retryAfter > wait ? retryAfter.Value : wait, _time, _stopping.Token);
            delay = delay * 2 < _options.LongestRetry ? delay * 2 : _options.LongestRetry;
        }
    }

    private bool TryKeepApart(ForwardId id, string failure)
    {
        var record = new LogRecord(_first.Kind, _oldestArrival, _first.Tenant, _body.WrittenMemory[^_first.SliceBytes..]);
        bool isKept = _refused.TryKeep(id.From, record, $"which node {_node.Name} never takes", failure);
        _keptApart.Add(isKept ? 1 : 0, _tag);
        return isKept;
    }

    /// <summary>Gathers this node's slices from the current position on.</summary>
    private ForwardId Collect(long end)
    {
        _body.ResetWrittenCount();
        _frames = 0;
        long from = _position;
        long to = from;
        try
        {
            foreach (WalRecord record in _log.Read(from, end))
            {
                var request = new GatewayRecord(record.Payload.Span);
                if (request.TryGetSlice(_key, out ReadOnlySpan<byte> slice))
                {
                    if (_body.WrittenCount == 0)
                    {
                        Volatile.Write(ref _oldestArrival, request.ArrivalNanos);
                        _first = (request.Kind, Encoding.UTF8.GetString(request.Tenant), slice.Length);
                    }
                    else if (_body.WrittenCount + ForwardFrame.Size(request.Tenant, slice) > _mostBytes)
                    {
                        break;
                    }
                    ForwardFrame.Write(_body, record.End, request.Kind, request.IsBound, request.Tenant, slice);
                    _frames++;
                }
                to = record.End;
                if (to - from > MaxScan)
                {
                    break;
                }
            }
        }
        catch (WalCorruptionException damage)
        {
            LogDamage(damage.ResumeAt - to, damage.Message);
            to = damage.ResumeAt;
        }
        return new ForwardId(_log.Id, from, to);
    }

    /// <summary>Sends what was gathered; tells the position from which to go on, or why the node did not take it, and whether that is for what was sent.</summary>
    private async Task<(long? Position, string Failure, TimeSpan? RetryAfter, bool IsLasting)> SendAsync(ForwardId id)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        limit.CancelAfter(_options.Timeout);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_node.Url, ForwardReceiver.Path)) { Content = new ReadOnlyMemoryContent(_body.WrittenMemory) };
        if (_node.UserInfo is { } user)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(user)));
        }
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(ForwardFrame.MediaType);
        request.Headers.Add(ForwardId.Header, id.ToString());
        try
        {
            using HttpResponseMessage response = await _http.SendAsync(request, limit.Token);
            if (response.StatusCode is HttpStatusCode.OK or HttpStatusCode.Conflict && response.Content.Headers.ContentType?.MediaType == "application/json")
            {
                ForwardAnswer? answer = await response.Content.ReadFromJsonAsync<ForwardAnswer>(limit.Token);
                return Understand(id, answer!, isOverlap: response.StatusCode == HttpStatusCode.Conflict);
            }
            string text = (await response.Content.ReadAsStringAsync(limit.Token)).Trim();
            string failure = string.Create(CultureInfo.InvariantCulture, $"{(int)response.StatusCode} {response.ReasonPhrase}: {(text.Length > 500 ? text[..500] : text)}");
            bool isLasting = response.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.RequestEntityTooLarge && response.Headers.Contains(ForwardId.Header);
            return (null, failure, response.Headers.RetryAfter?.Delta, isLasting);
        }
        catch (OperationCanceledException) when (!_stopping.IsCancellationRequested)
        {
            Renew();
            return (null, string.Create(CultureInfo.InvariantCulture, $"no answer within {_options.Timeout.TotalSeconds:0} s"), null, false);
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException or System.Text.Json.JsonException)
        {
            Renew();
            return (null, failure.Message, null, false);
        }
    }

    private (long? Position, string Failure, TimeSpan? RetryAfter, bool IsLasting) Understand(ForwardId id, ForwardAnswer answer, bool isOverlap)
    {
        _mostSent = Math.Max(_mostSent, id.To);
        if (answer.Position > _mostSent)
        {
            // Going on would lose what is logged from now on, once the log has grown to there: the node would take it for repeated.
            string why = string.Create(
                CultureInfo.InvariantCulture,
                $"node {_node.Name} has taken this log up to {answer.Position}, and it had {_mostSent}: it was put back from a copy; move {_log.Directory} away to begin a new one");
            File.WriteAllText(_putBackMark, why);
            _putBack = why;
            return (null, why, null, false);
        }
        if (answer.Rejected > 0)
        {
            _rejected.Add(answer.Rejected, _tag);
            LogRejected(_node.Name, answer.Rejected, answer.Message);
        }
        return (isOverlap ? answer.Position : Math.Max(answer.Position, id.To), "", null, false);
    }

    /// <summary>A request that failed may still be read from: it keeps its memory, and the next try has a copy.</summary>
    private void Renew()
    {
        var copy = new ArrayBufferWriter<byte>(Math.Max(1, _body.WrittenCount));
        copy.Write(_body.WrittenSpan);
        _body = copy;
    }

    private void Checkpoint()
    {
        _lastCheckpoint = _time.GetTimestamp();
        try
        {
            _checkpoint.Save(_position, _position);
            _trim();
        }
        catch (IOException failure)
        {
            LogCheckpointFailed(_node.Name, failure.Message);
        }
    }

    [LoggerMessage(EventName = "gateway.node.away", Level = LogLevel.Warning, Message = "Node {Node} ({Url}) does not take what is forwarded, which waits in the log ({Bytes} bytes): {Reason}")]
    private partial void LogAway(string node, Uri url, long bytes, string reason);

    [LoggerMessage(EventName = "gateway.node.back", Level = LogLevel.Information, Message = "Node {Node} takes what is forwarded again")]
    private partial void LogBack(string node);

    [LoggerMessage(EventName = "gateway.node.rejected", Level = LogLevel.Warning, Message = "Node {Node} rejected {Items} items for good, the first because: {Reason}")]
    private partial void LogRejected(string node, long items, string? reason);

    [LoggerMessage(EventName = "gateway.fault", Level = LogLevel.Critical, Message = "Forwarding to node {Node} failed and is tried again")]
    private partial void LogFault(string node, Exception fault);

    [LoggerMessage(EventName = "gateway.log.damaged", Level = LogLevel.Critical, Message = "{Bytes} bytes of the log are lost: {Reason}")]
    private partial void LogDamage(long bytes, string reason);

    [LoggerMessage(EventName = "gateway.checkpoint.failed", Level = LogLevel.Error, Message = "How far node {Node} is could not be written, so that the log is not trimmed: {Reason}")]
    private partial void LogCheckpointFailed(string node, string reason);
}
