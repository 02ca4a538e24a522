namespace SloEngine.PromQL.Evaluation;

/// <summary>A mean of values that come one after the other: of their sum, or where that would overflow, step by step.</summary>
internal struct RunningMean
{
    private double _sum;
    private double _lost;
    private double _count;
    private bool _isMean;

    /// <summary>The mean; without meaning before the first value.</summary>
    public readonly double Value => _isMean ? _sum + _lost : (_sum / _count) + (_lost / _count);

    public void Add(double value)
    {
        _count++;
        if (_count == 1)
        {
            _sum = value;
            return;
        }
        if (!_isMean)
        {
            (double next, double rest) = CompensatedSum.Add(value, _sum, _lost);
            if (!double.IsInfinity(next))
            {
                (_sum, _lost) = (next, rest);
                return;
            }
            _isMean = true;
            _sum /= _count - 1;
            _lost /= _count - 1;
        }
        double part = (_count - 1) / _count;
        (_sum, _lost) = CompensatedSum.Add(value / _count, part * _sum, part * _lost);
    }
}
