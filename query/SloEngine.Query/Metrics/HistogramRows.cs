using SloEngine.PromQL.Series;
using SloEngine.Storage.Results;

namespace SloEngine.Query.Metrics;

/// <summary>Points of one histogram with explicit bounds, ascending in time, as blocks of (id, time, count, sum, cumulative buckets) have them.</summary>
internal sealed class HistogramRows
{
    public const string Columns = "count, sum, arrayCumSum(buckets)";

    private readonly RowRun[] _runs;

    private HistogramRows(RowRun[] runs)
    {
        _runs = runs;
        foreach (RowRun run in runs)
        {
            Count += run.Length;
        }
    }

    public int Count { get; }

    /// <summary>The histograms by id; of equal times the first counts.</summary>
    public static Dictionary<UInt128, HistogramRows> Read(QueryResult result)
    {
        Dictionary<UInt128, List<RowRun>> byId = RowRuns.Of(result);
        var histograms = new Dictionary<UInt128, HistogramRows>(byId.Count);
        foreach ((UInt128 id, List<RowRun> runs) in byId)
        {
            histograms.Add(id, new HistogramRows(RowRuns.Overlap(runs) ? OneByOne(runs) : [.. runs]));
        }
        return histograms;
    }

    /// <summary>Times and values of one of the classic series.</summary>
    public void Unpack(int part, Span<long> timesMs, Span<double> values)
    {
        int at = 0;
        foreach (RowRun run in _runs)
        {
            run.TimesMs.CopyTo(timesMs[at..]);
            Values(run, part, values.Slice(at, run.Length));
            at += run.Length;
        }
    }

    private static void Values(RowRun run, int part, Span<double> values)
    {
        ReadOnlySpan<double> sums = run.Block.Values<double>(3).Slice(run.Start, run.Length);
        if (part == ClassicPart.Sum)
        {
            sums.CopyTo(values);
            return;
        }
        ReadOnlySpan<ulong> counts = run.Block.Values<ulong>(2).Slice(run.Start, run.Length);
        ArrayColumn buckets = run.Block.Array(4);
        ReadOnlySpan<ulong> items = ((FixedColumn<ulong>)buckets.Items).Values;
        for (int row = 0; row < values.Length; row++)
        {
            values[row] = StaleMarker.Is(sums[row]) ? sums[row] : part == ClassicPart.Count ? counts[row] : UpTo(items, buckets.Row(run.Start + row), part);
        }
    }

    private static double UpTo(ReadOnlySpan<ulong> items, (int Start, int Length) row, int bucket) => row.Length == 0 ? 0 : items[row.Start + Math.Min(row.Length - 1, bucket)];

    /// <summary>Runs that lie in each other, row by row.</summary>
    private static RowRun[] OneByOne(List<RowRun> runs)
    {
        RowRun[] rows = [.. runs.SelectMany(static run => Enumerable.Range(run.Start, run.Length).Select(row => new RowRun(run.Block, row, 1, run.Block.Values<long>(1)[row])))];
        return Array.ConvertAll(TimeOrder.Of(Array.ConvertAll(rows, static row => row.FirstMs)), position => rows[position]);
    }
}

/// <summary>One classic series of a histogram.</summary>
internal sealed class ClassicSamples(HistogramRows rows, int part) : IPackedSamples
{
    public int Count => rows.Count;

    public void Unpack(Span<long> timesMs, Span<double> values) => rows.Unpack(part, timesMs, values);
}
