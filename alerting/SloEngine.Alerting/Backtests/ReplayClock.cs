namespace SloEngine.Alerting.Backtests;

/// <summary>The time that history has got to.</summary>
internal sealed class ReplayClock(DateTimeOffset now) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = now;

    public override DateTimeOffset GetUtcNow() => Now;
}
