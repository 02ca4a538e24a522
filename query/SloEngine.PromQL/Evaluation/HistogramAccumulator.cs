using SloEngine.PromQL.Histograms;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Sum or average of histograms; what rounding loses is kept. An average whose sum would overflow goes on step by step.</summary>
internal sealed class HistogramAccumulator(bool average)
{
    private FloatHistogram? _sum;
    private FloatHistogram? _lost;
    private double _count;
    private bool _stepwise;
    private bool _resetSeen;
    private bool _noResetSeen;

    /// <summary>Whether some are marked as resets and others as none.</summary>
    public bool HintsCollide => _resetSeen && _noResetSeen;

    /// <summary>Whether custom bounds differed.</summary>
    public bool BoundsReconciled { get; private set; }

    /// <summary>Adds a histogram; false if it cannot be combined with those before.</summary>
    public bool TryAdd(FloatHistogram histogram)
    {
        _resetSeen |= histogram.Hint == CounterResetHint.Reset;
        _noResetSeen |= histogram.Hint == CounterResetHint.NotReset;
        _count++;
        if (_sum is null)
        {
            _sum = histogram;
            return true;
        }
        if (!HistogramArithmetic.Fit(_sum, histogram))
        {
            return false;
        }
        if (!_stepwise)
        {
            HistogramSum sum = HistogramArithmetic.Accumulate(_sum, histogram, _lost);
            BoundsReconciled |= sum.BoundsReconciled;
            if (!average || !sum.Sum.HasOverflow)
            {
                (_sum, _lost) = (sum.Sum, sum.Lost);
                return true;
            }
            _stepwise = true;
            _sum = _sum.DividedBy(_count - 1);
            _lost = _lost?.DividedBy(_count - 1);
        }
        double part = (_count - 1) / _count;
        HistogramSum step = HistogramArithmetic.Accumulate(_sum.Times(part), histogram.DividedBy(_count), _lost?.Times(part));
        BoundsReconciled |= step.BoundsReconciled;
        (_sum, _lost) = (step.Sum, step.Lost);
        return true;
    }

    /// <summary>The result of at least one histogram.</summary>
    public FloatHistogram Result()
    {
        FloatHistogram sum = _sum!;
        FloatHistogram? lost = _lost;
        if (average && !_stepwise)
        {
            sum = sum.DividedBy(_count);
            lost = lost?.DividedBy(_count);
        }
        // A reset among them would be found in what is lost, too: only the sum's hint counts.
        return lost is null ? sum : HistogramArithmetic.Add(sum, lost with { Hint = sum.Hint }).Sum;
    }
}
