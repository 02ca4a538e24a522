using System.Text.Json.Nodes;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.PromQL.Testing;

namespace SloEngine.PromQL.Tests;

public sealed class SeriesNotationTests
{
    [Fact]
    public void Values_are_repeated_and_counted_up()
    {
        (Labels labels, IReadOnlyList<SequenceValue> values) = SeriesNotation.Read("m{a=\"b\"} 1+2x2 _x2 stale 5x1 -3-10x1");

        Assert.Equal("m", labels[Labels.MetricName]);
        Assert.Equal([1, 3, 5, 5, 5, -3, -13], values.Where(value => !value.IsOmitted && !double.IsNaN(value.Value)).Select(value => value.Value));
        Assert.Equal(2, values.Count(value => value.IsOmitted));
    }

    [Fact]
    public void Histograms_are_read_with_all_their_parts()
    {
        SequenceValue value = Assert.Single(SeriesNotation.Read("{} {{schema:1 sum:0.3 count:3 z_bucket:1 z_bucket_w:0.5 buckets:[5 0 7] offset:3 n_buckets:[4] n_offset:-1 counter_reset_hint:gauge}}").Values);

        FloatHistogram histogram = value.Histogram!;
        Assert.True(value.HintIsGiven);
        Assert.Equal(CounterResetHint.Gauge, histogram.Hint);
        Assert.Equal([3, 4, 5], histogram.Positive.Indexes.ToArray());
        Assert.Equal([-1], histogram.Negative.Indexes.ToArray());
        Assert.Equal(2, histogram.Compact().Positive.Length);
    }

    [Theory]
    [InlineData("m 1 2x")]
    [InlineData("m -3 -3-3")]
    [InlineData("m 1,2")]
    [InlineData("m {{nonsense:1}}")]
    [InlineData("m {{schema:1")]
    [InlineData("m 1x99999999999")]
    public void What_is_no_series_is_refused(string line) => Assert.Throws<PromQLParseException>(() => SeriesNotation.Read(line));

    [Fact]
    public void Series_are_read_as_Prometheus_reads_them()
    {
        if (Conformance.Find("promql/parser/series_desc_cases.jsonl") is not { } path)
        {
            return;
        }
        foreach (JsonNode one in File.ReadLines(path).Select(line => JsonNode.Parse(line)!))
        {
            string input = one["input"]!.GetValue<string>();
            if (one["fail"]!.GetValue<bool>())
            {
                Assert.Throws<PromQLParseException>(() => SeriesNotation.Read(input));
                continue;
            }
            (Labels labels, IReadOnlyList<SequenceValue> values) = SeriesNotation.Read(input);
            Assert.Equal(one["labels"]!.AsObject().ToDictionary(pair => pair.Key, pair => pair.Value!.GetValue<string>()), labels.Pairs.ToArray().ToDictionary());
            Assert.Equal(one["values"]!.AsArray().Select(value => value!.ToJsonString().Trim('"')), values.Select(value => value.IsOmitted ? "_" : value.Value.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        }
    }

    [Fact]
    public void Histograms_are_read_as_Prometheus_reads_them()
    {
        if (Conformance.Find("promql/parser/histogram_desc_cases.jsonl") is not { } path)
        {
            return;
        }
        foreach (JsonNode one in File.ReadLines(path).Select(line => JsonNode.Parse(line)!))
        {
            string input = one["input"]!.GetValue<string>();
            if (one["expectedError"] is { } error)
            {
                Assert.Equal(error.GetValue<string>(), Assert.Throws<PromQLParseException>(() => SeriesNotation.Read(input)).Message);
                continue;
            }
            IReadOnlyList<SequenceValue> values = SeriesNotation.Read(input).Values;
            Assert.Equal(one["expected"]!.AsArray().Select(histogram => Expected(histogram!).ToString()), values.Select(value => value.Histogram!.ToString()));
        }
    }

    [Fact]
    public void Histograms_are_written_as_Prometheus_writes_them()
    {
        if (Conformance.Find("promql/parser/histogram_test_expression.jsonl") is not { } path)
        {
            return;
        }
        foreach (JsonNode one in File.ReadLines(path).Select(line => JsonNode.Parse(line)!))
        {
            Assert.Equal(one["expected"]!.GetValue<string>(), HistogramText.Notation(Expected(one["input"]!)));
        }
    }

    private static FloatHistogram Expected(JsonNode node)
    {
        if (node is JsonArray)
        {
            return new FloatHistogram();
        }
        double Number(string name) => node[name]?.GetValue<double>() ?? 0;
        BucketCounts Buckets(string side) => node[side + "Buckets"] is JsonArray counts
            ? BucketCounts.From(node[side + "Spans"]![0]!["Offset"]?.GetValue<int>() ?? 0, [.. counts.Select(count => count!.GetValue<double>())])
            : BucketCounts.None;
        return new FloatHistogram
        {
            Schema = (int)Number("Schema"),
            Sum = Number("Sum"),
            Count = Number("Count"),
            ZeroCount = Number("ZeroCount"),
            ZeroThreshold = Number("ZeroThreshold"),
            Positive = Buckets("Positive"),
            Negative = Buckets("Negative"),
            Hint = node["CounterResetHint"]?.GetValue<string>() switch
            {
                "histogram.CounterReset" => CounterResetHint.Reset,
                "histogram.GaugeType" => CounterResetHint.Gauge,
                _ => CounterResetHint.Unknown,
            },
        };
    }
}
