using System.Text;
using SloEngine.Otlp.Json;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Tests.Building;
using SloEngine.Otlp.Traces;

namespace SloEngine.Otlp.Tests.Json;

public sealed class OtlpJsonTests
{
    [Fact]
    public void Metrics_read_the_same_as_their_protobuf()
    {
        const string Point = """ "timeUnixNano":"1700000000000000000","attributes":[{"key":"path","value":{"stringValue":"/"}}] """;
        using var fromJson = new MetricBlock();
        using var fromProtobuf = new MetricBlock();
        var series = new SeriesLog();

        DecodeJson(Metrics("""
            {"name":"temperature","unit":"s","gauge":{"dataPoints":[
              {"timeUnixNano":"1700000000000000000","startTimeUnixNano":1690000000000000000,"asDouble":21.5,"attributes":[{"key":"path","value":{"stringValue":"/a"}}]},
              {"timeUnixNano":"1700000000000000000","startTimeUnixNano":1690000000000000000,"asDouble":22,"attributes":[{"key":"path","value":{"stringValue":"/b"}}]}]}},
            {"name":"requests","unit":"s","sum":{"isMonotonic":true,"aggregationTemporality":"AGGREGATION_TEMPORALITY_CUMULATIVE","dataPoints":[
              {"timeUnixNano":"1700000000000000000","startTimeUnixNano":1690000000000000000,"asInt":"7","attributes":[{"key":"path","value":{"stringValue":"/a"}}]}]}},
            {"name":"latency","unit":"s","histogram":{"aggregationTemporality":2,"dataPoints":[
            {POINT,"startTimeUnixNano":"1690000000000000000","count":"6","sum":12.5,"min":0.25,"max":9,"bucketCounts":["1",2,"3"],"explicitBounds":[0.1,1]}]}},
            {"name":"size","unit":"s","exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[
            {POINT,"count":10,"sum":100,"scale":-3,"zeroCount":1,"positive":{"offset":-5,"bucketCounts":["2","3"]},"negative":{"bucketCounts":[4]}}]}},
            {"name":"pause","unit":"s","summary":{"dataPoints":[{POINT,"count":"5","sum":2,"quantileValues":[{"quantile":0.5,"value":0.4}]}]}}
            """.Replace("POINT", Point, StringComparison.Ordinal)), series, fromJson);
        new MetricsDecoder(series, 1).Decode(OtlpBuilder.RichMetrics(), fromProtobuf);

        Assert.Equal(7, series.Series.Count - 1);
        Assert.Equal(fromProtobuf.Numbers.Values.Values.ToArray(), fromJson.Numbers.Values.Values.ToArray());
        Assert.Equal(fromProtobuf.Numbers.StartNanos.Values.ToArray(), fromJson.Numbers.StartNanos.Values.ToArray());
        Assert.Equal(fromProtobuf.Histograms.BucketsOf(0).ToArray(), fromJson.Histograms.BucketsOf(0).ToArray());
        Assert.Equal(fromProtobuf.Histograms.Minima[0], fromJson.Histograms.Minima[0]);
        Assert.Equal(fromProtobuf.ExponentialHistograms.PositiveBuckets.Values.ToArray(), fromJson.ExponentialHistograms.PositiveBuckets.Values.ToArray());
        Assert.Equal(fromProtobuf.ExponentialHistograms.PositiveOffsets[0], fromJson.ExponentialHistograms.PositiveOffsets[0]);
        Assert.Equal(fromProtobuf.ExponentialHistograms.Scales[0], fromJson.ExponentialHistograms.Scales[0]);
        Assert.Equal(fromProtobuf.ExponentialHistograms.NegativeBuckets.Values.ToArray(), fromJson.ExponentialHistograms.NegativeBuckets.Values.ToArray());
    }

