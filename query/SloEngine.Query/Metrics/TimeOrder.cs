namespace SloEngine.Query.Metrics;

/// <summary>The order of samples in time.</summary>
internal static class TimeOrder
{
    public static bool IsAscending(ReadOnlySpan<long> times)
    {
        for (int index = 1; index < times.Length; index++)
        {
            if (times[index] <= times[index - 1])
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>Positions in the order of their times, of equal times the first alone.</summary>
    public static int[] Of(long[] times)
    {
        int[] order = [.. Enumerable.Range(0, times.Length)];
        if (!IsAscending(times))
        {
            // Positions break ties.
            Array.Sort(order, (left, right) => times[left] != times[right] ? times[left].CompareTo(times[right]) : left.CompareTo(right));
        }
        int kept = 0;
        foreach (int position in order)
        {
            if (kept == 0 || times[position] != times[order[kept - 1]])
            {
                order[kept++] = position;
            }
        }
        return order[..kept];
    }
}
