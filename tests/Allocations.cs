namespace SloEngine;

/// <summary>What code allocates on this thread.</summary>
internal static class Allocations
{
    private const int Rounds = 3;

    /// <summary>
    /// Bytes that a round allocates: the least of a few, since a collection amid one counts what it leaves of the thread's allocation context, up to
    /// 8 kB, too.
    /// </summary>
    public static long Of(Action round)
    {
        long least = long.MaxValue;
        for (int turn = 0; turn < Rounds; turn++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            round();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return least;
    }
}
