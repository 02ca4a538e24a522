using System.Buffers;
using System.Runtime.CompilerServices;
using SloEngine.Otlp.Metrics;
using SloEngine.Storage.Native;

namespace SloEngine.Storage.Tables;

/// <summary>
/// Samples in the order of their table, by hour, series and time: what a series has of an hour is a stretch, which has its id once. The memory is
/// pooled, and given back by <see cref="Dispose"/>.
/// </summary>
public sealed class SampleRun : IDisposable
{
    /// <summary>The table of samples lies hour by hour.</summary>
    internal const long HourMs = 3_600_000;

    private const int NanosPerMilli = 1_000_000;

    private const long HourNanos = HourMs * NanosPerMilli;

    private readonly bool _hasStarts;
    private UInt128[] _ids;
    private int[] _ends;
    private long[] _times;
    private long[] _starts;
    private long[] _numbers;
    private byte[] _scales;

    private SampleRun(int rows, bool hasStarts)
    {
        (Count, _hasStarts) = (rows, hasStarts);
        (_ids, _ends) = ([], ArrayPool<int>.Shared.Rent(Math.Min(rows, 1024)));
        (_times, _numbers, _scales) = (ArrayPool<long>.Shared.Rent(rows), ArrayPool<long>.Shared.Rent(rows), ArrayPool<byte>.Shared.Rent(rows));
        _starts = hasStarts ? ArrayPool<long>.Shared.Rent(rows) : [];
    }

    /// <summary>Number of samples.</summary>
    public int Count { get; }

    /// <summary>Number of stretches.</summary>
    public int Stretches { get; private set; }

    /// <summary>The time they are of.</summary>
    public RowTimes Times { get; private set; }

    /// <summary>The series of each stretch.</summary>
    public ReadOnlySpan<UInt128> Ids => _ids.AsSpan(0, Stretches);

    /// <summary>Where each stretch ends, counted in samples.</summary>
    public ReadOnlySpan<int> Ends => _ends.AsSpan(0, Stretches);

    /// <summary>The time of each sample, in Unix milliseconds.</summary>
    public ReadOnlySpan<long> TimesMs => _times.AsSpan(0, Count);

    /// <summary>When what each sample counts began, in Unix milliseconds, 0 where it is not known; empty when it is of none.</summary>
    public ReadOnlySpan<long> StartsMs => _hasStarts ? _starts.AsSpan(0, Count) : [];

    /// <summary>The value of each sample, under its scale (<see cref="SampleValue"/>).</summary>
    public ReadOnlySpan<long> Numbers => _numbers.AsSpan(0, Count);

    /// <summary>The scale of each number.</summary>
    public ReadOnlySpan<byte> Scales => _scales.AsSpan(0, Count);

    /// <summary>Puts samples in order.</summary>
    /// <param name="points">The samples.</param>
    /// <param name="seriesIds">The id of each series reference.</param>
    /// <param name="scales">The scale that the numbers of each series have had; 0 before its first. It is kept up, so that what follows has the same scale.</param>
    /// <param name="order">Where the order is found.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are none.</exception>
    public static SampleRun Of(NumberPoints points, ReadOnlySpan<UInt128> seriesIds, Span<byte> scales, RowOrder order)
    {
        ArgumentOutOfRangeException.ThrowIfZero(points.Count);
        ReadOnlySpan<int> series = points.Series.Values;
        int[] ranks = ArrayPool<int>.Shared.Rent(seriesIds.Length);
        int distinct = RowOrder.Rank(series, seriesIds, ranks);
        var run = new SampleRun(points.Count, points.StartNanos.Values.ContainsAnyExcept(0)) { Times = RowTimes.Of(points.TimeNanos.Values) };
        int[] seriesOfStretch = ArrayPool<int>.Shared.Rent(points.Count);
        // Where a series has many samples of an hour, each goes to its place at once; where it has few of many hours, a sort finds their order first.
        if (run.Hours * (double)distinct <= points.Count)
        {
            run.Scatter(points, ranks, distinct, seriesOfStretch);
        }
        else
        {
            run.Gather(points, ranks, distinct, order, seriesOfStretch);
        }
        run.Finish(seriesIds, seriesOfStretch, scales);
        ArrayPool<int>.Shared.Return(seriesOfStretch);
        ArrayPool<int>.Shared.Return(ranks);
        return run;
    }

