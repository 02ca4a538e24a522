namespace SloEngine.PromQL.Evaluation;

/// <summary>Search among ascending times for what is not far away.</summary>
internal static class TimeSearch
{
    /// <summary>Position behind the last time at or before one, from a position on; the sooner found the nearer it is.</summary>
    public static int After(ReadOnlySpan<long> times, long timeMs, int from)
    {
        int step = 1;
        int end = times.Length;
        while (from < end && times[from] <= timeMs)
        {
            int far = from + step;
            if (far < end && times[far] <= timeMs)
            {
                (from, step) = (far + 1, step * 2);
                continue;
            }
            (from, end, step) = (from + 1, Math.Min(far, end), 1);
        }
        return from;
    }
}
