using SloEngine.Collector.Series;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Metrics;

namespace SloEngine.Collector.Ingest;

/// <summary>Points of target_info, which comes with the points of a resource's series, once a while.</summary>
internal sealed class TargetInfo(SeriesIndex index)
{
    private const long PeriodNanos = 30_000_000_000;

    /// <summary>By reference, of which there are no more than slots; with the id, for a slot may have become another series'.</summary>
    private readonly Dictionary<int, (UInt128 Id, long Time)> _written = [];

    /// <summary>Adds a point for each resource of the block that has not had one for a while.</summary>
    public void AddTo(MetricBlock block)
    {
        NumberPoints numbers = block.Numbers;
        Add(numbers.Series, numbers.TimeNanos, numbers);
        Add(block.Histograms.Series, block.Histograms.TimeNanos, numbers);
        Add(block.ExponentialHistograms.Series, block.ExponentialHistograms.TimeNanos, numbers);
    }

    private void Add(ColumnBuffer<int> series, ColumnBuffer<long> times, NumberPoints numbers)
    {
        SeriesTable table = index.Table;
        int[] targets = table.Targets;
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
            if (_written.TryGetValue(target, out (UInt128 Id, long Time) written) && written.Id == table.Ids[target] && Math.Abs(time - written.Time) < PeriodNanos)
            {
                continue;
            }
            _written[target] = (table.Ids[target], time);
            numbers.Series.Append(target);
            numbers.TimeNanos.Append(time);
            numbers.StartNanos.Append(0);
            numbers.Values.Append(1);
        }
    }
}
