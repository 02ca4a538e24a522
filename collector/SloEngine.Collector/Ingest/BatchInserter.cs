using Microsoft.Extensions.Logging;
using SloEngine.Collector.Expiry;
using SloEngine.Collector.Pipelines;
using SloEngine.Collector.Resources;
using SloEngine.Collector.Series;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Tables;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Ingest;

/// <summary>
/// Puts batches into the store, in the order of the log. The checkpoint says beforehand which stretch of the log is to go in, and every
/// insert carries a token made of that stretch's position: whatever part of it was stored before a crash is not stored again. What the taps
/// counted goes first, because the taps' baselines after a crash are the points that are stored.
/// </summary>
internal sealed partial class BatchInserter(
    IColumnStore store, WriteAheadLog log, WalCheckpoint checkpoint, SeriesIndex series, ResourceIndex resources, LogDecoder decoder, ReferenceLeases leases,
    LogTrim trim, TimeProvider time, ILogger logger)
    : IDisposable
{
    private readonly NativeWriter _descriptions = new();
    private readonly RowOrder _order = new();
    private readonly NativeWriter _histograms = new();
    private readonly NativeWriter _exponential = new();
    private readonly NativeWriter _exemplars = new();
    private readonly NativeWriter _spans = new();
    private readonly NativeWriter _logs = new();
    private readonly SignalBlocks _fromLog = new(StoreSelection.All);
    private readonly TargetInfo _targetInfo = new(series);

    /// <summary>What goes into the store of batches that are read from the log.</summary>
    public StoreSelection Selection { init => _fromLog = new SignalBlocks(value); }

    /// <summary>Stands before tokens, so that those of two readers of one log are never the same.</summary>
    public string TokenPrefix { get; init; } = "";

    /// <summary>Who takes the samples of batches; null where there are none.</summary>
    public SampleInserter? Samples { get; init; }

    /// <summary>Rows stored since the start.</summary>
    public long Stored { get; private set; }

    /// <summary>Stores a batch, however long the store is away; its end is the checkpoint's stored position from then on.</summary>
    /// <exception cref="OperationCanceledException">Given up: the log keeps the batch.</exception>
    public async Task InsertAsync(Batch batch, CancellationToken cancellation)
    {
        // For what is read from the log again; the blocks of a batch in memory hold the leases of their requests.
        int lease = leases.Take();
        try
        {
            await InsertLeasedAsync(batch, cancellation);
        }
        finally
        {
            leases.GiveBack(lease);
        }
    }

    public void Dispose()
    {
        _descriptions.Dispose();
        _order.Dispose();
        _histograms.Dispose();
        _exponential.Dispose();
        _exemplars.Dispose();
        _spans.Dispose();
        _logs.Dispose();
        _fromLog.Dispose();
    }

    private async Task InsertLeasedAsync(Batch batch, CancellationToken cancellation)
    {
        SignalBlocks? blocks = null;
        SampleRun? samples = null;
        var retry = new StoreRetry(time);
        if (Samples is not null)
        {
            await Samples.RoomAsync(cancellation);
        }
        while (true)
        {
            try
            {
                blocks ??= Prepare(batch);
                samples ??= SamplesOf(blocks);
                checkpoint.Save(batch.From, batch.To);
                await StoreAsync(blocks, batch);
                checkpoint.Save(batch.To, batch.To);
                Samples?.Add(samples, batch.To);
                trim.Trim();
                Stored += blocks.Rows;
                return;
            }
            catch (Exception failure) when (failure is StoreException or IOException)
            {
                LogAway(retry.Delay.TotalSeconds, log.Bytes, failure.Message);
            }
            catch (Exception failure) when (failure is not OperationCanceledException)
            {
                // A fault of ours: loud, and tried again, for giving up would leave what was acknowledged to a log that only fills.
                LogFault(retry.Delay.TotalSeconds, log.Bytes, failure);
            }
            await retry.WaitAsync(cancellation);
        }
    }

    private SignalBlocks Prepare(Batch batch)
    {
        SignalBlocks blocks = batch.Blocks ?? Load(batch);
        _targetInfo.AddTo(blocks.Metrics);
        return blocks;
    }

    private SampleRun? SamplesOf(SignalBlocks blocks)
    {
        SeriesTable table = series.Table;
        return blocks.Metrics.Numbers.Count == 0 ? null : SampleRun.Of(blocks.Metrics.Numbers, table.Ids, table.Scales, _order);
    }

    /// <summary>Decodes a batch from the log again; a damaged stretch is told and passed over, as at a start.</summary>
    private SignalBlocks Load(Batch batch)
    {
        _fromLog.Clear();
        long from = batch.From;
        while (from < batch.To)
        {
            try
            {
                foreach (WalRecord record in log.Read(from, batch.To))
                {
                    decoder.Decode(LogRecord.Read(record.Payload), _fromLog.Append);
                    from = record.End;
                }
                break;
            }
            catch (WalCorruptionException damage)
            {
                LogDamage(Math.Min(damage.ResumeAt, batch.To) - from, damage.Message);
                from = damage.ResumeAt;
            }
        }
        return _fromLog;
    }

    private async Task StoreAsync(SignalBlocks blocks, Batch batch)
    {
        string token = $"{TokenPrefix}{log.Id:N}-{batch.From}";
        await DescribeAsync();
        if (batch.Counts is { } counts)
        {
            await counts.SaveAsync(token);
        }
        UInt128[] ids = series.Table.Ids;
        ResourceKey[] keys = resources.Keys;
        await Task.WhenAll(
            Insert(blocks.Metrics.Histograms.Count, () => MetricTables.Encode(blocks.Metrics.Histograms, ids, _histograms)),
            Insert(blocks.Metrics.ExponentialHistograms.Count, () => MetricTables.Encode(blocks.Metrics.ExponentialHistograms, ids, _exponential)),
            Insert(blocks.Metrics.Exemplars.Count, () => MetricTables.Encode(blocks.Metrics.Exemplars, ids, _exemplars)),
            Insert(blocks.Spans.Count, () => EventTables.Encode(blocks.Spans, keys, _spans)),
            Insert(blocks.Logs.Count, () => EventTables.Encode(blocks.Logs, keys, _logs)));

        async Task Insert(int rows, Func<NativeBlock> encode)
        {
            if (rows > 0)
            {
                await store.InsertAsync(encode(), token);
            }
        }
    }

    /// <summary>
    /// Stores the descriptions of new series and resources. Without a token: a retry may bring ones met since, which the engine would take
    /// for the insert before; rows of one series collapse, so that storing one twice does no harm.
    /// </summary>
    private async Task DescribeAsync()
    {
        while (series.TakeUnsaved() is { Count: > 0 } newSeries)
        {
            try
            {
                await store.InsertAsync(SeriesRows.Encode(newSeries, time.GetUtcNow(), _descriptions));
            }
            catch
            {
                series.GiveBack(newSeries);
                throw;
            }
        }
        while (resources.TakeUnsaved() is { Count: > 0 } newResources)
        {
            try
            {
                await store.InsertAsync(SeriesRows.Encode(newResources, time.GetUtcNow(), _descriptions));
            }
            catch
            {
                resources.GiveBack(newResources);
                throw;
            }
        }
    }

    [LoggerMessage(EventName = "collector.store.away", Level = LogLevel.Warning, Message = "The store does not take data, which waits in the log ({Bytes} bytes); next try in {Seconds} s: {Reason}")]
    private partial void LogAway(double seconds, long bytes, string reason);

    [LoggerMessage(EventName = "collector.insert.fault", Level = LogLevel.Critical, Message = "A batch could not be made ready for the store and waits in the log ({Bytes} bytes); next try in {Seconds} s")]
    private partial void LogFault(double seconds, long bytes, Exception fault);

    [LoggerMessage(EventName = "collector.log.damaged", Level = LogLevel.Critical, Message = "{Bytes} bytes of the log are lost: {Reason}")]
    private partial void LogDamage(long bytes, string reason);
}
