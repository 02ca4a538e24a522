namespace SloEngine.Slo.Ledger;

/// <summary>Times as telemetry has them: nanoseconds since the Unix epoch.</summary>
internal static class UnixNanos
{
    private const long NanosPerTick = 100;

    /// <summary>The nanoseconds of a time.</summary>
    public static long Of(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks * NanosPerTick;

    /// <summary>The time of nanoseconds, rounded down to ticks.</summary>
    public static DateTimeOffset Time(long nanos) => DateTimeOffset.UnixEpoch.AddTicks(nanos / NanosPerTick);
}
