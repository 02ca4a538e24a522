namespace SloEngine.Otlp.Columns;

/// <summary>The type of an OTLP <c>AnyValue</c>, kept beside the text of the value so that it can be given back as it came.</summary>
public enum AttributeType : byte
{
    /// <summary>An AnyValue with no value set.</summary>
    Empty = (byte)'e',
    /// <summary><c>string_value</c>.</summary>
    Text = (byte)'s',
    /// <summary><c>bool_value</c>, as <c>true</c> or <c>false</c>.</summary>
    Boolean = (byte)'b',
    /// <summary><c>int_value</c>, in decimal.</summary>
    Integer = (byte)'i',
    /// <summary><c>double_value</c>, in the shortest form that reads back equal.</summary>
    Double = (byte)'d',
    /// <summary><c>array_value</c>, as plain JSON.</summary>
    Array = (byte)'a',
    /// <summary><c>kvlist_value</c>, as plain JSON.</summary>
    KeyValues = (byte)'k',
    /// <summary><c>bytes_value</c>, in base64.</summary>
    Bytes = (byte)'y',
}

/// <summary>
/// A column of attribute sets, one a row: flat keys, values as text and value types, with the end index of each row.
/// It maps to <c>Map(LowCardinality(String), String)</c> plus a string of type letters in the store.
/// </summary>
public sealed class AttributesColumn : IDisposable
{
    private const long EntryBytes = (2 * sizeof(int)) + 1;

    /// <summary>Keys of all entries of all rows.</summary>
    public BytesColumn Keys { get; } = new();

    /// <summary>Values of all entries, as text.</summary>
    public BytesColumn Values { get; } = new();

    /// <summary>Type of each value (an <see cref="AttributeType"/>).</summary>
    public ColumnBuffer<byte> Types { get; } = new();

    /// <summary>For each row, the entry index just past its last entry.</summary>
    public ColumnBuffer<int> Ends { get; } = new();

    /// <summary>Number of rows.</summary>
    public int Count => Ends.Count;

    /// <summary>Bytes of all entries in memory: their texts, where these end, their types.</summary>
    internal long Bytes => (long)Keys.Data.Count + Values.Data.Count + (Types.Count * EntryBytes);

    /// <summary>Adds an entry to the row being built; <see cref="EndRow"/> closes it.</summary>
    public void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, AttributeType type)
    {
        Keys.Append(key);
        Values.Append(value);
        Types.Append((byte)type);
    }

    /// <summary>Closes the row being built.</summary>
    public void EndRow() => Ends.Append(Keys.Count);

    /// <summary>Appends all rows of another column.</summary>
    public void Append(AttributesColumn other)
    {
        Ends.AppendEnds(other.Ends, Keys.Count);
        Keys.Append(other.Keys);
        Values.Append(other.Values);
        Types.Append(other.Types.Values);
    }

    /// <summary>Appends one row of another column.</summary>
    public void AppendRow(AttributesColumn other, int row)
    {
        (int start, int length) = other.Row(row);
        for (int entry = start; entry < start + length; entry++)
        {
            Add(other.Keys[entry], other.Values[entry], (AttributeType)other.Types[entry]);
        }
        EndRow();
    }

    /// <summary>First entry index and number of entries of a row.</summary>
    public (int Start, int Length) Row(int row)
    {
        ReadOnlySpan<int> ends = Ends.Values;
        int start = row == 0 ? 0 : ends[row - 1];
        return (start, ends[row] - start);
    }

    /// <summary>Finds the value of <paramref name="key"/> in a row.</summary>
    public bool TryGet(int row, ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value)
    {
        (int start, int length) = Row(row);
        for (int entry = start; entry < start + length; entry++)
        {
            if (Keys[entry].SequenceEqual(key))
            {
                value = Values[entry];
                return true;
            }
        }
        value = default;
        return false;
    }

    /// <summary>Drops every row from <paramref name="count"/> on, and any entries of a row not closed.</summary>
    public void Truncate(int count)
    {
        int entries = count == 0 ? 0 : Ends[count - 1];
        Keys.Truncate(entries);
        Values.Truncate(entries);
        Types.Truncate(entries);
        Ends.Truncate(count);
    }

    /// <summary>Empties the column and keeps its memory.</summary>
    public void Clear() => Truncate(0);

    /// <inheritdoc/>
    public void Dispose()
    {
        Keys.Dispose();
        Values.Dispose();
        Types.Dispose();
        Ends.Dispose();
    }
}
