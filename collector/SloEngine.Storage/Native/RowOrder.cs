using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;

namespace SloEngine.Storage.Native;

/// <summary>
/// The order in which the rows of a block are written: ascending by a key of 64 bits, rows of one key as they came. The engine sorts each
/// insert by its table's key, every column of it, unless the rows come sorted; here one pass over the keys does, as the columns are copied
/// anyway. An order that is not quite the table's costs time and nothing else: the engine sorts again. Not thread-safe.
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
    /// <param name="compare">Compares keys.</param>
    /// <returns>Number of places.</returns>
    internal static int Rank<TKey>(ReadOnlySpan<int> rows, ReadOnlySpan<TKey> keys, Span<int> ranks, Comparison<TKey> compare)
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
        sorted.AsSpan().Sort(things, compare);
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
