namespace SloEngine.Collector.Ingest;

/// <summary>How long an inserter waits before it tries again what the store did not take: twice as long each time, up to a bound.</summary>
internal sealed class StoreRetry(TimeProvider time)
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    /// <summary>The next wait.</summary>
    public TimeSpan Delay { get; private set; } = TimeSpan.FromMilliseconds(50);

    /// <exception cref="OperationCanceledException">Given up.</exception>
    public async Task WaitAsync(CancellationToken cancellation)
    {
        await Task.Delay(Delay, time, cancellation);
        Delay = Delay * 2 < Longest ? Delay * 2 : Longest;
    }
}
