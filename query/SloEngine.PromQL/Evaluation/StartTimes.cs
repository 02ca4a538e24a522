namespace SloEngine.PromQL.Evaluation;

/// <summary>What the times that counters began at tell about resets.</summary>
internal static class StartTimes
{
    /// <summary>Whether a counter began anew after the sample before.</summary>
    public static bool IsReset(long previousStart, long previousTime, long start, long time)
    {
        // Unknown, not valid, or OpenTelemetry's way to say that it is unknown.
        if (start == 0 || start >= time || start < previousTime)
        {
            return false;
        }
        if (start > previousTime)
        {
            return true;
        }
        // It began at the sample before: so do deltas, but also cumulative points of unknown start, whose first has no start of its own.
        return previousStart <= previousTime && previousStart != 0 && previousStart != previousTime;
    }

    /// <summary>Whether a sample counts from a time before the previous sample, yet not from where that one does.</summary>
    public static bool Overlap(long previousStart, long previousTime, long start) => start != 0 && start < previousTime && start != previousStart;
}
