using System.Reflection;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Tests.Building;
using SloEngine.Otlp.Traces;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Otlp.Tests.Columns;

/// <summary>What sampling keeps is appended row by row: each row is to have all of its columns then, or the store gets none of the batch.</summary>
public sealed class BlockRowsTests
{
    [Fact]
    public void Spans_appended_one_by_one_have_all_that_they_have_as_a_block()
    {
        using var decoded = new SpanBlock();
        using var whole = new SpanBlock();
        using var byRow = new SpanBlock();
        for (int request = 0; request < 3; request++)
        {
            new TracesDecoder(new ResourceLog(), 1).Decode(RichSpans(), decoded);
        }
        (decoded.DroppedAttributes[1], decoded.DroppedEvents[1], decoded.DroppedLinks[2]) = (1, 2, 3);
        (decoded.Events.DroppedAttributes[1], decoded.Links.DroppedAttributes[1], decoded.Links.Flags[2]) = (4, 5, 6);

        whole.Append(decoded);
        for (int row = 0; row < decoded.Count; row++)
        {
            byRow.AppendRow(decoded, row, decoded.TraceStates[row]);
        }

        AssertSameColumns(whole, byRow);
        byRow.Truncate(1);
        whole.Truncate(1);
        AssertSameColumns(whole, byRow);
    }

    [Fact]
    public void Log_records_appended_one_by_one_have_all_that_they_have_as_a_block()
    {
        using var decoded = new LogBlock();
        using var whole = new LogBlock();
        using var byRow = new LogBlock();
        for (int request = 0; request < 3; request++)
        {
            new LogsDecoder(new ResourceLog(), 1, TimeProvider.System).Decode(RichLogs(), decoded);
        }

        whole.Append(decoded);
        for (int row = 0; row < decoded.Count; row++)
        {
            byRow.AppendRow(decoded, row);
        }

        AssertSameColumns(whole, byRow);
    }

    private static void AssertSameColumns(object whole, object byRow)
    {
        List<string> columns = [.. ColumnsOf(whole, "")];

        Assert.True(columns.Count > 15, $"{columns.Count} columns");
        Assert.All(columns, static column => Assert.DoesNotContain("= []", column, StringComparison.Ordinal));
        Assert.Equal(columns, ColumnsOf(byRow, ""));
    }

    /// <summary>Each column by its name, with all of its values.</summary>
    private static IEnumerable<string> ColumnsOf(object block, string prefix)
    {
        foreach (PropertyInfo property in block.GetType().GetProperties().Where(static property => property.PropertyType.IsClass && property.GetIndexParameters().Length == 0))
        {
            object column = property.GetValue(block)!;
            string name = $"{prefix}{property.Name}";
            string? values = column switch
            {
                ColumnBuffer<byte> items => string.Join(',', items.Values.ToArray()),
                ColumnBuffer<int> items => string.Join(',', items.Values.ToArray()),
                ColumnBuffer<uint> items => string.Join(',', items.Values.ToArray()),
                ColumnBuffer<long> items => string.Join(',', items.Values.ToArray()),
                ColumnBuffer<ulong> items => string.Join(',', items.Values.ToArray()),
                ColumnBuffer<UInt128> items => string.Join(',', items.Values.ToArray()),
                _ => null,
            };
            foreach (string line in values is null ? ColumnsOf(column, $"{name}.") : [$"{name} = [{values}]"])
            {
                yield return line;
            }
        }
    }
}
