using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;

namespace SloEngine.PromQL.Testing;

/// <summary>
/// Series in memory, for tests of queries and rules. Counter histograms get the hints that a store would give them: it compares each with
/// the one before when it is written, so that readers need not.
/// </summary>
/// <param name="otherLabel">Another name of a label that a matcher names, or null where it has none.</param>
public sealed class MemorySeries(Func<string, string?>? otherLabel = null) : ISeriesSource
{
    private const int MinSchema = -4;
    private const int MaxSchema = 8;

    private readonly Dictionary<Labels, Stored> _series = [];
    private readonly LabelAliases _aliases = new(otherLabel);

    /// <summary>Removes everything.</summary>
    public void Clear() => _series.Clear();

    /// <summary>Adds a sample; times of a series must rise.</summary>
    /// <param name="labels">Labels of the series.</param>
    /// <param name="timeMs">Time.</param>
    /// <param name="value">Float or histogram.</param>
    /// <param name="startTimeMs">When counting began; 0 if unknown.</param>
    /// <exception cref="ArgumentException">There is a later sample already, or another one of this time.</exception>
    public void Add(Labels labels, long timeMs, SequenceValue value, long startTimeMs = 0)
    {
        if (!_series.TryGetValue(labels, out Stored? stored))
        {
            _series.Add(labels, stored = new Stored(labels));
        }
        if (value.Histogram is { IsCustom: false, Schema: < MinSchema or > MaxSchema })
        {
            throw new ArgumentException($"histogram has an invalid schema {value.Histogram.Schema}");
        }
        stored.Add(timeMs, value.Value, value.Histogram, startTimeMs);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<SeriesData>> SelectAsync(SeriesSelection selection, CancellationToken cancellation)
    {
        (string Label, LabelPattern Pattern)[] patterns = [.. selection.Matchers.Select(matcher => (matcher.Label, LabelPattern.Of(matcher)))];
        var found = new List<SeriesData>();
        foreach (Stored stored in _series.Values)
        {
            if (Array.TrueForAll(patterns, pattern => pattern.Pattern.Matches(_aliases.Of(stored.Labels, pattern.Label)))
                && stored.Between(selection.StartMs, selection.EndMs) is { } data)
            {
                found.Add(data);
            }
        }
        found.Sort(static (left, right) => left.Labels.CompareTo(right.Labels));
        return ValueTask.FromResult<IReadOnlyList<SeriesData>>(found);
    }

    private sealed class Stored(Labels labels)
    {
        private readonly List<long> _times = [];
        private readonly List<double> _values = [];
        private readonly List<FloatHistogram?> _histograms = [];
        private readonly List<long> _startTimes = [];

        public Labels Labels { get; } = labels;

        public void Add(long timeMs, double value, FloatHistogram? histogram, long startTimeMs)
        {
            if (_times.Count > 0 && timeMs <= _times[^1])
            {
                bool same = timeMs == _times[^1] && histogram is null && _histograms[^1] is null && value.Equals(_values[^1]);
                if (same)
                {
                    return;
                }
                throw new ArgumentException(timeMs == _times[^1] ? "duplicate sample for timestamp" : "out of order sample");
            }
            _times.Add(timeMs);
            _startTimes.Add(startTimeMs);
            _values.Add(histogram is null ? value : 0);
            _histograms.Add(histogram is null ? null : Hinted(histogram));
        }

        public SeriesData? Between(long afterMs, long untilMs)
        {
            int first = _times.BinarySearch(afterMs);
            first = first < 0 ? ~first : first + 1;
            int end = _times.BinarySearch(untilMs);
            end = end < 0 ? ~end : end + 1;
            if (first >= end)
            {
                return null;
            }
            List<FloatHistogram?> histograms = _histograms[first..end];
            List<long> starts = _startTimes[first..end];
            return new SeriesData
            {
                Labels = Labels,
                TimesMs = [.. _times[first..end]],
                Values = [.. _values[first..end]],
                Histograms = histograms.Exists(static histogram => histogram is not null) ? [.. histograms] : null,
                StartTimesMs = starts.Exists(static start => start != 0) ? [.. starts] : null,
            };
        }

        /// <summary>
        /// The first histogram after something else keeps its hint; a further counter is marked as no reset, unless it is one, or its layout
        /// differs so that only its reader can tell.
        /// </summary>
        private FloatHistogram Hinted(FloatHistogram histogram)
        {
            FloatHistogram? previous = _histograms.Count > 0 ? _histograms[^1] : null;
            if (histogram.Hint is CounterResetHint.Gauge or CounterResetHint.Reset)
            {
                return histogram;
            }
            if (previous is null || previous.Hint == CounterResetHint.Gauge)
            {
                return histogram with { Hint = CounterResetHint.Unknown };
            }
            FloatHistogram unmarked = histogram with { Hint = CounterResetHint.Unknown };
            bool sameLayout = histogram.Schema == previous.Schema && histogram.ZeroThreshold == previous.ZeroThreshold
                && histogram.CustomBounds.AsSpan().SequenceEqual(previous.CustomBounds);
            if (histogram.Count >= previous.Count && !sameLayout)
            {
                return unmarked;
            }
            return histogram with { Hint = HistogramReset.Between(previous, unmarked) ? CounterResetHint.Reset : CounterResetHint.NotReset };
        }
    }
}
