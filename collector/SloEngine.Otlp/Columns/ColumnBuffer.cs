using System.Buffers;
using System.Runtime.CompilerServices;

namespace SloEngine.Otlp.Columns;

/// <summary>
/// A growable column of fixed-width values over pooled memory. Not thread-safe: one writer owns it, then hands it over.
/// </summary>
/// <typeparam name="T">An unmanaged value whose in-memory layout is its layout in the store (little-endian).</typeparam>
public sealed class ColumnBuffer<T> : IDisposable
    where T : unmanaged
{
    private T[] _items;

    /// <summary>Creates an empty column that rents room for <paramref name="capacity"/> values.</summary>
    public ColumnBuffer(int capacity = 256) => _items = ArrayPool<T>.Shared.Rent(capacity);

    /// <summary>Number of values held.</summary>
    public int Count { get; private set; }

    /// <summary>The values held; valid until the next append, truncation or disposal.</summary>
    public ReadOnlySpan<T> Values => _items.AsSpan(0, Count);

    /// <summary>The value at <paramref name="index"/>.</summary>
    public ref T this[int index] => ref _items.AsSpan(0, Count)[index];

    /// <summary>Appends one value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Append(T value)
    {
        T[] items = _items;
        int count = Count;
        if ((uint)count < (uint)items.Length)
        {
            items[count] = value;
            Count = count + 1;
            return;
        }
        GrowAndAppend(value);
    }

    /// <summary>Appends all of <paramref name="values"/>.</summary>
    public void Append(ReadOnlySpan<T> values)
    {
        values.CopyTo(Reserve(values.Length));
    }

    /// <summary>Extends the column by <paramref name="length"/> values and returns them for writing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Span<T> Reserve(int length)
    {
        int count = Count;
        if (_items.Length - count < length)
        {
            Grow(count + length);
        }
        Count = count + length;
        return _items.AsSpan(count, length);
    }

    /// <summary>Drops every value from <paramref name="count"/> on: how a half-decoded request is taken back.</summary>
    public void Truncate(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)Count, nameof(count));
        Count = count;
    }

    /// <summary>Empties the column and keeps its memory.</summary>
    public void Clear() => Count = 0;

    /// <summary>Returns the memory to the pool.</summary>
    public void Dispose()
    {
        T[] items = _items;
        _items = [];
        Count = 0;
        if (items.Length > 0)
        {
            ArrayPool<T>.Shared.Return(items);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void GrowAndAppend(T value)
    {
        Grow(Count + 1);
        _items[Count++] = value;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Grow(int needed)
    {
        T[] larger = ArrayPool<T>.Shared.Rent(Math.Max(needed, Math.Max(_items.Length * 2, 256)));
        _items.AsSpan(0, Count).CopyTo(larger);
        if (_items.Length > 0)
        {
            ArrayPool<T>.Shared.Return(_items);
        }
        _items = larger;
    }
}
