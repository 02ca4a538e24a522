namespace SloEngine.Collector.Limits;

/// <summary>
/// A tenant's allowance of bytes, which fills at the rate up to the burst. A request is let in while anything is left, and is then charged in
/// full: one that is larger than the burst passes too, and those after it wait until the debt is paid.
/// </summary>
internal sealed class RateLimit(TenantLimits limits, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly double _burst = limits.BurstBytes > 0 ? limits.BurstBytes : 2.0 * limits.BytesPerSecond;
    private double _left = limits.BurstBytes > 0 ? limits.BurstBytes : 2.0 * limits.BytesPerSecond;
    private long _filled = time.GetTimestamp();

    /// <summary>Whether nothing has been charged for so long that a new limit would say the same.</summary>
    public bool IsFull
    {
        get
        {
            lock (_lock)
            {
                Fill();
                return _left >= _burst;
            }
        }
    }

    /// <summary>Charges a request, or tells after which time one of this size will do.</summary>
    public bool TryTake(long bytes, out TimeSpan retryAfter)
    {
        lock (_lock)
        {
            Fill();
            if (_left > 0)
            {
                _left -= bytes;
                retryAfter = default;
                return true;
            }
            // Room for the whole request, where the burst has that: else several senders would be told the same moment, in vain.
            retryAfter = TimeSpan.FromSeconds((Math.Min(bytes, _burst) - _left) / limits.BytesPerSecond);
            return false;
        }
    }

    /// <summary>Takes back what was charged.</summary>
    public void GiveBack(long bytes)
    {
        lock (_lock)
        {
            _left = Math.Min(_burst, _left + bytes);
        }
    }

    private void Fill()
    {
        long now = time.GetTimestamp();
        _left = Math.Min(_burst, _left + (time.GetElapsedTime(_filled, now).TotalSeconds * limits.BytesPerSecond));
        _filled = now;
    }
}
