using SloEngine.PromQL.Histograms;

namespace SloEngine.Query.RemoteRead;

/// <summary>Buckets as Prometheus transports them: runs of consecutive indexes, each with its distance from the end of the one before.</summary>
/// <param name="Offset">Index of the first run; gap before a further one.</param>
/// <param name="Length">Buckets of the run.</param>
internal readonly record struct HistogramSpan(int Offset, int Length)
{
    /// <summary>Runs of ascending indexes.</summary>
    public static List<HistogramSpan> Of(ReadOnlySpan<int> indexes)
    {
        var spans = new List<HistogramSpan>();
        int end = 0;
        for (int position = 0; position < indexes.Length;)
        {
            int first = position;
            do
            {
                position++;
            }
            while (position < indexes.Length && indexes[position] == indexes[position - 1] + 1);
            spans.Add(new HistogramSpan(indexes[first] - end, position - first));
            end = indexes[position - 1] + 1;
        }
        return spans;
    }

    /// <summary>Indexes that occur in any of several sides, ascending.</summary>
    public static int[] Union(IEnumerable<BucketCounts> sides)
    {
        var all = new SortedSet<int>();
        foreach (BucketCounts side in sides)
        {
            all.UnionWith(side.Indexes.ToArray());
        }
        return [.. all];
    }
}