    [Fact]
    public void Spans_have_hexadecimal_ids_and_enumerations_by_number_or_name()
    {
        using var block = new SpanBlock();
        ReadOnlyMemory<byte> request = OtlpJson.Traces(Bytes("""
            {"resourceSpans":[{"scopeSpans":[{"spans":[
              {"traceId":"000102030405060708090A0B0C0D0E0F","spanId":"0102030405060708","kind":2,"startTimeUnixNano":"1","endTimeUnixNano":"3",
               "status":{"code":"STATUS_CODE_ERROR"},"events":[{"timeUnixNano":"2","name":"e"}],"links":[{"traceId":"000102030405060708090a0b0c0d0e0f"}]},
              {"traceId":"000102030405060708090a0b0c0d0e0f","spanId":"0102030405060708","kind":"SPAN_KIND_SERVER","startTimeUnixNano":1,"parentSpanId":"","status":{}}]}]}]}
            """));

        new TracesDecoder(new ResourceLog(), 1).Decode(request.Span, block);

        Assert.Equal([2, 2], block.Kinds.Values.ToArray());
        Assert.Equal([2, 0], block.StatusCodes.Values.ToArray());
        Assert.Equal(block.TraceIds[0], block.TraceIds[1]);
        Assert.Equal(block.TraceIds[0], block.Links.TraceIds[0]);
        Assert.Equal(2, block.DurationNanos[0]);
    }

    [Fact]
    public void Logs_keep_nested_bodies_and_every_value_type()
    {
        using var block = new LogBlock();
        ReadOnlyMemory<byte> request = OtlpJson.Logs(Bytes("""
            {"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1","severityNumber":9,"unknown":{"a":[1]},"severityText":null,
              "body":{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[{"intValue":"-1"},{"boolValue":true},{"bytesValue":"AQI="}]}}}]}},
              "attributes":[{"key":"d","value":{"doubleValue":"NaN"}},{"key":"i","value":{"intValue":3}}]}]}]}]}
            """));

        new LogsDecoder(new ResourceLog(), 1, TimeProvider.System).Decode(request.Span, block);

        Assert.Equal("""{"a":[-1,true,"AQI="]}""", block.Bodies.Text(0));
        Assert.Equal(new Dictionary<string, string> { ["d"] = "NaN", ["i"] = "3" }, ColumnText.Row(block.Attributes, 0));
    }

    [Theory]
    [InlineData("""{"resourceLogs":7}""", "$.resourceLogs: 7 does not fit, expected an array")]
    [InlineData("""{"resourceLogs":[7]}""", "$.resourceLogs[0]: 7 does not fit, expected an object")]
    [InlineData("""{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"zz"}]}]}]}""",
        "$.resourceLogs[0].scopeLogs[0].logRecords[0].traceId: \"zz\" does not fit, expected hexadecimal text")]
    [InlineData("""{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1.5"}]}]}]}""",
        "$.resourceLogs[0].scopeLogs[0].logRecords[0].timeUnixNano: \"1.5\" does not fit, expected a 64-bit integer, as a number or text")]
    [InlineData("""{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"boolValue":"true"}}]}]}]}""",
        "$.resourceLogs[0].scopeLogs[0].logRecords[0].body.boolValue: \"true\" does not fit, expected true or false")]
    [InlineData("""{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityText":"\ud800"}]}]}]}""",
        "not valid JSON: a text is invalid UTF-8 or has half of a surrogate pair")]
    [InlineData("""{"\ud800":1}""", "not valid JSON: a text is invalid UTF-8 or has half of a surrogate pair")]
    public void What_does_not_fit_is_refused_with_its_path(string json, string message)
    {
        Assert.Equal(message, Assert.Throws<OtlpFormatException>(() => OtlpJson.Logs(Bytes(json))).Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{\"a\":\u0001}")]
    public void What_is_no_json_is_refused_with_its_line(string json)
    {
        Assert.StartsWith("not valid JSON at line 1", Assert.Throws<OtlpFormatException>(() => OtlpJson.Logs(Bytes(json))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nesting_beyond_the_limit_is_refused()
    {
        string deep = string.Concat(Enumerable.Repeat("""{"arrayValue":{"values":[""", 40)) + string.Concat(Enumerable.Repeat("]}}", 40));
        Assert.Throws<OtlpFormatException>(() => OtlpJson.Logs(Bytes($$"""{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{{deep}}}]}]}]}""")));
    }

    private static void DecodeJson(string json, SeriesLog series, MetricBlock into) =>
        new MetricsDecoder(series, 1).Decode(OtlpJson.Metrics(Bytes(json)).Span, into);

    private static string Metrics(string metrics) =>
        $$$"""{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeMetrics":[{"scope":{"name":"meter"},"metrics":[{{{metrics}}}]}]}]}""";

    private static byte[] Bytes(string json) => Encoding.UTF8.GetBytes(json);
}
