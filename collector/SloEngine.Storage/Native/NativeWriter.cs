using System.Buffers;
using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using SloEngine.Otlp.Columns;

namespace SloEngine.Storage.Native;

/// <summary>
/// Encodes one block of ClickHouse's Native format into a pooled buffer that it keeps from block to block. A column may be sent in a plainer
/// type than its table's, which the engine converts; what each row of many has as LowCardinality(String) is sent as that, each text once. Columns are given as they came
/// and written in <see cref="Order"/>. Not thread-safe.
/// </summary>
public sealed class NativeWriter : IDisposable
{
    /// <summary>Bytes that the length of a string takes at most.</summary>
    private const int MaxLengthBytes = 5;

    private const string LowCardinalityType = "LowCardinality(String)";

    /// <summary>How a dictionary of a LowCardinality column is kept: with the column (ClickHouse, SerializationLowCardinality.cpp).</summary>
    private const ulong SharedDictionariesWithAdditionalKeys = 1;

    /// <summary>The texts stand before the rows (HasAdditionalKeysBit there); below it stands the width of a row: 0, 1, 2 for one, two, four bytes.</summary>
    private const ulong HasAdditionalKeys = 1 << 9;

    private readonly TextDictionary _dictionary = new();
    private readonly StringBuilder _names = new();
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(64 << 10);
    private int _length;
    private string _table = "";
    private int _rows;
    private int _columns;
    private int _columnsLeft;

    /// <summary>The order of the rows, to be set before the first column of a block.</summary>
    public RowOrder Order { get; } = new();

    /// <summary>Begins a block, whose rows come in order until <see cref="Order"/> is set; what an earlier block held is gone.</summary>
    public void Start(string table, int columns, int rows)
    {
        Order.Clear();
        (_table, _columns, _columnsLeft, _rows, _length) = (table, columns, columns, rows, 0);
        _names.Clear();
        VarUInt((ulong)columns);
        VarUInt((ulong)rows);
    }

    /// <summary>Ends the block; it is valid until the next <see cref="Start"/>.</summary>
    public NativeBlock Finish()
    {
        if (_columnsLeft != 0)
        {
            throw new InvalidOperationException($"{_table}: {_columns} columns were announced, {_columns - _columnsLeft} written");
        }
        return new NativeBlock(_table, _names.ToString(), _rows, _buffer.AsMemory(0, _length));
    }

