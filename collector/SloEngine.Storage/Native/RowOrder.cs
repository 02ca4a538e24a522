using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SloEngine.Storage.Native;

/// <summary>
/// The order in which the rows of a block are written: ascending by a key of 64 bits, rows of one key as they came. The engine sorts each
/// insert by its table's key, every column of it, unless the rows come sorted; here one pass over the keys does, as the columns are copied
/// anyway. An order that is not quite the table's costs time and nothing else: the engine sorts again. A loop over a
/// million rows runs about once a second, which is too seldom to be compiled anew by being called often: such are compiled to the full at once. Not thread-safe.
/// </summary>
public sealed class RowOrder : IDisposable
{
    private const int DigitBits = 11;
    private const int Digits = 1 << DigitBits;

    /// <summary>Below it a comparing sort is quicker.</summary>
    private const int FewRows = 256;

    private readonly int[] _starts = new int[Digits];
    private ulong[] _keys = [];
    private ulong[] _otherKeys = [];
    private int[] _rows = [];
    private int[] _otherRows = [];
    private int _count;

    /// <summary>Whether rows are written in another order than the one in which they came.</summary>
    public bool IsSet { get; private set; }

    /// <summary>The rows in the order of their keys, once that is set.</summary>
    public ReadOnlySpan<int> Rows => _rows.AsSpan(0, _count);

    /// <summary>Which row is written as the one at <paramref name="position"/>.</summary>
    public int this[int position] => IsSet ? _rows[position] : position;

    /// <summary>Gives each thing that rows name its place among those that are named; equal ones share it.</summary>
    /// <param name="rows">What each row names.</param>
    /// <param name="keys">What things are sorted by.</param>
    /// <param name="ranks">Takes the place of each that is named; at least as long as the keys.</param>
    /// <param name="compare">Compares keys; null for their own order, which is quicker.</param>
    /// <returns>Number of places.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static int Rank<TKey>(ReadOnlySpan<int> rows, ReadOnlySpan<TKey> keys, Span<int> ranks, Comparison<TKey>? compare = null)
    {
        ranks[..keys.Length].Fill(-1);
        var named = new List<int>();
        foreach (int thing in rows)
        {
            if (ranks[thing] < 0)
            {
                ranks[thing] = 0;
                named.Add(thing);
            }
        }
        var sorted = new TKey[named.Count];
        for (int index = 0; index < sorted.Length; index++)
        {
            sorted[index] = keys[named[index]];
        }
        Span<int> things = CollectionsMarshal.AsSpan(named);
        if (compare is null)
        {
            sorted.AsSpan().Sort(things);
        }
        else
        {
            sorted.AsSpan().Sort(things, compare);
        }
        compare ??= Comparer<TKey>.Default.Compare;
        int rank = 0;
        for (int index = 1; index < sorted.Length; index++)
        {
            rank += compare(sorted[index - 1], sorted[index]) == 0 ? 0 : 1;
            ranks[things[index]] = rank;
        }
        return rank + 1;
    }

    /// <summary>Room for the keys of so many rows, for the caller to fill in before <see cref="Sort"/>.</summary>
    public Span<ulong> Keys(int rows)
    {
        if (_keys.Length < rows)
        {
            Dispose();
            (_keys, _otherKeys) = (ArrayPool<ulong>.Shared.Rent(rows), ArrayPool<ulong>.Shared.Rent(rows));
            (_rows, _otherRows) = (ArrayPool<int>.Shared.Rent(rows), ArrayPool<int>.Shared.Rent(rows));
        }
        _count = rows;
        return _keys.AsSpan(0, rows);
    }

