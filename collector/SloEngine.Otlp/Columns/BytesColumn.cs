namespace SloEngine.Otlp.Columns;

/// <summary>A column of byte strings (UTF-8 text or raw bytes): one shared buffer and the end offset of each row.</summary>
public sealed class BytesColumn : IDisposable
{
    /// <summary>The bytes of all rows, one after the other.</summary>
    public ColumnBuffer<byte> Data { get; } = new(4096);

    /// <summary>For each row, the offset in <see cref="Data"/> just past its last byte.</summary>
    public ColumnBuffer<int> Ends { get; } = new();

    /// <summary>Number of rows.</summary>
    public int Count => Ends.Count;

    /// <summary>The bytes of one row; valid until the next append.</summary>
    public ReadOnlySpan<byte> this[int row]
    {
        get
        {
            ReadOnlySpan<int> ends = Ends.Values;
            int start = row == 0 ? 0 : ends[row - 1];
            return Data.Values[start..ends[row]];
        }
    }

    /// <summary>Bytes of the rows from <paramref name="row"/> on.</summary>
    internal int BytesFrom(int row) => Data.Count - (row == 0 ? 0 : Ends[row - 1]);

    /// <summary>Appends one row.</summary>
    public void Append(ReadOnlySpan<byte> value)
    {
        Data.Append(value);
        Ends.Append(Data.Count);
    }

    /// <summary>Appends all rows of another column.</summary>
    public void Append(BytesColumn other)
    {
        Ends.AppendEnds(other.Ends, Data.Count);
        Data.Append(other.Data.Values);
    }

    /// <summary>Drops every row from <paramref name="count"/> on.</summary>
    public void Truncate(int count)
    {
        Data.Truncate(count == 0 ? 0 : Ends[count - 1]);
        Ends.Truncate(count);
    }

    /// <summary>Empties the column and keeps its memory.</summary>
    public void Clear()
    {
        Data.Clear();
        Ends.Clear();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Data.Dispose();
        Ends.Dispose();
    }
}
