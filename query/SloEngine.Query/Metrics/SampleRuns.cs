using SloEngine.Storage.Results;

namespace SloEngine.Query.Metrics;

/// <summary>
/// Samples out of blocks of (id, time, value) in any order: the engine's parts are sorted by id and time, so that rows of one series lie together
/// in runs, and putting these in order costs next to nothing, where the engine would merge row by row.
/// </summary>
internal static class SampleRuns
{
    /// <summary>The series, each as one stretch that ascends in time; of equal times the first counts.</summary>
    public static List<SampleStretch> Read(QueryResult result)
    {
        Dictionary<UInt128, List<Run>> byId = [];
        foreach (ResultBlock block in result.Blocks)
        {
            ReadOnlySpan<UInt128> ids = block.Values<UInt128>(0);
            ReadOnlySpan<long> times = block.Values<long>(1);
            for (int start = 0; start < ids.Length;)
            {
                int end = start + 1;
                while (end < ids.Length && ids[end] == ids[start] && times[end] > times[end - 1])
                {
                    end++;
                }
                if (!byId.TryGetValue(ids[start], out List<Run>? runs))
                {
                    byId.Add(ids[start], runs = []);
                }
                runs.Add(new Run(block, start, end - start, times[start], times[end - 1]));
                start = end;
            }
        }
        var stretches = new List<SampleStretch>(byId.Count);
        foreach ((UInt128 id, List<Run> runs) in byId)
        {
            runs.Sort(static (left, right) => left.FirstMs.CompareTo(right.FirstMs));
            stretches.Add(Joined(id, runs));
        }
        return stretches;
    }

    private static SampleStretch Joined(UInt128 id, List<Run> runs)
    {
        int rows = 0;
        bool overlap = false;
        for (int index = 0; index < runs.Count; index++)
        {
            rows += runs[index].Length;
            overlap |= index > 0 && runs[index].FirstMs <= runs[index - 1].LastMs;
        }
        long[] times = GC.AllocateUninitializedArray<long>(rows);
        double[] values = GC.AllocateUninitializedArray<double>(rows);
        int at = 0;
        foreach (Run run in runs)
        {
            run.Block.Values<long>(1).Slice(run.Start, run.Length).CopyTo(times.AsSpan(at));
            run.Block.Values<double>(2).Slice(run.Start, run.Length).CopyTo(values.AsSpan(at));
            at += run.Length;
        }
        if (!overlap)
        {
            return new SampleStretch(id, times, values);
        }
        int[] order = TimeOrder.Of(times);
        return new SampleStretch(id, Array.ConvertAll(order, position => times[position]), Array.ConvertAll(order, position => values[position]));
    }

    /// <summary>Rows of one series, ascending in time.</summary>
    private readonly record struct Run(ResultBlock Block, int Start, int Length, long FirstMs, long LastMs);
}

/// <summary>Samples of one stored series, ascending in time.</summary>
internal readonly record struct SampleStretch(UInt128 Id, long[] TimesMs, double[] Values)
{
    /// <summary>Those of a range.</summary>
    public SampleStretch Within(TimeRange range)
    {
        int from = PackedSamples.Until(TimesMs, range.StartMs);
        int until = PackedSamples.Until(TimesMs, range.EndMs);
        return from == 0 && until == TimesMs?.Length ? this : until > from ? new SampleStretch(Id, TimesMs![from..until], Values[from..until]) : default;
    }
}
