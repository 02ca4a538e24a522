using System.Buffers;
using SloEngine.PromQL.Series;
using SloEngine.Storage;

namespace SloEngine.Query.Metrics;

/// <summary>Samples of one series: chunks one after the other, of which a few at either end may be left out, and plain ones behind them.</summary>
internal sealed class PackedSamples : IPackedSamples
{
    private readonly ArraySegment<byte[]?> _chunks;
    private readonly SampleStretch _behind;
    private readonly int _skipped;
    private readonly int _packed;

    private PackedSamples(ArraySegment<byte[]?> chunks, int skipped, int packed, SampleStretch behind) =>
        (_chunks, _skipped, _packed, _behind) = (chunks, skipped, packed, behind);

    /// <inheritdoc/>
    public int Count => _packed + (_behind.TimesMs?.Length ?? 0);

    /// <summary>Plain samples.</summary>
    public static PackedSamples Of(SampleStretch plain) => new(ArraySegment<byte[]?>.Empty, 0, 0, plain);

    /// <summary>What chunks have of a range, a chunk a slot, and the samples behind them.</summary>
    public static PackedSamples Of(ArraySegment<byte[]?> chunks, long firstSlot, TimeRange range, SampleStretch behind)
    {
        int all = 0;
        foreach (byte[]? chunk in chunks)
        {
            all += SampleChunk.Count(chunk);
        }
        int skipped = range.StartMs > SlotVersions.EndMs(firstSlot - 1) ? Until(chunks[0], range.StartMs) : 0;
        int ended = range.EndMs < SlotVersions.EndMs(firstSlot + chunks.Count - 1) ? SampleChunk.Count(chunks[^1]) - Until(chunks[^1], range.EndMs) : 0;
        return new PackedSamples(chunks, skipped, Math.Max(0, all - skipped - ended), behind);
    }

    /// <inheritdoc/>
    public void Unpack(Span<long> timesMs, Span<double> values)
    {
        int at = 0;
        int skipped = _skipped;
        foreach (byte[]? chunk in _chunks)
        {
            int count = SampleChunk.Count(chunk);
            if (skipped == 0 && at + count <= _packed)
            {
                at += SampleChunk.Unpack(chunk, timesMs[at..], values[at..]);
                continue;
            }
            int taken = Math.Min(count - skipped, _packed - at);
            if (taken > 0)
            {
                Part(chunk, skipped, timesMs.Slice(at, taken), values.Slice(at, taken));
            }
            (skipped, at) = (0, at + taken);
        }
        _behind.TimesMs.CopyTo(timesMs[at..]);
        _behind.Values.CopyTo(values[at..]);
    }

    /// <summary>How many times lie at or before one.</summary>
    public static int Until(ReadOnlySpan<long> ascending, long last)
    {
        int found = ascending.BinarySearch(last);
        return found < 0 ? ~found : found + 1;
    }

    private static int Until(byte[]? chunk, long last)
    {
        int count = SampleChunk.Count(chunk);
        if (count == 0 || SampleChunk.FirstMs(chunk) > last)
        {
            return 0;
        }
        long[] times = ArrayPool<long>.Shared.Rent(count);
        SampleChunk.Times(chunk, times);
        int until = Until(times.AsSpan(0, count), last);
        ArrayPool<long>.Shared.Return(times);
        return until;
    }

    private static void Part(byte[]? chunk, int skipped, Span<long> times, Span<double> values)
    {
        int count = SampleChunk.Count(chunk);
        long[] allTimes = ArrayPool<long>.Shared.Rent(count);
        double[] allValues = ArrayPool<double>.Shared.Rent(count);
        SampleChunk.Unpack(chunk, allTimes, allValues);
        allTimes.AsSpan(skipped, times.Length).CopyTo(times);
        allValues.AsSpan(skipped, values.Length).CopyTo(values);
        ArrayPool<long>.Shared.Return(allTimes);
        ArrayPool<double>.Shared.Return(allValues);
    }
}