    /// <summary>Sets the order of the keys.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Sort()
    {
        Span<ulong> keys = _keys.AsSpan(0, _count);
        ulong varying = 0;
        bool sorted = true;
        for (int row = 1; row < keys.Length; row++)
        {
            varying |= keys[row] ^ keys[0];
            sorted &= keys[row - 1] <= keys[row];
        }
        IsSet = !sorted;
        if (sorted)
        {
            return;
        }
        Span<int> rows = _rows.AsSpan(0, _count);
        for (int row = 0; row < rows.Length; row++)
        {
            rows[row] = row;
        }
        if (_count < FewRows)
        {
            keys.Sort(rows);
            for (int start = 0, end; start < keys.Length; start = end)
            {
                for (end = start + 1; end < keys.Length && keys[end] == keys[start]; end++)
                {
                }
                rows[start..end].Sort();
            }
            return;
        }
        int highest = 64 - BitOperations.LeadingZeroCount(varying);
        for (int shift = BitOperations.TrailingZeroCount(varying); shift < highest; shift += DigitBits)
        {
            if (((varying >> shift) & (Digits - 1)) != 0)
            {
                Pass(shift);
            }
        }
    }

    /// <summary>
    /// Sets the order of groups, rows of one group as they came, in two passes over the rows where there are not many more groups than rows.
    /// </summary>
    /// <param name="groups">The group of each row.</param>
    /// <param name="count">How many groups there are.</param>
    /// <param name="times">A time of each row.</param>
    /// <returns>False, and nothing is set, when the times of a group do not ascend.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryGroup(ReadOnlySpan<int> groups, int count, ReadOnlySpan<long> times)
    {
        Keys(groups.Length);
        int[] places = ArrayPool<int>.Shared.Rent(count);
        long[] latest = ArrayPool<long>.Shared.Rent(count);
        try
        {
            Span<int> next = places.AsSpan(0, count);
            next.Clear();
            foreach (int group in groups)
            {
                next[group]++;
            }
            int start = 0;
            foreach (ref int place in next)
            {
                (start, place) = (start + place, start);
            }
            latest.AsSpan(0, count).Fill(long.MinValue);
            Span<int> rows = _rows.AsSpan(0, _count);
            bool asTheyCame = true;
            for (int row = 0; row < groups.Length; row++)
            {
                int group = groups[row];
                if (times[row] < latest[group])
                {
                    return false;
                }
                latest[group] = times[row];
                int place = next[group]++;
                asTheyCame &= place == row;
                rows[place] = row;
            }
            IsSet = !asTheyCame;
            return true;
        }
        finally
        {
            ArrayPool<int>.Shared.Return(places);
            ArrayPool<long>.Shared.Return(latest);
        }
    }

    /// <summary>Back to the order in which rows come.</summary>
    public void Clear() => IsSet = false;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_keys.Length > 0)
        {
            ArrayPool<ulong>.Shared.Return(_keys);
            ArrayPool<ulong>.Shared.Return(_otherKeys);
            ArrayPool<int>.Shared.Return(_rows);
            ArrayPool<int>.Shared.Return(_otherRows);
        }
        (_keys, _otherKeys, _rows, _otherRows, IsSet) = ([], [], [], [], false);
    }

    /// <summary>One pass of a radix sort from the lowest digit on (Knuth, The Art of Computer Programming 3, 5.2.5).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Pass(int shift)
    {
        Span<int> starts = _starts;
        starts.Clear();
        ReadOnlySpan<ulong> keys = _keys.AsSpan(0, _count);
        foreach (ulong key in keys)
        {
            starts[(int)(key >> shift) & (Digits - 1)]++;
        }
        int start = 0;
        foreach (ref int digit in starts)
        {
            (start, digit) = (start + digit, start);
        }
        ulong[] otherKeys = _otherKeys;
        int[] otherRows = _otherRows;
        ReadOnlySpan<int> rows = _rows.AsSpan(0, _count);
        for (int position = 0; position < keys.Length; position++)
        {
            ulong key = keys[position];
            int target = starts[(int)(key >> shift) & (Digits - 1)]++;
            otherKeys[target] = key;
            otherRows[target] = rows[position];
        }
        (_keys, _otherKeys, _rows, _otherRows) = (_otherKeys, _keys, _otherRows, _rows);
    }
}
