using SloEngine.Collector.Series;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Metrics;

namespace SloEngine.Collector.Ingest;

/// <summary>Points of target_info, which comes with the points of a resource's series, once a while.</summary>
internal sealed class TargetInfo(SeriesIndex index)
{
    private const long PeriodNanos = 30_000_000_000;

    private readonly Dictionary<int, long> _written = [];

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
            if (_written.TryGetValue(target, out long written) && Math.Abs(time - written) < PeriodNanos)
            {
                continue;
            }
            _written[target] = time;
            numbers.Series.Append(target);
            numbers.TimeNanos.Append(time);
            numbers.StartNanos.Append(0);
            numbers.Values.Append(1);
        }
    }
}
