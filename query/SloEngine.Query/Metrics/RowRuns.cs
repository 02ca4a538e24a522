using SloEngine.Storage.Results;

namespace SloEngine.Query.Metrics;

/// <summary>Rows of one series that lie together in a block of (id, time, ...), ascending in time.</summary>
internal readonly record struct RowRun(ResultBlock Block, int Start, int Length, long FirstMs)
{
    public ReadOnlySpan<long> TimesMs => Block.Values<long>(1).Slice(Start, Length);
}

/// <summary>
/// Rows of series out of blocks in any order: the engine's parts are sorted by id and time, so that rows of one series lie together
/// in runs, and putting these in order costs next to nothing, where the engine would merge row by row.
/// </summary>
internal static class RowRuns
{
    /// <summary>The runs of each series, in the order of their first times.</summary>
    public static Dictionary<UInt128, List<RowRun>> Of(QueryResult result)
    {
        Dictionary<UInt128, List<RowRun>> byId = [];
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
                if (!byId.TryGetValue(ids[start], out List<RowRun>? runs))
                {
                    byId.Add(ids[start], runs = new List<RowRun>(1));
                }
                runs.Add(new RowRun(block, start, end - start, times[start]));
                start = end;
            }
        }
        foreach (List<RowRun> runs in byId.Values)
        {
            runs.Sort(static (left, right) => left.FirstMs.CompareTo(right.FirstMs));
        }
        return byId;
    }

    /// <summary>Whether runs of one series lie in each other.</summary>
    public static bool Overlap(List<RowRun> runs)
    {
        for (int index = 1; index < runs.Count; index++)
        {
            if (runs[index].FirstMs <= runs[index - 1].TimesMs[^1])
            {
                return true;
            }
        }
        return false;
    }
}
