using System.Buffers;
using System.Globalization;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Text;
using SloEngine.Query.Http;

namespace SloEngine.Query.Tests;

public sealed class PrometheusJsonTests
{
    [Theory]
    [InlineData(0, "0")]
    [InlineData(1, "0.001")]
    [InlineData(-1, "-0.001")]
    [InlineData(-1_500, "-1.500")]
    [InlineData(1_771_200_000_000, "1771200000")]
    [InlineData(1_771_200_000_050, "1771200000.050")]
    [InlineData(-1_771_200_000_050, "-1771200000.050")]
    [InlineData(999_999_999_999, "999999999.999")]
    [InlineData(1_000_000_000_000, "1000000000")]
    [InlineData(9_999_999_999_999, "9999999999.999")]
    [InlineData(10_000_000_000_000, "10000000000")]
    [InlineData(long.MaxValue, "9223372036854775.807")]
    [InlineData(long.MinValue, "-9223372036854775.808")]
    public void Times_are_seconds_with_milliseconds_where_there_are_any(long timeMs, string text) => Assert.Equal($"[{text},\"0.5\"]", Points([timeMs], [0.5]));

    /// <summary>Runs of points are written at once: where one ends and the next begins is not to be seen.</summary>
    [Fact]
    public void Points_of_any_number_and_size_read_back() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll<double[], ushort>((some, count) =>
        {
            double[] values = [.. Enumerable.Range(0, count % 700).Select(index => some.Length == 0 ? index / 7d : some[index % some.Length] + index)];
            long[] times = [.. Enumerable.Range(0, values.Length).Select(static index => 1_771_200_000_000 + (index * 1_001L))];
            if (values.Length == 0)
            {
                return;
            }
            using JsonDocument read = JsonDocument.Parse($"[{Points(times, values)}]");
            Assert.Equal(times, read.RootElement.EnumerateArray().Select(static point => (long)(point[0].GetDecimal() * 1000)));
            Assert.Equal(values, read.RootElement.EnumerateArray().Select(static point => Number(point[1].GetString()!)));
        }));

    /// <summary>Times that series share are printed once, others for each: both as the times they are.</summary>
    [Fact]
    public async Task Series_with_the_same_times_and_series_with_their_own_read_back()
    {
        long[] shared = [.. Enumerable.Range(0, 3_000).Select(static index => 1_771_200_000_000 + (index * 500L))];
        long[] own = [-1_500, 0, 1, 9_999_999_999_999, long.MaxValue / 1000 * 1000];
        ResultSeries[] series =
        [
            .. ((long[][])[shared, shared, own, own, own, shared, shared, [], shared, own, shared, shared, shared, shared, shared]).Select(static (times, index) =>
                new ResultSeries(Labels.Of([new("n", $"{index}")]), times, Array.ConvertAll(times, time => (time + index) / 7d))),
        ];
        var text = new ArrayBufferWriter<byte>();
        await using (var json = new Utf8JsonWriter(text))
        {
            await PrometheusJson.WriteAnswerAsync(json, new MatrixResult(series), "", 0, null, static () => ValueTask.CompletedTask);
        }

        using JsonDocument answer = JsonDocument.Parse(text.WrittenMemory);
        foreach ((ResultSeries one, JsonElement read) in series.Zip(answer.RootElement.GetProperty("result").EnumerateArray()))
        {
            Assert.Equal(one.Labels["n"], read.GetProperty("metric").GetProperty("n").GetString());
            JsonElement[] points = read.TryGetProperty("values", out JsonElement values) ? [.. values.EnumerateArray()] : [];
            Assert.Equal(one.TimesMs, points.Select(static point => (long)(point[0].GetDecimal() * 1000)));
            Assert.Equal(one.Values, points.Select(static point => Number(point[1].GetString()!)));
        }
    }

    /// <summary>Others may still print when a client goes in the middle of a large answer.</summary>
    [Fact]
    public async Task A_client_that_goes_ends_the_answer()
    {
        long[] times = [.. Enumerable.Range(0, 5_000).Select(static index => index * 1_000L)];
        var matrix = new MatrixResult([.. Enumerable.Range(0, 50).Select(index => new ResultSeries(Labels.Of([new("n", $"{index}")]), times, Array.ConvertAll(times, static time => time / 7d)))]);
        await using var json = new Utf8JsonWriter(new ArrayBufferWriter<byte>());
        int sent = 0;

        await Assert.ThrowsAsync<OperationCanceledException>(() => PrometheusJson.WriteAnswerAsync(
            json, matrix, "", 0, null, () => ++sent < 3 ? ValueTask.CompletedTask : throw new OperationCanceledException()));
    }

    /// <summary>Bytes that are no text cannot stand in JSON.</summary>
    [Fact]
    public async Task Bytes_that_are_no_text_are_replaced()
    {
        var text = new ArrayBufferWriter<byte>();
        await using (var json = new Utf8JsonWriter(text, ApiJson.Options))
        {
            await PrometheusJson.WriteAnswerAsync(json, new StringResult(1_000, LooseBytes.Decode([0x61, 0xFF])), "", 0, null, static () => ValueTask.CompletedTask);
        }

        using JsonDocument answer = JsonDocument.Parse(text.WrittenMemory);
        Assert.Equal("a\uFFFD", answer.RootElement.GetProperty("result")[1].GetString());
    }

    /// <summary>So that an answer of many series need not be in memory as a whole.</summary>
    [Fact]
    public async Task An_answer_may_be_sent_after_each_series()
    {
        var text = new ArrayBufferWriter<byte>();
        await using var json = new Utf8JsonWriter(text);
        var ends = new List<long>();

        await PrometheusJson.WriteAnswerAsync(
            json, new MatrixResult([.. Enumerable.Repeat(new ResultSeries(Labels.Empty, [1_000], [0.5]), 3)]), "", 0, null, () =>
            {
                ends.Add(json.BytesCommitted + json.BytesPending);
                return ValueTask.CompletedTask;
            });

        const string Series = """{"metric":{},"values":[[1,"0.5"]]}""";
        const string Head = """{"resultType":"matrix","result":[""";
        Assert.Equal([Head.Length + Series.Length, Head.Length + (2 * Series.Length) + 1, Head.Length + (3 * Series.Length) + 2], ends);
    }

    private static double Number(string text) => text switch
    {
        "+Inf" => double.PositiveInfinity,
        "-Inf" => double.NegativeInfinity,
        _ => double.Parse(text, CultureInfo.InvariantCulture),
    };

    /// <summary>The points of the only series of an answer, as its text has them.</summary>
    private static string Points(long[] times, double[] values)
    {
        var text = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(text))
        {
            PrometheusJson.WriteAnswerAsync(json, new MatrixResult([new ResultSeries(Labels.Empty, times, values)]), "", 0, null, static () => ValueTask.CompletedTask).GetAwaiter().GetResult();
        }
        using JsonDocument answer = JsonDocument.Parse(text.WrittenMemory);
        string list = answer.RootElement.GetProperty("result")[0].GetProperty("values").GetRawText();
        return list[1..^1];
    }
}
