using SloEngine.Collector.Series;
using SloEngine.Collector.Taps;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Metrics;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Tables;

namespace SloEngine.Collector.Ingest;

/// <summary>Stores metric blocks: new series first, then points, then the taps.</summary>
internal sealed class MetricFlush(IColumnStore store, SeriesIndex index, ITelemetryTaps taps, TimeProvider time) : IFlushTarget<MetricBlock>, IDisposable
{
    private const long TargetInfoPeriodNanos = 30_000_000_000;

    private readonly NativeWriter _writer = new();
    private readonly Dictionary<int, long> _targetWritten = [];
    private readonly List<int> _targetsOfFlush = [];
    private string? _token;
    private bool _shown;

    public int Rows(MetricBlock block) => block.Count;

    public void Clear(MetricBlock block) => block.Clear();

    public void Append(MetricBlock into, MetricBlock block) => into.Append(block);

    public async Task StoreAsync(MetricBlock block, string token)
    {
        if (_token != token)
        {
            BeginFlush(token);
            AddTargetInfo(block);
        }
        await SaveSeriesAsync();
        UInt128[] ids = index.Table.Ids;
        if (block.Numbers.Count > 0)
        {
            await store.InsertAsync(MetricTables.Encode(block.Numbers, ids, _writer), token);
        }
        if (block.Histograms.Count > 0)
        {
            await store.InsertAsync(MetricTables.Encode(block.Histograms, ids, _writer), token);
        }
        if (block.ExponentialHistograms.Count > 0)
        {
            await store.InsertAsync(MetricTables.Encode(block.ExponentialHistograms, ids, _writer), token);
        }
        if (!_shown)
        {
            _shown = true;
            ShowToTaps(block);
        }
        await taps.CommitAsync(CancellationToken.None);
    }

    public void Dispose() => _writer.Dispose();

    private void ShowToTaps(MetricBlock block)
    {
        using Lock.Scope batch = taps.BeginBatch();
        Show(block, index.Table.Taps);
    }

    private static void Show(MetricBlock block, ISeriesTap?[] taps)
    {
        NumberPoints numbers = block.Numbers;
        ReadOnlySpan<int> series = numbers.Series.Values;
        for (int row = 0; row < series.Length; row++)
        {
            taps[series[row]]?.Number(numbers.StartNanos[row], numbers.TimeNanos[row], numbers.Values[row]);
        }
        HistogramPoints histograms = block.Histograms;
        series = histograms.Series.Values;
        for (int row = 0; row < series.Length; row++)
        {
            taps[series[row]]?.Histogram(histograms.StartNanos[row], histograms.TimeNanos[row], histograms.Counts[row], histograms.BucketsOf(row));
        }
        series = block.ExponentialHistograms.Series.Values;
        for (int row = 0; row < series.Length; row++)
        {
            taps[series[row]]?.ExponentialHistogram(block.ExponentialHistograms, row);
        }
    }

    private void BeginFlush(string token)
    {
        if (!_shown)
        {
            // The flush before never came into the store, and its target_info neither.
            foreach (int target in _targetsOfFlush)
            {
                _targetWritten.Remove(target);
            }
        }
        _targetsOfFlush.Clear();
        (_token, _shown) = (token, false);
    }

    /// <summary>Adds a point of target_info for each resource that has not had one for a while.</summary>
    private void AddTargetInfo(MetricBlock block)
    {
        NumberPoints numbers = block.Numbers;
        AddTargetInfo(numbers.Series, numbers.TimeNanos, numbers);
        AddTargetInfo(block.Histograms.Series, block.Histograms.TimeNanos, numbers);
        AddTargetInfo(block.ExponentialHistograms.Series, block.ExponentialHistograms.TimeNanos, numbers);
    }

    private void AddTargetInfo(ColumnBuffer<int> series, ColumnBuffer<long> times, NumberPoints numbers)
    {
        int[] targets = index.Table.Targets;
        int count = series.Count;
        int last = -1;
        for (int row = 0; row < count; row++)
        {
            int target = targets[series[row]];
            if (target < 0 || target == last)
            {
                continue;
            }
            last = target;
            long time = times[row];
            // A distance, for the first point may be of a clock that is far ahead.
            if (_targetWritten.TryGetValue(target, out long written) && Math.Abs(time - written) < TargetInfoPeriodNanos)
            {
                continue;
            }
            _targetWritten[target] = time;
            _targetsOfFlush.Add(target);
            numbers.Series.Append(target);
            numbers.TimeNanos.Append(time);
            numbers.StartNanos.Append(0);
            numbers.Values.Append(1);
        }
    }

    private async Task SaveSeriesAsync()
    {
        List<SeriesDescriptor> unsaved = index.TakeUnsaved();
        if (unsaved.Count == 0)
        {
            return;
        }
        try
        {
            // Without the flush's token: a retry may bring series met since, which the engine would take for the insert before.
            // The rows of one series collapse, so that inserting one twice does no harm.
            await store.InsertAsync(SeriesRows.Encode(unsaved, time.GetUtcNow(), _writer));
        }
        catch
        {
            index.GiveBack(unsaved);
            throw;
        }
    }
}
