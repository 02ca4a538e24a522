using System.Numerics;
using System.Runtime.CompilerServices;

namespace SloEngine.PromQL.Evaluation;

/// <summary>
/// <c>rate</c>, <c>increase</c> and <c>delta</c> of a series of floats without start times, over all windows at once: a window is its two ends and the falls between
/// them, whatever its length. Windows are found one by one, and extrapolated several at a time, by the operations of <see cref="CounterFunctions"/> in their order,
/// so that results are the same to the bit.
/// </summary>
/// <param name="function">Which of the three.</param>
/// <param name="column">The samples; for counters with their falls.</param>
/// <param name="rangeMs">How long windows are.</param>
internal ref struct PlainRates(string function, Column<double> column, long rangeMs)
{
    /// <summary>Windows that are extrapolated at once: a multiple of what fits into a vector.</summary>
    private const int BlockSteps = 64;

    private readonly ReadOnlySpan<long> _times = column.TimesMs.AsSpan(0, column.Count);
    private readonly ReadOnlySpan<double> _values = column.Values.AsSpan(0, column.Count);
    private readonly ReadOnlySpan<int> _falls = column.Falls;
    private readonly bool _isCounter = function != "delta";
    private readonly bool _isRate = function == "rate";
    private int _first;
    private int _firstStride;
    private int _end;
    private int _endStride;
    private int _firstFall;

    /// <summary>Evaluates the windows that end at some times, ascending, where they hold two samples or more.</summary>
    public void Evaluate(long[] endsMs, ScannedSamples scanned, Span<double> results)
    {
        Block block = default;
        for (int start = 0; start < endsMs.Length; start += BlockSteps)
        {
            int steps = Math.Min(BlockSteps, endsMs.Length - start);
            for (int step = 0; step < steps; step++)
            {
                long endMs = endsMs[start + step];
                _end = Until(_times, endMs, _end, ref _endStride);
                _first = Until(_times[.._end], endMs - rangeMs, _first, ref _firstStride);
                if (_end > _first)
                {
                    scanned.Add(start + step, _end - _first);
                }
                block.Intervals[step] = _end - _first - 1;
                if (_end - _first < 2)
                {
                    continue;
                }
                (long firstMs, long lastMs) = (_times[_first], _times[_end - 1]);
                block.ToStartMs[step] = firstMs - (endMs - rangeMs);
                block.SampledMs[step] = lastMs - firstMs;
                block.ToEndMs[step] = endMs - lastMs;
                block.Firsts[step] = _values[_first];
                double difference = _values[_end - 1] - _values[_first];
                block.Results[step] = _isCounter ? difference + Lost() : difference;
            }
            for (int step = 0; step < steps; step += Vector<double>.Count)
            {
                Extrapolate(ref block, step);
            }
            ((ReadOnlySpan<double>)block.Results)[..steps].CopyTo(results[start..]);
        }
    }

    /// <summary>How many times are at or before one, which is no sooner than the one before: most often as many more as then.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Until(ReadOnlySpan<long> times, long untilMs, int from, ref int stride)
    {
        int guess = from + stride;
        if (guess > 0 && guess < times.Length && times[guess - 1] <= untilMs && times[guess] > untilMs)
        {
            return guess;
        }
        int found = TimeSearch.After(times, untilMs, from);
        stride = found - from;
        return found;
    }

    /// <summary>What a counter had reached before each of its falls within the window.</summary>
    private double Lost()
    {
        double lost = 0;
        while (_firstFall < _falls.Length && _falls[_firstFall] <= _first)
        {
            _firstFall++;
        }
        for (int fall = _firstFall; fall < _falls.Length && _falls[fall] < _end; fall++)
        {
            lost += _values[_falls[fall] - 1];
        }
        return lost;
    }

    /// <summary>Results of some windows, from the differences that stand in their place.</summary>
    private readonly void Extrapolate(ref Block block, int step)
    {
        var second = new Vector<double>(1000);
        Vector<double> result = Load(block.Results, step);
        Vector<double> first = Load(block.Firsts, step);
        Vector<double> intervals = Load(block.Intervals, step);
        Vector<double> sampled = Load(block.SampledMs, step) / second;
        Vector<double> toStart = Load(block.ToStartMs, step) / second;
        Vector<double> toEnd = Load(block.ToEndMs, step) / second;
        Vector<double> interval = sampled / intervals;
        Vector<double> near = interval * CounterFunctions.NearInterval;
        Vector<double> half = interval * 0.5;
        toStart = Vector.ConditionalSelect(Vector.GreaterThanOrEqual(toStart, near), half, toStart);
        toEnd = Vector.ConditionalSelect(Vector.GreaterThanOrEqual(toEnd, near), half, toEnd);
        if (_isCounter)
        {
            Vector<double> zero = sampled * (first / result);
            Vector<long> reachesZero = Vector.GreaterThan(result, Vector<double>.Zero) & Vector.GreaterThanOrEqual(first, Vector<double>.Zero) & Vector.LessThan(zero, toStart);
            toStart = Vector.ConditionalSelect(reachesZero, zero, toStart);
        }
        Vector<double> factor = Vector.ConditionalSelect(Vector.Equals(sampled, Vector<double>.Zero), Vector<double>.One, (sampled + toStart + toEnd) / sampled);
        result *= _isRate ? factor / new Vector<double>(rangeMs / 1000d) : factor;
        Vector.ConditionalSelect(Vector.GreaterThan(intervals, Vector<double>.Zero), result, new Vector<double>(Sample.Absent)).CopyTo(((Span<double>)block.Results)[step..]);
    }

    private static Vector<double> Load(ReadOnlySpan<double> column, int step) => new(column[step..]);

    /// <summary>Windows in columns.</summary>
    private struct Block
    {
        /// <summary>Samples of a window, but one.</summary>
        public Column Intervals;

        /// <summary>From the window's start to its first sample.</summary>
        public Column ToStartMs;

        /// <summary>From its first sample to its last.</summary>
        public Column SampledMs;

        /// <summary>From its last sample to its end.</summary>
        public Column ToEndMs;

        /// <summary>Values of the first samples.</summary>
        public Column Firsts;

        /// <summary>Differences of the windows' ends, and then the results.</summary>
        public Column Results;
    }

    [InlineArray(BlockSteps)]
    private struct Column
    {
        private double _number;
    }
}