    /// <summary>Where a stretch begins, counted in samples.</summary>
    public int StartOf(int stretch) => stretch == 0 ? 0 : _ends[stretch - 1];

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_times.Length > 0)
        {
            ArrayPool<UInt128>.Shared.Return(_ids);
            ArrayPool<int>.Shared.Return(_ends);
            ArrayPool<long>.Shared.Return(_times);
            ArrayPool<long>.Shared.Return(_numbers);
            ArrayPool<byte>.Shared.Return(_scales);
        }
        if (_starts.Length > 0)
        {
            ArrayPool<long>.Shared.Return(_starts);
        }
        (_ids, _ends, _times, _starts, _numbers, _scales) = ([], [], [], [], [], []);
    }

    internal long[] TimeColumn => _times;

    internal long[] StartColumn => _starts;

    internal long[] NumberColumn => _numbers;

    internal byte[] ScaleColumn => _scales;

    private long FirstHour => Times.FirstMs / HourMs;

    private long Hours => (Times.LastMs / HourMs) - FirstHour + 1;

    /// <summary>The place of an hour and a series among all of them.</summary>
    private static ulong GroupOf(long nanos, int rank, long firstHour, int distinct) => ((ulong)((nanos / HourNanos) - firstHour) * (ulong)distinct) + (ulong)rank;

    /// <summary>Counts the samples of each series and hour, so that their places are known, and puts each at the next place of its series and hour.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Scatter(NumberPoints points, ReadOnlySpan<int> ranks, int distinct, Span<int> seriesOfStretch)
    {
        ReadOnlySpan<int> series = points.Series.Values;
        ReadOnlySpan<long> nanos = points.TimeNanos.Values;
        ReadOnlySpan<long> starts = points.StartNanos.Values;
        ReadOnlySpan<double> values = points.Values.Values;
        int groups = (int)Hours * distinct;
        int[] groupOfRow = ArrayPool<int>.Shared.Rent(Count);
        int[] places = ArrayPool<int>.Shared.Rent(groups);
        int[] named = ArrayPool<int>.Shared.Rent(groups);
        Span<int> next = places.AsSpan(0, groups);
        next.Clear();
        long firstHour = FirstHour;
        for (int row = 0; row < series.Length; row++)
        {
            int group = (int)GroupOf(nanos[row], ranks[series[row]], firstHour, distinct);
            groupOfRow[row] = group;
            named[group] = series[row];
            next[group]++;
        }
        int place = 0;
        for (int group = 0; group < groups; group++)
        {
            int rows = next[group];
            next[group] = place;
            place += rows;
            if (rows > 0)
            {
                seriesOfStretch[Stretches] = named[group];
                End(place);
            }
        }
        Span<long> times = _times.AsSpan(0, Count);
        Span<long> numbers = _numbers.AsSpan(0, Count);
        for (int row = 0; row < nanos.Length; row++)
        {
            int at = next[groupOfRow[row]]++;
            times[at] = nanos[row] / NanosPerMilli;
            numbers[at] = BitConverter.DoubleToInt64Bits(values[row]);
            if (_hasStarts)
            {
                _starts[at] = starts[row] / NanosPerMilli;
            }
        }
        ArrayPool<int>.Shared.Return(groupOfRow);
        ArrayPool<int>.Shared.Return(places);
        ArrayPool<int>.Shared.Return(named);
    }

    /// <summary>Sorts by hour and series, and takes the samples in that order.</summary>
    private void Gather(NumberPoints points, ReadOnlySpan<int> ranks, int distinct, RowOrder order, Span<int> seriesOfStretch)
    {
        ReadOnlySpan<int> series = points.Series.Values;
        ReadOnlySpan<long> nanos = points.TimeNanos.Values;
        Span<ulong> keys = order.Keys(Count);
        for (int row = 0; row < keys.Length; row++)
        {
            keys[row] = GroupOf(nanos[row], ranks[series[row]], FirstHour, distinct);
        }
        order.Clear();
        order.Sort();
        ulong last = ulong.MaxValue;
        for (int position = 0; position < keys.Length; position++)
        {
            int row = order[position];
            ulong group = GroupOf(nanos[row], ranks[series[row]], FirstHour, distinct);
            if (position > 0 && group != last)
            {
                End(position);
            }
            seriesOfStretch[Stretches] = series[row];
            last = group;
            _times[position] = nanos[row] / NanosPerMilli;
            _numbers[position] = BitConverter.DoubleToInt64Bits(points.Values.Values[row]);
            if (_hasStarts)
            {
                _starts[position] = points.StartNanos.Values[row] / NanosPerMilli;
            }
        }
        End(Count);
    }

    private void End(int end)
    {
        if (Stretches == _ends.Length)
        {
            int[] grown = ArrayPool<int>.Shared.Rent(Stretches * 2);
            _ends.CopyTo(grown, 0);
            ArrayPool<int>.Shared.Return(_ends);
            _ends = grown;
        }
        _ends[Stretches++] = end;
    }

    /// <summary>Orders the few stretches whose samples did not come in the order of their times, and finds the numbers of values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Finish(ReadOnlySpan<UInt128> seriesIds, ReadOnlySpan<int> seriesOfStretch, Span<byte> ofSeries)
    {
        _ids = ArrayPool<UInt128>.Shared.Rent(Stretches);
        Span<byte> scales = _scales.AsSpan(0, Count);
        scales.Clear();
        int start = 0;
        for (int stretch = 0; stretch < Stretches; stretch++)
        {
            int end = _ends[stretch];
            _ids[stretch] = seriesIds[seriesOfStretch[stretch]];
            for (int row = start + 1; row < end; row++)
            {
                if (_times[row] < _times[row - 1])
                {
                    SortByTime(start, end);
                    break;
                }
            }
            ref byte scale = ref ofSeries[seriesOfStretch[stretch]];
            foreach (ref long number in _numbers.AsSpan(start, end - start))
            {
                double value = BitConverter.Int64BitsToDouble(number);
                number = scale == 0 && SampleValue.IsWhole(value, out long whole) ? whole : SampleValue.Encode(value, ref scale, out scales[start]);
                start++;
            }
        }
    }

    /// <summary>Samples of equal times stay as they came.</summary>
    private void SortByTime(int start, int end)
    {
        long[] times = _times[start..end];
        int[] order = [.. Enumerable.Range(0, times.Length)];
        Array.Sort(order, (left, right) => times[left] != times[right] ? times[left].CompareTo(times[right]) : left.CompareTo(right));
        Reorder(_times);
        Reorder(_numbers);
        if (_hasStarts)
        {
            Reorder(_starts);
        }

        void Reorder(long[] column)
        {
            long[] before = column[start..end];
            for (int position = 0; position < order.Length; position++)
            {
                column[start + position] = before[order[position]];
            }
        }
    }
}
