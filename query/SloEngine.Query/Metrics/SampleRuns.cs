using SloEngine.Storage.Results;
using SloEngine.Storage.Tables;

namespace SloEngine.Query.Metrics;

/// <summary>Samples out of blocks of (id, time, ...) in any order.</summary>
internal static class SampleRuns
{
    private delegate void ValuesOf(RowRun run, Span<double> values);

    /// <summary>The series of blocks of (id, time, number, scale), each as one stretch that ascends in time; of equal times the first counts.</summary>
    public static List<SampleStretch> OfSamples(QueryResult result) => Read(
        result,
        static (run, values) => SampleValue.Decode(run.Block.Values<long>(2).Slice(run.Start, run.Length), run.Block.Values<byte>(3).Slice(run.Start, run.Length), values));

    /// <summary>The same of blocks of (id, time, value).</summary>
    public static List<SampleStretch> OfValues(QueryResult result) => Read(
        result, static (run, values) => run.Block.Values<double>(2).Slice(run.Start, run.Length).CopyTo(values));

    private static List<SampleStretch> Read(QueryResult result, ValuesOf valuesOf)
    {
        Dictionary<UInt128, List<RowRun>> byId = RowRuns.Of(result);
        var stretches = new List<SampleStretch>(byId.Count);
        foreach ((UInt128 id, List<RowRun> runs) in byId)
        {
            stretches.Add(Joined(id, runs, valuesOf));
        }
        return stretches;
    }

    private static SampleStretch Joined(UInt128 id, List<RowRun> runs, ValuesOf valuesOf)
    {
        int rows = 0;
        foreach (RowRun run in runs)
        {
            rows += run.Length;
        }
        long[] times = GC.AllocateUninitializedArray<long>(rows);
        double[] values = GC.AllocateUninitializedArray<double>(rows);
        int at = 0;
        foreach (RowRun run in runs)
        {
            run.TimesMs.CopyTo(times.AsSpan(at));
            valuesOf(run, values.AsSpan(at));
            at += run.Length;
        }
        if (!RowRuns.Overlap(runs))
        {
            return new SampleStretch(id, times, values);
        }
        int[] order = TimeOrder.Of(times);
        return new SampleStretch(id, Array.ConvertAll(order, position => times[position]), Array.ConvertAll(order, position => values[position]));
    }
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
