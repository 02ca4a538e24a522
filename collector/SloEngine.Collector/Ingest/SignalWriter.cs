using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using SloEngine.Storage;

namespace SloEngine.Collector.Ingest;

/// <summary>
/// The one writer of a signal. Blocks that arrive while a flush runs form the next one (group commit); a request is acknowledged when
/// its flush is in the store. The write-ahead log will take this place: then "stored" comes to mean "logged".
/// </summary>
/// <typeparam name="TBlock">Block of the signal.</typeparam>
internal sealed partial class SignalWriter<TBlock> : IAsyncDisposable
    where TBlock : class, IDisposable, new()
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(50);

    private readonly Channel<Submission> _queue = Channel.CreateBounded<Submission>(new BoundedChannelOptions(4096) { SingleReader = true });
    private readonly IFlushTarget<TBlock> _target;
    private readonly CollectorOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Task _loop;
    private readonly string _process = Guid.NewGuid().ToString("N");
    private long _flushes;

    public SignalWriter(IFlushTarget<TBlock> target, CollectorOptions options, TimeProvider time, ILogger logger)
    {
        (_target, _options, _time, _logger) = (target, options, time, logger);
        _loop = Task.Run(RunAsync);
    }

    /// <summary>Hands a block over; completes when it is stored. The block is the writer's until then.</summary>
    /// <exception cref="IngestUnavailableException">It could not be stored in time.</exception>
    public async Task StoreAsync(TBlock block, CancellationToken cancellation)
    {
        var submission = new Submission(block, _time.GetTimestamp(), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        try
        {
            await _queue.Writer.WriteAsync(submission, cancellation);
        }
        catch (ChannelClosedException)
        {
            throw new IngestUnavailableException("the collector is stopping", _options.RetryAfter);
        }
        // Not cancellable from here on: the block is shared with the flush, which always ends.
        await submission.Stored.Task;
    }

    /// <summary>Flushes what is queued and stops.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _loop;
    }

    private async Task RunAsync()
    {
        using var merged = new TBlock();
        var batch = new List<Submission>();
        while (await _queue.Reader.WaitToReadAsync())
        {
            batch.Clear();
            int rows = 0;
            while (rows < _options.MaxFlushRows && _queue.Reader.TryRead(out Submission submission))
            {
                batch.Add(submission);
                rows += _target.Rows(submission.Block);
            }
            await FlushAsync(batch, merged);
        }
    }

    private async Task FlushAsync(List<Submission> batch, TBlock merged)
    {
        try
        {
            TBlock block = batch[0].Block;
            if (batch.Count > 1)
            {
                _target.Clear(merged);
                foreach (Submission submission in batch)
                {
                    _target.Append(merged, submission.Block);
                }
                block = merged;
            }
            await StoreWithRetryAsync(block, $"{_process}-{_flushes++}", batch[0].Since);
            foreach (Submission submission in batch)
            {
                submission.Stored.SetResult();
            }
        }
        catch (Exception failure)
        {
            if (failure is not IngestUnavailableException)
            {
                LogFlushFailed(_logger, typeof(TBlock).Name, failure);
            }
            foreach (Submission submission in batch)
            {
                submission.Stored.TrySetException(failure is IngestUnavailableException
                    ? failure : new IngestUnavailableException("the data could not be stored", _options.RetryAfter));
            }
        }
    }

    /// <summary>
    /// Stores a block; while the store fails, tries again under the same token, so that nothing is stored twice, until the oldest request
    /// has been held for the hold time.
    /// </summary>
    private async Task StoreWithRetryAsync(TBlock block, string token, long since)
    {
        TimeSpan delay = FirstRetry;
        while (true)
        {
            try
            {
                await _target.StoreAsync(block, token);
                return;
            }
            catch (StoreException failure)
            {
                if (_time.GetElapsedTime(since) + delay > _options.HoldTime)
                {
                    LogFlushFailed(_logger, typeof(TBlock).Name, failure);
                    throw new IngestUnavailableException("the store does not take data: " + failure.Message, _options.RetryAfter);
                }
            }
            await Task.Delay(delay, _time);
            delay *= 2;
        }
    }

    [LoggerMessage(EventName = "collector.flush.failed", Level = LogLevel.Error, Message = "A flush of {Block} failed; its senders are asked to retry")]
    private static partial void LogFlushFailed(ILogger logger, string block, Exception failure);

    private readonly record struct Submission(TBlock Block, long Since, TaskCompletionSource Stored);
}

/// <summary>Stores the blocks of one signal.</summary>
/// <typeparam name="TBlock">Block of the signal.</typeparam>
internal interface IFlushTarget<TBlock>
{
    int Rows(TBlock block);

    void Clear(TBlock block);

    void Append(TBlock into, TBlock block);

    /// <summary>Inserts the block and what it refers to, shows it to the taps, and makes durable what they counted.</summary>
    /// <exception cref="StoreException">The store failed; calling again with the same token stores nothing twice.</exception>
    Task StoreAsync(TBlock block, string token);
}
