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
        private readonly RunningMean[] _means;

        public Group(string @operator, int steps)
        {
            _operator = @operator;
            _values = new double[steps];
            Array.Fill(_values, Sample.Absent);
            _lost = new double[@operator == "sum" ? steps : 0];
            _means = new RunningMean[@operator == "avg" ? steps : 0];
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
            for (int step = 0; step < _values.Length; step++)
            {
                if (Sample.IsAbsent(_values[step]))
                {
                    continue;
                }
                if (_operator == "avg")
                {
                    _values[step] = _means[step].Value;
                }
                else if (_operator == "sum" && !double.IsInfinity(_values[step]))
                {
                    _values[step] += _lost[step];
                }
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

        private void Average(ReadOnlySpan<double> column)
        {
            for (int step = 0; step < _values.Length; step++)
            {
                if (!Sample.IsAbsent(column[step]))
                {
                    // There is one; which, the mean knows.
                    _values[step] = 0;
                    _means[step].Add(column[step]);
                }
            }
        }
    }
}
