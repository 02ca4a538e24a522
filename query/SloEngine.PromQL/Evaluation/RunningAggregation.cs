using SloEngine.PromQL.Series;

namespace SloEngine.PromQL.Evaluation;

/// <summary>
/// Aggregates floats one series after the other, down their columns: of a million series no more than the groups are held. Each step takes its values in
/// the order in which the series come, as it would by itself.
/// </summary>
internal sealed class RunningAggregation(Grouping grouping, string @operator, int steps)
{
    private readonly Dictionary<Labels, Group> _groups = [];

    /// <summary>Whether an operator needs each value once.</summary>
    public static bool Knows(string @operator) => @operator is "sum" or "avg" or "count" or "group" or "min" or "max";

    public void Add(StepSeries series)
    {
        Labels labels = grouping.Of(series.Labels);
        if (!_groups.TryGetValue(labels, out Group? group))
        {
            _groups.Add(labels, group = new Group(@operator, steps));
        }
        group.DropName |= series.DropName;
        group.Add(series.Values);
    }

    public StepVector Result() => new([.. _groups.Select(static entry => new StepSeries(entry.Key, entry.Value.Result()) { DropName = entry.Value.DropName })]);

    /// <summary>A group's columns.</summary>
    private sealed class Group
    {
        private readonly string _operator;
        private readonly double[] _values;
        private readonly double[] _lost;
        private readonly double[] _counts;
        private readonly bool[] _isMean;

        public Group(string @operator, int steps)
        {
            _operator = @operator;
            _values = new double[steps];
            Array.Fill(_values, Sample.Absent);
            _lost = new double[@operator is "sum" or "avg" ? steps : 0];
            _counts = new double[@operator == "avg" ? steps : 0];
            _isMean = new bool[@operator == "avg" ? steps : 0];
        }

        public bool DropName { get; set; }

        public void Add(ReadOnlySpan<double> column)
        {
            switch (_operator)
            {
                case "sum":
                    Sum(column);
                    break;
                case "avg":
                    Average(column);
                    break;
                case "count" or "group":
                    Count(column, isGroup: _operator == "group");
                    break;
                default:
                    Extreme(column, isLeast: _operator == "min");
                    break;
            }
        }

        /// <summary>The columns' result, after which nothing is added.</summary>
        public double[] Result()
        {
            for (int step = 0; step < _lost.Length; step++)
            {
                double value = _values[step];
                if (Sample.IsAbsent(value) || (_operator == "sum" && double.IsInfinity(value)))
                {
                    continue;
                }
                bool isSum = _operator == "sum" || _isMean[step];
                _values[step] = isSum ? value + _lost[step] : (value / _counts[step]) + (_lost[step] / _counts[step]);
            }
            return _values;
        }

        private void Sum(ReadOnlySpan<double> column)
        {
            for (int step = 0; step < _values.Length; step++)
            {
                double value = column[step];
                if (!Sample.IsAbsent(value))
                {
                    (_values[step], _lost[step]) = CompensatedSum.Add(value, Sample.IsAbsent(_values[step]) ? 0 : _values[step], _lost[step]);
                }
            }
        }

        private void Count(ReadOnlySpan<double> column, bool isGroup)
        {
            for (int step = 0; step < _values.Length; step++)
            {
                if (!Sample.IsAbsent(column[step]))
                {
                    _values[step] = isGroup || Sample.IsAbsent(_values[step]) ? 1 : _values[step] + 1;
                }
            }
        }

        private void Extreme(ReadOnlySpan<double> column, bool isLeast)
        {
            for (int step = 0; step < _values.Length; step++)
            {
                (double value, double before) = (column[step], _values[step]);
                // The mark of what is absent is a NaN, too.
                if (!Sample.IsAbsent(value) && (double.IsNaN(before) || (isLeast ? value < before : value > before)))
                {
                    _values[step] = value;
                }
            }
        }

        /// <summary>Sums, or means from where a sum would overflow.</summary>
        private void Average(ReadOnlySpan<double> column)
        {
            for (int step = 0; step < _values.Length; step++)
            {
                double value = column[step];
                if (Sample.IsAbsent(value))
                {
                    continue;
                }
                double count = ++_counts[step];
                if (count == 1)
                {
                    _values[step] = value;
                    continue;
                }
                if (!_isMean[step])
                {
                    (double next, double rest) = CompensatedSum.Add(value, _values[step], _lost[step]);
                    if (!double.IsInfinity(next))
                    {
                        (_values[step], _lost[step]) = (next, rest);
                        continue;
                    }
                    _isMean[step] = true;
                    _values[step] /= count - 1;
                    _lost[step] /= count - 1;
                }
                double part = (count - 1) / count;
                (_values[step], _lost[step]) = CompensatedSum.Add(value / count, part * _values[step], part * _lost[step]);
            }
        }
    }
}
