namespace SloEngine.Otlp.Columns;

/// <summary>Joins of columns that hold end indexes.</summary>
internal static class EndsColumn
{
    /// <summary>Appends end indexes that were counted from zero, shifted by <paramref name="origin"/>.</summary>
    public static void AppendEnds(this ColumnBuffer<int> into, ColumnBuffer<int> ends, int origin)
    {
        ReadOnlySpan<int> source = ends.Values;
        Span<int> target = into.Reserve(source.Length);
        for (int row = 0; row < source.Length; row++)
        {
            target[row] = source[row] + origin;
        }
    }
}
