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
    private readonly NativeWriter _floatHistograms = new();
    private readonly NativeWriter _exemplars = new();
    private readonly NativeWriter _spans = new();
    private readonly NativeWriter _logs = new();
    private readonly SignalBlocks _fromLog = new(StoreSelection.All);
    private readonly SignalBlocks _part = new(StoreSelection.All);
    private readonly RefusedRequests _refused = new(Path.Combine(log.Directory, "refused"), time, logger);
    private readonly TargetInfo _targetInfo = new(series);

    /// <summary>What goes into the store of batches that are read from the log.</summary>
    public StoreSelection Selection { init => (_fromLog, _part) = (new SignalBlocks(value), new SignalBlocks(value)); }

    /// <summary>Stands before tokens, so that those of two readers of one log are never the same.</summary>
    public string TokenPrefix { get; init; } = "";

    /// <summary>Who takes the samples of batches; null where there are none.</summary>
    public SampleInserter? Samples { get; init; }

    /// <summary>How long rows that are refused for what they are are tried as a whole before parts of them are tried.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Requests that were kept apart since the start.</summary>
    public long RefusedRequests => _refused.Count;

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
        _floatHistograms.Dispose();
        _exemplars.Dispose();
        _spans.Dispose();
        _logs.Dispose();
        _fromLog.Dispose();
        _part.Dispose();
    }

    private async Task InsertLeasedAsync(Batch batch, CancellationToken cancellation)
    {
        SignalBlocks? blocks = null;
        SampleRun? samples = null;
        var tables = new TableOutcomes();
        var retry = new StoreRetry(time);
        long? faultySince = null;
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
                await StoreAsync(blocks, batch, tables);
                if (tables.Fault is { } fault)
                {
                    faultySince ??= time.GetTimestamp();
                    if (time.GetElapsedTime(faultySince.Value) < Patience && !_refused.IsFresh)
                    {
                        throw fault;
                    }
                    await StoreInPartsAsync(batch, tables.Refused.Keys);
                }
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

    /// <summary>Decodes a batch from the log again.</summary>
    private SignalBlocks Load(Batch batch)
    {
        _fromLog.Clear();
        foreach (WalRecord record in RecordsOf(batch.From, batch.To))
        {
            decoder.Decode(LogRecord.Read(record.Payload), _fromLog.Append);
        }
        return _fromLog;
    }

    /// <summary>The records of a stretch; a damaged part of it is told and passed over, as at a start.</summary>
    private IEnumerable<WalRecord> RecordsOf(long from, long to)
    {
        while (from < to)
        {
            using IEnumerator<WalRecord> records = log.Read(from, to).GetEnumerator();
            while (true)
            {
                try
                {
                    if (!records.MoveNext())
                    {
                        yield break;
                    }
                }
                catch (WalCorruptionException damage)
                {
                    LogDamage(Math.Min(damage.ResumeAt, to) - from, damage.Message);
                    from = damage.ResumeAt;
                    break;
                }
                from = records.Current.End;
                yield return records.Current;
            }
        }
    }

    /// <summary>Stores what a batch holds beside samples, as one insert a table; which were refused for what they hold, <paramref name="tables"/> says.</summary>
    private async Task StoreAsync(SignalBlocks blocks, Batch batch, TableOutcomes tables)
    {
        string token = $"{TokenPrefix}{log.Id:N}-{batch.From}";
        await DescribeAsync();
        if (batch.Counts is { } counts)
        {
            await counts.SaveAsync(token);
        }
        tables.Refused.Clear();
        await InsertAsync(blocks, token, tables, table => !tables.Stored.Contains(table));
    }

    private Task InsertAsync(SignalBlocks blocks, string token, TableOutcomes tables, Func<string, bool> goesInto)
    {
        UInt128[] ids = series.Table.Ids;
        ResourceKey[] keys = resources.Keys;
        return Task.WhenAll(
            Insert("histograms", blocks.Metrics.Histograms.Count, () => MetricTables.Encode(blocks.Metrics.Histograms, ids, _histograms)),
            Insert("exponential_histograms", blocks.Metrics.ExponentialHistograms.Count, () => MetricTables.Encode(blocks.Metrics.ExponentialHistograms, ids, _exponential)),
            Insert("float_histograms", blocks.Metrics.FloatHistograms.Count, () => MetricTables.Encode(blocks.Metrics.FloatHistograms, ids, _floatHistograms)),
            Insert("exemplars", blocks.Metrics.Exemplars.Count, () => MetricTables.Encode(blocks.Metrics.Exemplars, ids, _exemplars)),
            Insert("spans", blocks.Spans.Count, () => EventTables.Encode(blocks.Spans, keys, _spans)),
            Insert("logs", blocks.Logs.Count, () => EventTables.Encode(blocks.Logs, keys, _logs)));

        async Task Insert(string table, int rows, Func<NativeBlock> encode)
        {
            if (rows == 0 || !goesInto(table))
            {
                return;
            }
            try
            {
                await store.InsertAsync(encode(), token);
                tables.Add(table, fault: null);
            }
            catch (Exception fault) when (IsOfTheRows(fault))
            {
                tables.Add(table, fault);
            }
        }
    }

    /// <summary>
    /// Stores a batch in halves, and those in halves, in the tables that refuse its rows as a whole; a request that is refused alone is kept apart. Each stretch has a token of its own,
    /// which it would have again after a crash.
    /// </summary>
    private async Task StoreInPartsAsync(Batch batch, IReadOnlyCollection<string> refusing)
    {
        (long From, long To)[] records = [.. RecordsOf(batch.From, batch.To).Select(record => (record.Position, record.End))];
        var parts = new Stack<(int First, int Count, IReadOnlyCollection<string> Tables)>();
        Halve(0, records.Length, refusing);
        while (parts.TryPop(out (int First, int Count, IReadOnlyCollection<string> Tables) part))
        {
            long from = records[part.First].From;
            long to = records[part.First + part.Count - 1].To;
            _part.Clear();
            LogRecord last = default;
            foreach (WalRecord record in RecordsOf(from, to))
            {
                last = LogRecord.Read(record.Payload);
                decoder.Decode(last, _part.Append);
            }
            var outcomes = new TableOutcomes();
            await InsertAsync(_part, $"{TokenPrefix}{log.Id:N}-{from}-{to}", outcomes, part.Tables.Contains);
            if (outcomes.Fault is not { } fault)
            {
                continue;
            }
            if (part.Count > 1)
            {
                Halve(part.First, part.Count, outcomes.Refused.Keys);
            }
            else if (!_refused.TryKeep(
                         from, last, $"rows of which the store never takes into {string.Join(", ", outcomes.Refused.Keys)}, and has the others", fault.ToString()))
            {
                throw fault;
            }
        }

        void Halve(int first, int count, IReadOnlyCollection<string> tables)
        {
            int half = count - (count / 2);
            parts.Push((first, half, tables));
            if (count > half)
            {
                parts.Push((first + half, count - half, tables));
            }
        }
    }

    /// <summary>Whether it would fail again for what the rows are, and not for how the store is: a fault of ours, or one of the engine's codes that say so.</summary>
    private static bool IsOfTheRows(Exception fault) => fault switch
    {
        StoreException store => store.IsOfTheRows,
        IOException or UnauthorizedAccessException or OperationCanceledException or OutOfMemoryException => false,
        _ => true,
    };

    /// <summary>Which tables have taken their rows of a batch, and which have refused them for what they are.</summary>
    private sealed class TableOutcomes
    {
        private readonly Lock _lock = new();

        public HashSet<string> Stored { get; } = new(StringComparer.Ordinal);

        public Dictionary<string, Exception> Refused { get; } = new(StringComparer.Ordinal);

        /// <summary>Why the first of them was refused; null when none was.</summary>
        public Exception? Fault => Refused.Count == 0 ? null : Refused.Values.First();

        public void Add(string table, Exception? fault)
        {
            lock (_lock)
            {
                if (fault is null)
                {
                    Stored.Add(table);
                }
                else
                {
                    Refused[table] = fault;
                }
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
