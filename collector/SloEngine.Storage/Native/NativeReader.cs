using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using SloEngine.Storage.Results;

namespace SloEngine.Storage.Native;

/// <summary>Decodes the engine's Native output into columns.</summary>
internal ref struct NativeReader
{
    /// <summary>Dictionary keys stand in the block itself (SerializationLowCardinality, HasAdditionalKeysBit).</summary>
    private const ulong HasAdditionalKeys = 1 << 9;

    private readonly ReadOnlyMemory<byte> _all;
    private readonly bool _copies;
    private ReadOnlySpan<byte> _rest;

    private NativeReader(ReadOnlyMemory<byte> bytes, bool copies)
    {
        (_all, _copies) = (bytes, copies);
        _rest = bytes.Span;
    }

    /// <summary>Decodes all blocks.</summary>
    /// <param name="bytes">The output.</param>
    /// <param name="copies">Whether columns have their own memory; else those of fixed width are views of <paramref name="bytes"/>.</param>
    public static QueryResult Read(ReadOnlyMemory<byte> bytes, bool copies)
    {
        var reader = new NativeReader(bytes, copies);
        var blocks = new List<ResultBlock>();
        while (!reader._rest.IsEmpty)
        {
            int columnCount = reader.Length();
            int rows = reader.Length();
            var columns = new ResultColumn[columnCount];
            for (int index = 0; index < columnCount; index++)
            {
                string name = Encoding.UTF8.GetString(reader.String());
                string type = Encoding.UTF8.GetString(reader.String());
                reader.Prefix(type);
                columns[index] = reader.Column(name, type, rows);
            }
            blocks.Add(new ResultBlock(rows, columns));
        }
        return new QueryResult(blocks);
    }

    /// <summary>State that precedes a column's data: only dictionary coding has any.</summary>
    private void Prefix(string type)
    {
        if (Inner(type, "LowCardinality", out _))
        {
            ulong version = Value<ulong>();
            if (version != 1)
            {
                throw new StoreException(0, string.Create(CultureInfo.InvariantCulture, $"dictionary coding version {version} is not known"));
            }
        }
        else if (Inner(type, "Array", out string item) || Inner(type, "Nullable", out item))
        {
            Prefix(item);
        }
        else if (Inner(type, "Map", out string pair))
        {
            (string key, string value) = Pair(pair);
            Prefix(key);
            Prefix(value);
        }
    }

    private ResultColumn Column(string name, string type, int rows)
    {
        if (Inner(type, "LowCardinality", out string item))
        {
            return Dictionary(name, type, item, rows);
        }
        if (Inner(type, "Array", out item))
        {
            ulong[] ends = Values<ulong>(rows).ToArray();
            return new ArrayColumn { Name = name, Type = type, Ends = ends, Items = Column("", item, ends.Length == 0 ? 0 : (int)ends[^1]) };
        }
        if (Inner(type, "Map", out item))
        {
            (string key, string value) = Pair(item);
            ulong[] ends = Values<ulong>(rows).ToArray();
            int entries = ends.Length == 0 ? 0 : (int)ends[^1];
            return new MapColumn
            {
                Name = name,
                Type = type,
                Ends = ends,
                Keys = (BytesResultColumn)Column("", key, entries),
                Values = (BytesResultColumn)Column("", value, entries),
            };
        }
        if (Inner(type, "FixedString", out item))
        {
            int width = int.Parse(item, CultureInfo.InvariantCulture);
            return new FixedBytesColumn(Take(rows * width).ToArray(), width) { Name = name, Type = type };
        }
        if (Inner(type, "SimpleAggregateFunction", out item))
        {
            return Column(name, Pair(item).Second, rows);
        }
        string bare = type.Split('(')[0];
        return bare switch
        {
            "String" => Strings(name, type, rows),
            "UInt8" or "Int8" or "Bool" or "Enum8" => Fixed<byte>(name, type, rows),
            "UInt16" or "Date" => Fixed<ushort>(name, type, rows),
            "Int32" => Fixed<int>(name, type, rows),
            "UInt32" or "DateTime" => Fixed<uint>(name, type, rows),
            "Float32" => Fixed<float>(name, type, rows),
            "Int64" or "DateTime64" => Fixed<long>(name, type, rows),
            "UInt64" => Fixed<ulong>(name, type, rows),
            "Float64" => Fixed<double>(name, type, rows),
            "UInt128" => Fixed<UInt128>(name, type, rows),
            _ => throw new StoreException(0, $"column {name} has type {type}, which is not decoded"),
        };
    }

    private FixedColumn<T> Fixed<T>(string name, string type, int rows)
        where T : unmanaged
    {
        int start = _all.Length - _rest.Length;
        ReadOnlySpan<byte> values = Take(rows * Unsafe.SizeOf<T>());
        return new FixedColumn<T>(_copies ? values.ToArray() : _all.Slice(start, values.Length)) { Name = name, Type = type };
    }

    private StringColumn Strings(string name, string type, int rows)
    {
        var ends = new int[rows];
        ReadOnlySpan<byte> start = _rest;
        int total = 0;
        for (int row = 0; row < rows; row++)
        {
            total += String().Length;
            ends[row] = total;
        }
        var data = new byte[total];
        _rest = start;
        int at = 0;
        for (int row = 0; row < rows; row++)
        {
            ReadOnlySpan<byte> value = String();
            value.CopyTo(data.AsSpan(at));
            at += value.Length;
        }
        return new StringColumn(data, ends) { Name = name, Type = type };
    }

    private DictionaryColumn Dictionary(string name, string type, string item, int rows)
    {
        if (rows == 0)
        {
            return new DictionaryColumn([], []) { Name = name, Type = type };
        }
        ulong flags = Value<ulong>();
        if ((flags & HasAdditionalKeys) == 0)
        {
            throw new StoreException(0, $"column {name}: a dictionary outside its block is not decoded");
        }
        int count = (int)Value<ulong>();
        bool nullable = Inner(item, "Nullable", out string inner);
        var keys = (BytesResultColumn)Column("", nullable ? inner : item, count);
        var dictionary = new byte[count][];
        for (int key = 0; key < count; key++)
        {
            dictionary[key] = keys.Bytes(key).ToArray();
        }
        int indexes = (int)Value<ulong>();
        var codes = new int[indexes];
        for (int row = 0; row < indexes; row++)
        {
            codes[row] = (flags & 0xFF) switch
            {
                0 => Value<byte>(),
                1 => Value<ushort>(),
                2 => (int)Value<uint>(),
                _ => (int)Value<ulong>(),
            };
        }
        return new DictionaryColumn(dictionary, codes) { Name = name, Type = type };
    }

    private static bool Inner(string type, string outer, out string inner)
    {
        if (type.Length > outer.Length + 1 && type[outer.Length] == '(' && type.StartsWith(outer, StringComparison.Ordinal))
        {
            inner = type[(outer.Length + 1)..^1];
            return true;
        }
        inner = "";
        return false;
    }

    /// <summary>Splits "A(x, y), B" at its outer comma.</summary>
    private static (string First, string Second) Pair(string pair)
    {
        int depth = 0;
        for (int index = 0; index < pair.Length; index++)
        {
            depth += pair[index] switch { '(' => 1, ')' => -1, _ => 0 };
            if (pair[index] == ',' && depth == 0)
            {
                return (pair[..index], pair[(index + 1)..].TrimStart());
            }
        }
        return (pair, "");
    }

    private int Length() => checked((int)VarUInt());

    private ReadOnlySpan<byte> String() => Take(Length());

    private T Value<T>()
        where T : unmanaged => MemoryMarshal.Read<T>(Take(Unsafe.SizeOf<T>()));

    private ReadOnlySpan<T> Values<T>(int count)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(Take(count * Unsafe.SizeOf<T>()));

    private ReadOnlySpan<byte> Take(int count)
    {
        ReadOnlySpan<byte> taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    private ulong VarUInt()
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = _rest[0];
            _rest = _rest[1..];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }
}
