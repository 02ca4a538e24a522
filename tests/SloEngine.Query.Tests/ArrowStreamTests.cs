using System.Buffers;
using SloEngine.PromQL.Series;
using SloEngine.Query.Arrow;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Query.Tests;

/// <summary>What is written as an Arrow stream is read back by the engine's own reader of that format, whose threads give batches in any order.</summary>
[Collection(MetricStoreCollection.Name)]
public sealed class ArrowStreamTests(MetricStore store)
{
    [Fact]
    public async Task Another_reader_finds_the_same_rows()
    {
        Labels[] labels = [Labels.Empty, Labels.Of([new("__name__", "up")]), Labels.Of([new("__name__", "up"), new("job", "größe \"x\""), new("z", "1")])];
        var rows = new List<(Labels Labels, long TimeMs, double Value, string? Histogram)>();
        for (int row = 0; row < 1003; row++)
        {
            double value = row % 5 switch { 0 => double.NaN, 1 => double.NegativeInfinity, _ => row / 3d };
            rows.Add((labels[row % 3], 1_800_000_000_000 + (row * 15_001L), row % 7 == 3 ? 0 : value, row % 7 == 3 ? $"{{\"count\":\"{row}\"}}" : null));
        }

        List<(Labels Labels, long TimeMs, double Value, string? Histogram)> read = await ReadAsync(rows, [400, 3, 600]);

        Assert.Equal(rows.Select(row => row with { Value = row.Histogram is null ? row.Value : double.NegativeZero }), read.Select(row => row), Same);
    }

    [Fact]
    public async Task Batches_without_histograms_and_of_nothing_else_are_read_and_so_are_none()
    {
        Assert.Empty(await ReadAsync([], []));
        (Labels, long, double, string?)[] numbers = [(Labels.Empty, 1, 2, null), (Labels.Of([new("a", "b")]), 3, 4, null)];
        (Labels, long, double, string?)[] histograms = [(Labels.Empty, 5, 0, "{}"), (Labels.Empty, 6, 0, "")];

        Assert.Equal(numbers, (await ReadAsync(numbers, [2])).Select(row => row));
        Assert.Equal(["{}", ""], (await ReadAsync(histograms, [2])).Select(row => row.Histogram));
        Assert.Equal([null, null, "{}", ""], (await ReadAsync([.. numbers, .. histograms], [2, 2])).Select(row => row.Histogram));
    }

    private static bool Same((Labels Labels, long TimeMs, double Value, string? Histogram) left, (Labels Labels, long TimeMs, double Value, string? Histogram) right) =>
        left.Labels.Equals(right.Labels) && left.TimeMs == right.TimeMs && left.Histogram == right.Histogram && (left.Histogram is not null || left.Value.Equals(right.Value));

    private async Task<List<(Labels Labels, long TimeMs, double Value, string? Histogram)>> ReadAsync(
        IReadOnlyList<(Labels Labels, long TimeMs, double Value, string? Histogram)> rows, int[] batches)
    {
        var output = new ArrayBufferWriter<byte>();
        var stream = new ArrowStream(output);
        stream.Schema([new("resultType", "matrix"), new("warnings", "")]);
        int next = 0;
        foreach (int size in batches)
        {
            var batch = new SampleBatch();
            foreach ((Labels labels, long timeMs, double value, string? histogram) in rows.Skip(next).Take(size))
            {
                batch.Add(labels, timeMs, value, histogram);
            }
            next += size;
            stream.Batch(batch);
        }
        stream.End();
        string path = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(path, output.WrittenSpan.ToArray());
            QueryResult result = await store.Store.QueryAsync(new StoreQuery(
                $"SELECT toString(toTypeName(timestamp)), CAST(labels, 'Map(String, String)'), toInt64(toUnixTimestamp64Milli(timestamp)), isNull(value), ifNull(value, 0), isNull(histogram), toString(ifNull(histogram, '')) FROM file('{path}', ArrowStream) ORDER BY timestamp"));
            var read = new List<(Labels Labels, long TimeMs, double Value, string? Histogram)>();
            foreach (ResultBlock block in result.Blocks)
            {
                for (int row = 0; row < block.Rows; row++)
                {
                    Assert.Equal("DateTime64(3, 'UTC')", block.Text(0).String(row).Replace("Nullable(", "", StringComparison.Ordinal).Replace("))", ")", StringComparison.Ordinal));
                    MapColumn maps = block.Map(1);
                    (int start, int length) = maps.Row(row);
                    Labels labels = Labels.Of(Enumerable.Range(start, length).Select(entry => KeyValuePair.Create(maps.Keys.String(entry), maps.Values.String(entry))));
                    bool isHistogram = block.Values<byte>(5)[row] == 0;
                    Assert.Equal(isHistogram, block.Values<byte>(3)[row] == 1);
                    read.Add((labels, block.Values<long>(2)[row], block.Values<double>(4)[row], isHistogram ? block.Text(6).String(row) : null));
                }
            }
            return read;
        }
        finally
        {
            File.Delete(path);
        }
    }
}