    /// <summary>A column of fixed-width values. They are returned as they were written, in the order of the block, valid until the next call.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Span<T> Fixed<T>(string name, string type, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        Expect(name, values.Length, _rows);
        Span<T> written = Fixed<T>(name, type);
        if (!Order.IsSet)
        {
            values.CopyTo(written);
            return written;
        }
        ReadOnlySpan<int> rows = Order.Rows;
        for (int position = 0; position < written.Length; position++)
        {
            written[position] = values[rows[position]];
        }
        return written;
    }

    /// <summary>A column with another number of values would be a block that no engine reads.</summary>
    private void Expect(string column, int values, int expected)
    {
        if (values != expected)
        {
            throw new InvalidOperationException($"{_table}.{column} has {values} values, expected {expected}");
        }
    }

    /// <summary>A column of fixed-width values for the caller to fill in, in the order of the block; valid until the next call.</summary>
    public Span<T> Fixed<T>(string name, string type)
        where T : unmanaged
    {
        Header(name, type);
        return Values<T>(_rows);
    }

    /// <summary>A String column.</summary>
    public void Text(string name, BytesColumn values)
    {
        Header(name, "String");
        if (!Order.IsSet)
        {
            Strings(values);
            return;
        }
        ReadOnlySpan<byte> data = values.Data.Values;
        ReadOnlySpan<int> ends = values.Ends.Values;
        var strings = new StringRun(this, values);
        foreach (int row in Order.Rows)
        {
            strings.Add(data[First(ends, row)..ends[row]]);
        }
        strings.End();
    }

    /// <summary>A LowCardinality(String) column.</summary>
    public void LowCardinality(string name, BytesColumn values)
    {
        BeginLowCardinality(name);
        ReadOnlySpan<byte> data = values.Data.Values;
        ReadOnlySpan<int> ends = values.Ends.Values;
        for (int position = 0; position < _rows; position++)
        {
            int row = Order[position];
            _dictionary.Add(data[First(ends, row)..ends[row]]);
        }
        EndLowCardinality();
    }

    /// <summary>Begins a LowCardinality(String) column; <see cref="LowCardinality(ReadOnlySpan{byte})"/> is then to be called once a row, in the order of the block, and <see cref="EndLowCardinality"/>.</summary>
    public void BeginLowCardinality(string name)
    {
        Header(name, LowCardinalityType);
        StartDictionary();
    }

    /// <summary>One value of a column begun by <see cref="BeginLowCardinality"/>.</summary>
    public void LowCardinality(ReadOnlySpan<byte> value) => _dictionary.Add(value);

    /// <summary>Ends a column begun by <see cref="BeginLowCardinality"/>.</summary>
    public void EndLowCardinality()
    {
        ReadOnlySpan<int> places = _dictionary.Places.Values;
        if (places.IsEmpty)
        {
            return;
        }
        ulong width = _dictionary.Texts.Count switch { <= 1 << 8 => 0UL, <= 1 << 16 => 1, _ => 2 };
        Number(HasAdditionalKeys | width);
        Number((ulong)_dictionary.Texts.Count);
        Strings(_dictionary.Texts);
        Number((ulong)places.Length);
        switch (width)
        {
            case 0:
                Narrow(places, Values<byte>(places.Length));
                break;
            case 1:
                Narrow(places, Values<ushort>(places.Length));
                break;
            default:
                places.CopyTo(Values<int>(places.Length));
                break;
        }
    }

    /// <summary>Begins a String column; <see cref="String(ReadOnlySpan{byte})"/> is then to be called once a row, in the order of the block.</summary>
    public void BeginText(string name) => Header(name, "String");

    /// <summary>One value of a column begun by <see cref="BeginText"/>.</summary>
    public void String(ReadOnlySpan<byte> value)
    {
        VarUInt((ulong)value.Length);
        value.CopyTo(Reserve(value.Length));
    }

    /// <summary>One value of a column begun by <see cref="BeginText"/>.</summary>
    public void String(string value)
    {
        VarUInt((ulong)Encoding.UTF8.GetByteCount(value));
        Encoding.UTF8.GetBytes(value, Reserve(Encoding.UTF8.GetByteCount(value)));
    }

    /// <summary>An Array column of fixed-width items, given where each row's items end.</summary>
    public void Array<T>(string name, string itemType, ReadOnlySpan<int> ends, ReadOnlySpan<T> items)
        where T : unmanaged
    {
        Expect(name, items.Length, ends.IsEmpty ? 0 : ends[^1]);
        Header(name, $"Array({itemType})");
        Offsets(ends);
        Span<T> written = Values<T>(items.Length);
        if (!Order.IsSet)
        {
            items.CopyTo(written);
            return;
        }
        int position = 0;
        foreach (int row in Order.Rows)
        {
            ReadOnlySpan<T> some = items[First(ends, row)..ends[row]];
            some.CopyTo(written[position..]);
            position += some.Length;
        }
    }

    /// <summary>An Array(String) column.</summary>
    public void TextArray(string name, ReadOnlySpan<int> ends, BytesColumn items)
    {
        Header(name, "Array(String)");
        Offsets(ends);
        Strings(items, ends);
    }

    /// <summary>A Map(LowCardinality(String), String) column and a LowCardinality(String) column of the values' type letters.</summary>
    public void Attributes(string name, string typesName, AttributesColumn attributes)
    {
        Header(name, $"Map({LowCardinalityType}, String)");
        StartDictionary();
        ReadOnlySpan<int> ends = attributes.Ends.Values;
        Offsets(ends);
        Keys(attributes.Keys, ends);
        EndLowCardinality();
        Strings(attributes.Values, ends);
        BeginLowCardinality(typesName);
        ReadOnlySpan<byte> types = attributes.Types.Values;
        for (int position = 0; position < _rows; position++)
        {
            int row = Order[position];
            _dictionary.Add(types[First(ends, row)..ends[row]]);
        }
        EndLowCardinality();
    }

    /// <summary>The same as arrays: one attribute set an item.</summary>
    public void AttributesArray(string name, string typesName, ReadOnlySpan<int> ends, AttributesColumn attributes)
    {
        Header(name, "Array(Map(String, String))");
        Offsets(ends);
        ReadOnlySpan<int> entryEnds = attributes.Ends.Values;
        Span<ulong> offsets = Values<ulong>(entryEnds.Length);
        ulong end = 0;
        int written = 0;
        for (int position = 0; position < _rows; position++)
        {
            int row = Order[position];
            for (int item = First(ends, row); item < ends[row]; item++)
            {
                end += (ulong)(entryEnds[item] - First(entryEnds, item));
                offsets[written++] = end;
            }
        }
        int[] rowEnds = ArrayPool<int>.Shared.Rent(_rows);
        for (int row = 0; row < _rows; row++)
        {
            rowEnds[row] = First(entryEnds, ends[row]);
        }
        Strings(attributes.Keys, rowEnds);
        Strings(attributes.Values, rowEnds);
        ArrayPool<int>.Shared.Return(rowEnds);
        Header(typesName, "Array(String)");
        Offsets(ends);
        ReadOnlySpan<byte> types = attributes.Types.Values;
        for (int position = 0; position < _rows; position++)
        {
            int row = Order[position];
            for (int item = First(ends, row); item < ends[row]; item++)
            {
                String(types[First(entryEnds, item)..entryEnds[item]]);
            }
        }
    }

    /// <summary>A Map(String, String) column of managed dictionaries: for tables of few rows.</summary>
    public void Map(string name, IEnumerable<IEnumerable<KeyValuePair<string, string>>> rows)
    {
        Header(name, "Map(String, String)");
        List<List<KeyValuePair<string, string>>> all = [.. rows.Select(row => row.ToList())];
        ulong end = 0;
        Span<ulong> ends = Values<ulong>(all.Count);
        for (int row = 0; row < all.Count; row++)
        {
            end += (ulong)all[row].Count;
            ends[row] = end;
        }
        foreach ((string key, _) in all.SelectMany(row => row))
        {
            String(key);
        }
        foreach ((_, string value) in all.SelectMany(row => row))
        {
            String(value);
        }
    }

    /// <summary>Returns the memory to the pool.</summary>
    public void Dispose()
    {
        Order.Dispose();
        _dictionary.Dispose();
        byte[] buffer = _buffer;
        _buffer = [];
        if (buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Header(string name, string type)
    {
        _columnsLeft--;
        if (_names.Length > 0)
        {
            _names.Append(", ");
        }
        _names.Append('`').Append(name).Append('`');
        String(name);
        String(type);
    }

    /// <summary>Where a row's items start, of the ends of all rows.</summary>
    private static int First(ReadOnlySpan<int> ends, int row) => row == 0 ? 0 : ends[row - 1];

    private void Strings(BytesColumn values)
    {
        ReadOnlySpan<byte> data = values.Data.Values;
        var strings = new StringRun(this, values);
        int start = 0;
        foreach (int end in values.Ends.Values)
        {
            strings.Add(data[start..end]);
            start = end;
        }
        strings.End();
    }

    /// <summary>The strings of each row, of which there are any number.</summary>
    private void Strings(BytesColumn values, ReadOnlySpan<int> rowEnds)
    {
        if (!Order.IsSet || values.Count == 0)
        {
            Strings(values);
            return;
        }
        ReadOnlySpan<byte> data = values.Data.Values;
        ReadOnlySpan<int> ends = values.Ends.Values;
        var strings = new StringRun(this, values);
        foreach (int row in Order.Rows)
        {
            int last = rowEnds[row];
            int first = First(rowEnds, row);
            int start = First(ends, first);
            foreach (int end in ends[first..last])
            {
                strings.Add(data[start..end]);
                start = end;
            }
        }
        strings.End();
    }

    /// <summary>What is said of a dictionary stands before all else of the column, if there are rows.</summary>
    private void StartDictionary()
    {
        _dictionary.Clear();
        if (_rows > 0)
        {
            Number(SharedDictionariesWithAdditionalKeys);
        }
    }

    /// <summary>Keys of attributes; a row often has those of the row before it, in their order.</summary>
    private void Keys(BytesColumn keys, ReadOnlySpan<int> rowEnds)
    {
        int before = 0;
        ReadOnlySpan<byte> data = keys.Data.Values;
        ReadOnlySpan<int> ends = keys.Ends.Values;
        for (int position = 0; position < _rows; position++)
        {
            int row = Order[position];
            int start = _dictionary.Places.Count;
            int likeRow = before;
            for (int key = First(rowEnds, row); key < rowEnds[row]; key++)
            {
                _dictionary.Add(data[First(ends, key)..ends[key]], likeRow++);
            }
            before = start;
        }
    }

    private static void Narrow<T>(ReadOnlySpan<int> places, Span<T> written)
        where T : unmanaged, INumberBase<T>
    {
        for (int row = 0; row < places.Length; row++)
        {
            written[row] = T.CreateTruncating(places[row]);
        }
    }

    private void Number(ulong value) => Values<ulong>(1)[0] = value;

    private void Offsets(ReadOnlySpan<int> ends)
    {
        Span<ulong> offsets = Values<ulong>(ends.Length);
        if (ends is [.., 0])
        {
            offsets.Clear();
            return;
        }
        ulong offset = 0;
        for (int position = 0; position < ends.Length; position++)
        {
            int row = Order[position];
            offset += (ulong)(ends[row] - First(ends, row));
            offsets[position] = offset;
        }
    }

    private Span<T> Values<T>(int count)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(Reserve((long)count * Unsafe.SizeOf<T>()));

    private void VarUInt(ulong value)
    {
        Span<byte> bytes = Reserve(10);
        int count = 0;
        while (value >= 0x80)
        {
            bytes[count++] = (byte)(value | 0x80);
            value >>= 7;
        }
        bytes[count++] = (byte)value;
        _length -= 10 - count;
    }

    private Span<byte> Reserve(long count)
    {
        if (_buffer.Length - _length < count)
        {
            Grow(_length + count);
        }
        Span<byte> span = _buffer.AsSpan(_length, (int)count);
        _length += (int)count;
        return span;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Grow(long needed)
    {
        if (needed > System.Array.MaxLength)
        {
            throw new InvalidOperationException(
                string.Create(CultureInfo.InvariantCulture, $"{_table}: a block of {_rows} rows takes {needed} bytes or more; the most is {System.Array.MaxLength}"));
        }
        byte[] larger = ArrayPool<byte>.Shared.Rent((int)Math.Max(needed, Math.Min(2L * _buffer.Length, System.Array.MaxLength)));
        _buffer.AsSpan(0, _length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }

    /// <summary>The strings of a column, each at most once, in room that is reserved for all of them at once.</summary>
    private ref struct StringRun
    {
        private readonly NativeWriter _writer;
        private readonly Span<byte> _room;
        private int _length;

        public StringRun(NativeWriter writer, BytesColumn values)
        {
            _writer = writer;
            _room = writer.Reserve(values.Data.Count + ((long)MaxLengthBytes * values.Count));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(ReadOnlySpan<byte> value)
        {
            Span<byte> room = _room[_length..];
            int lengthBytes = 1;
            uint length = (uint)value.Length;
            for (; length >= 0x80; length >>= 7)
            {
                room[lengthBytes++ - 1] = (byte)(length | 0x80);
            }
            room[lengthBytes - 1] = (byte)length;
            value.CopyTo(room[lengthBytes..]);
            _length += lengthBytes + value.Length;
        }

        /// <summary>Gives back the room that is left.</summary>
        public readonly void End() => _writer._length -= _room.Length - _length;
    }
}
