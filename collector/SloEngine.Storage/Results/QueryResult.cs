using System.Runtime.InteropServices;
using System.Text;

namespace SloEngine.Storage.Results;

/// <summary>The decoded blocks of a query, in order. All share one set of column names and types.</summary>
public sealed class QueryResult
{
    /// <summary>Creates a result of <paramref name="blocks"/>.</summary>
    public QueryResult(IReadOnlyList<ResultBlock> blocks)
    {
        Blocks = blocks;
        foreach (ResultBlock block in blocks)
        {
            Rows += block.Rows;
        }
    }

    /// <summary>The blocks.</summary>
    public IReadOnlyList<ResultBlock> Blocks { get; }

    /// <summary>Rows of all blocks.</summary>
    public int Rows { get; }
}

/// <summary>Rows of a result, by column.</summary>
public sealed class ResultBlock
{
    private readonly ResultColumn[] _columns;

    /// <summary>Creates a block.</summary>
    public ResultBlock(int rows, ResultColumn[] columns) => (Rows, _columns) = (rows, columns);

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>The columns in the order of the SELECT.</summary>
    public IReadOnlyList<ResultColumn> Columns => _columns;

    /// <summary>Values of a fixed-width column.</summary>
    /// <remarks>
    /// T is the column's own width: UInt8/Bool/Enum8 byte, Int32 int, UInt32/DateTime uint, UInt64 ulong, Int64/DateTime64 long
    /// (ticks of its precision), Float64 double, UInt128 UInt128, Date ushort.
    /// </remarks>
    /// <exception cref="InvalidCastException">The column holds another type.</exception>
    public ReadOnlySpan<T> Values<T>(int column)
        where T : unmanaged => ((FixedColumn<T>)_columns[column]).Values;

    /// <summary>A String, FixedString or LowCardinality(String) column.</summary>
    public BytesResultColumn Text(int column) => (BytesResultColumn)_columns[column];

    /// <summary>An Array column.</summary>
    public ArrayColumn Array(int column) => (ArrayColumn)_columns[column];

    /// <summary>A Map column.</summary>
    public MapColumn Map(int column) => (MapColumn)_columns[column];
}

/// <summary>A column of a result.</summary>
public abstract class ResultColumn
{
    /// <summary>Name in the SELECT.</summary>
    public required string Name { get; init; }

    /// <summary>ClickHouse type.</summary>
    public required string Type { get; init; }
}

/// <summary>Fixed-width values.</summary>
/// <typeparam name="T">The value as it stands in memory.</typeparam>
public sealed class FixedColumn<T> : ResultColumn
    where T : unmanaged
{
    private readonly ReadOnlyMemory<byte> _bytes;

    /// <summary>Creates a column over the little-endian bytes of its values.</summary>
    public FixedColumn(ReadOnlyMemory<byte> bytes) => _bytes = bytes;

    /// <summary>The values.</summary>
    public ReadOnlySpan<T> Values => MemoryMarshal.Cast<byte, T>(_bytes.Span);
}

/// <summary>Byte strings; a dictionary-coded column looks the same as a plain one.</summary>
public abstract class BytesResultColumn : ResultColumn
{
    /// <summary>Number of rows.</summary>
    public abstract int Count { get; }

    /// <summary>The bytes of a row.</summary>
    public abstract ReadOnlySpan<byte> Bytes(int row);

    /// <summary>A row as UTF-8 text. Dictionary-coded columns give the same string object for the same value.</summary>
    public virtual string String(int row) => Encoding.UTF8.GetString(Bytes(row));
}

/// <summary>Arrays: items of all rows one after the other, and where each row ends.</summary>
public sealed class ArrayColumn : ResultColumn
{
    /// <summary>For each row, the index in <see cref="Items"/> just past its last item.</summary>
    public required ulong[] Ends { get; init; }

    /// <summary>The items of all rows.</summary>
    public required ResultColumn Items { get; init; }

    /// <summary>First item and number of items of a row.</summary>
    public (int Start, int Length) Row(int row)
    {
        int start = row == 0 ? 0 : (int)Ends[row - 1];
        return (start, (int)Ends[row] - start);
    }
}

/// <summary>Maps from text to text: entries of all rows one after the other, and where each row ends.</summary>
public sealed class MapColumn : ResultColumn
{
    /// <summary>For each row, the index just past its last entry.</summary>
    public required ulong[] Ends { get; init; }

    /// <summary>Keys of all rows.</summary>
    public required BytesResultColumn Keys { get; init; }

    /// <summary>Values of all rows.</summary>
    public required BytesResultColumn Values { get; init; }

    /// <summary>First entry and number of entries of a row.</summary>
    public (int Start, int Length) Row(int row)
    {
        int start = row == 0 ? 0 : (int)Ends[row - 1];
        return (start, (int)Ends[row] - start);
    }

    /// <summary>The map of a row, as text.</summary>
    public Dictionary<string, string> Of(int row)
    {
        (int start, int length) = Row(row);
        var map = new Dictionary<string, string>(length, StringComparer.Ordinal);
        for (int entry = start; entry < start + length; entry++)
        {
            map[Keys.String(entry)] = Values.String(entry);
        }
        return map;
    }
}
