namespace SloEngine.Server.Backtesting;

/// <summary>One kind of stored telemetry over a stretch of time, oldest first, that is shown step by step.</summary>
/// <param name="times">When each row came, in nanoseconds since the epoch, ascending.</param>
internal abstract class StoredStretch(long[] times)
{
    private int _shown;

    /// <summary>When each row came.</summary>
    protected long[] Times => times;

    /// <summary>The rows up to a time that were not asked for before.</summary>
    public Range Until(long nanos)
    {
        int from = _shown;
        while (_shown < times.Length && times[_shown] <= nanos)
        {
            _shown++;
        }
        return from.._shown;
    }

    /// <summary>Shows rows to one of the backtests, within a batch of its ledger.</summary>
    public abstract void Show(Range rows, ReplayedBacktest to);
}
