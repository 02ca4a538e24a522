using SloEngine.Otlp.Common;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Tests.Building;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Otlp.Tests.Metrics;

public sealed class MetricsDecoderTests : IDisposable
{
    private readonly SeriesLog _series = new();
    private readonly MetricBlock _block = new();

    public void Dispose() => _block.Dispose();

    [Fact]
    public void A_gauge_point_becomes_a_row_and_names_its_series()
    {
        Assert.Equal(new DecodeResult(1, 0, null), Decode(Request(Gauge("temperature", Number(21.5, "/a")))));

        NumberPoints points = _block.Numbers;
        Assert.Equal((0, (long)Time, (long)Start, 21.5), (points.Series[0], points.TimeNanos[0], points.StartNanos[0], points.Values[0]));
        SeenSeries series = Assert.Single(_series.Series);
        Assert.Equal(("temperature", "s", MetricKind.Gauge, "shop", "meter"), (series.Name, series.Unit, series.Kind, series.Service, series.Scope));
        Assert.Equal("/a", series.Attributes["path"]);
    }

    [Theory]
    [InlineData(1, true, MetricKind.Counter, Temporality.Delta)]
    [InlineData(2, true, MetricKind.Counter, Temporality.Cumulative)]
    [InlineData(2, false, MetricKind.Gauge, Temporality.Cumulative)]
    public void A_sum_is_a_counter_where_it_is_monotonic(int temporality, bool monotonic, MetricKind kind, Temporality expected)
    {
        Decode(Request(Sum("requests", temporality, monotonic, point =>
        {
            point.Fixed64(3, Time);
            point.Fixed64(6, unchecked((ulong)-7L));
        })));

        Assert.Equal((kind, expected), (_series.Series[0].Kind, _series.Series[0].Temporality));
        Assert.Equal(-7, _block.Numbers.Values[0]);
    }

    [Fact]
    public void Exemplars_belong_to_the_series_of_their_point()
    {
        DecodeResult result = Decode(Request(
            Sum("requests", 2, true, Number(1, "/a"), With(5, Number(2, "/b"), Exemplar(0.5, TraceId, SpanId), Exemplar(0.25, [], []))),
            Histogram("latency", With(8, Buckets([0.1, 1], 1, 2, 3), Exemplar(0.7, TraceId, SpanId))),
            ExponentialHistogram("size", With(11, point => point.Fixed64(3, Time), Exemplar(3, TraceId, SpanId)))));

        ExemplarColumns exemplars = _block.Exemplars;
        Assert.Equal((4, 0, 4, 0, null), (result.Accepted, result.Rejected, result.Exemplars, result.DroppedExemplars, result.Warning));
        Assert.Equal(["requests", "requests", "latency", "size"], exemplars.Series.Values.ToArray().Select(series => _series.Series[series].Name));
        Assert.Equal("/b", _series.Series[exemplars.Series[0]].Attributes["path"]);
        Assert.Equal([0.5, 0.25, 0.7, 3], exemplars.Values.Values.ToArray());
        Assert.Equal([(long)Time - 1, (long)Time - 1, (long)Time - 1, (long)Time - 1], exemplars.TimeNanos.Values.ToArray());
        Assert.Equal(TraceId, System.Runtime.InteropServices.MemoryMarshal.AsBytes(exemplars.TraceIds.Values)[..16].ToArray());
        Assert.Equal(SpanId, System.Runtime.InteropServices.MemoryMarshal.AsBytes(exemplars.SpanIds.Values)[..8].ToArray());
        Assert.Equal((UInt128.Zero, 0ul), (exemplars.TraceIds[1], exemplars.SpanIds[1]));
        Assert.True(exemplars.Attributes.TryGet(2, "user"u8, out ReadOnlySpan<byte> user));
        Assert.Equal("u1", System.Text.Encoding.UTF8.GetString(user));
    }

    [Fact]
    public void An_exemplar_that_makes_no_sense_or_is_too_large_is_dropped_and_told_and_its_point_is_kept()
    {
        DecodeResult result = Decode(Request(Gauge("load", With(
            5, Number(1), Exemplar(1, [1, 2], SpanId), Exemplar(1, TraceId, [1]), none => none.Fixed64(2, Time), Exemplar(1, [], [], new string('x', 5_000)),
            Exemplar(2, TraceId, SpanId)))));

        Assert.Equal((1, 0, null), (result.Accepted, result.Rejected, result.ErrorMessage));
        Assert.Equal((1, 4), (result.Exemplars, result.DroppedExemplars));
        Assert.Equal(
            "4 exemplars were dropped: resource_metrics[0].scope_metrics[0].metrics[0].data_points[0]: the trace_id of an exemplar is not 16 bytes", result.Warning);
        Assert.Equal([2.0], _block.Exemplars.Values.Values.ToArray());
        Assert.Equal(1, _block.Exemplars.Attributes.Count);
    }

    [Fact]
    public void A_request_has_at_most_100000_exemplars()
    {
        Action<ProtobufWriter> exemplar = Exemplar(1, [], []);
        DecodeResult result = Decode(Request(Gauge("load", With(5, Number(1), [.. Enumerable.Repeat(exemplar, 100_001)]), With(5, Number(2), exemplar))));

        Assert.Equal((2, 100_000, 2), (result.Accepted, result.Exemplars, result.DroppedExemplars));
        Assert.EndsWith("the request has more than 100000 exemplars", result.Warning, StringComparison.Ordinal);
        Assert.Equal(1, Decode(Request(Gauge("load", With(5, Number(1), exemplar)))).Exemplars);
    }

    [Fact]
    public void Exemplars_of_known_series_cost_no_allocation()
    {
        byte[] request = Request(Sum("requests", 2, true, With(5, Number(2, "/b"), [.. Enumerable.Repeat(Exemplar(0.5, TraceId, SpanId), 1_000)])));
        var decoder = new MetricsDecoder(_series, 1);
        decoder.Decode(request, _block);

        long allocated = Allocations.Of(() =>
        {
            _block.Clear();
            decoder.Decode(request, _block);
        });

        Assert.Equal(0, allocated);
        Assert.Equal(1_000, _block.Exemplars.Count);
    }

    [Fact]
    public void The_same_series_keeps_its_reference_and_another_gets_its_own()
    {
        Decode(Request(Gauge("a", Number(1, "/x"), Number(2, "/y"), Number(3, "/x")), Gauge("b", Number(4, "/x"))));

        Assert.Equal([0, 1, 0, 2], _block.Numbers.Series.Values.ToArray());
    }

    [Fact]
    public void Resource_and_scope_tell_series_apart()
    {
        Decode(Encode(request =>
        {
            request.Resource("shop", scope => scope.Message(2, Gauge("a", Number(1))));
            request.Resource("bank", scope => scope.Message(2, Gauge("a", Number(1))));
        }));

        Assert.Equal(["shop", "bank"], _series.Series.Select(series => series.Service));
    }

    [Fact]
    public void A_histogram_keeps_its_buckets_and_gives_its_bounds_to_the_series()
    {
        Decode(Request(Histogram("latency", Buckets([0.1, 1], 1, 2, 3), Buckets([0.1, 1], 0, 4, 0))));

        HistogramPoints points = _block.Histograms;
        Assert.Equal([1ul, 2, 3], points.BucketsOf(0).ToArray());
        Assert.Equal([0ul, 4, 0], points.BucketsOf(1).ToArray());
        Assert.Equal((6ul, 12.5, 0.25, 9d), (points.Counts[0], points.Sums[0], points.Minima[0], points.Maxima[0]));
        Assert.Equal([0.1, 1], Assert.Single(_series.Series).Bounds);
    }

    [Fact]
    public void Repeated_fields_that_are_not_packed_read_the_same()
    {
        Decode(Request(Histogram("latency", point =>
        {
            point.Fixed64(3, Time);
            point.Fixed64(4, 3);
            point.Fixed64(6, 1);
            point.Fixed64(6, 2);
            point.Double(7, 0.5);
        })));

        Assert.Equal([1ul, 2], _block.Histograms.BucketsOf(0).ToArray());
        Assert.Equal([0.5], _series.Series[0].Bounds);
    }

    [Fact]
    public void A_histogram_without_buckets_has_one_that_holds_everything()
    {
        Decode(Request(Histogram("latency", point =>
        {
            point.Fixed64(3, Time);
            point.Fixed64(4, 9);
        })));

        Assert.Equal([9ul], _block.Histograms.BucketsOf(0).ToArray());
        Assert.True(double.IsNaN(_block.Histograms.Sums[0]));
    }

    [Fact]
    public void An_exponential_histogram_keeps_scale_offsets_and_both_sides()
    {
        Decode(RichMetrics());

        ExponentialHistogramPoints points = _block.ExponentialHistograms;
        Assert.Equal((-3, -5, 0, 1ul, 10ul), (points.Scales[0], points.PositiveOffsets[0], points.NegativeOffsets[0], points.ZeroCounts[0], points.Counts[0]));
        Assert.Equal([2ul, 3], points.PositiveBuckets.Values.ToArray());
        Assert.Equal([4ul], points.NegativeBuckets.Values.ToArray());
    }

    [Fact]
    public void A_summary_is_count_sum_and_quantiles_and_one_data_point()
    {
        Action<ProtobufWriter> point = summary =>
        {
            summary.Fixed64(3, Time);
            summary.Fixed64(4, 5);
            summary.Double(5, 2.5);
            summary.Message(6, quantile =>
            {
                quantile.Double(1, 0.99);
                quantile.Double(2, 0.4);
            });
        };

        Assert.Equal(new DecodeResult(1, 0, null), Decode(Request(Summary("pause", point))));
        Assert.Equal(
            [(SeriesPart.Count, 0d), (SeriesPart.Sum, 0d), (SeriesPart.Quantile, 0.99)],
            _series.Series.Select(series => (series.Part, series.Quantile)));
        Assert.Equal([5, 2.5, 0.4], _block.Numbers.Values.Values.ToArray());
    }

    [Fact]
    public void A_summary_with_a_refused_part_is_rejected_as_one_and_leaves_nothing()
    {
        var series = new SeriesLog { Refuse = seen => seen.Part == SeriesPart.Quantile ? "too many series" : null };
        DecodeResult result = new MetricsDecoder(series, 1).Decode(RichMetrics(), _block);

        Assert.Equal((5, 1), (result.Accepted, result.Rejected));
        Assert.Equal("resource_metrics[0].scope_metrics[0].metrics[4].data_points[0]: too many series", result.ErrorMessage);
        Assert.Equal(3, _block.Numbers.Count);
    }

    [Fact]
    public void A_point_without_a_recorded_value_holds_the_stale_marker()
    {
        Decode(Request(Gauge("a", point =>
        {
            point.Fixed64(3, Time);
            point.Varint(8, 1);
        })));

        Assert.Equal(0x7FF0000000000002ul, BitConverter.DoubleToUInt64Bits(_block.Numbers.Values[0]));
    }

    public static TheoryData<string, string> Rejections => new()
    {
        { "no value", "the data point has neither as_double nor as_int" },
        { "no time", "time_unix_nano is missing" },
        { "late start", "start_time_unix_nano is past the year 2262" },
        { "no name", "the metric has no name" },
        { "no temporality", "aggregation_temporality is neither delta nor cumulative" },
        { "bucket missing", "1 bucket_counts for 1 explicit_bounds, expected 2" },
        { "bounds descend", "explicit_bounds are not ascending" },
        { "count differs", "bucket_counts add up to 3, count is 4" },
        { "scale", "scale 21 is outside -10..20" },
        { "exponential count differs", "the buckets add up to 2, count is 3" },
    };

    [Theory]
    [MemberData(nameof(Rejections))]
    public void A_point_that_makes_no_sense_is_rejected_with_its_path_and_the_rest_is_kept(string fault, string reason)
    {
        Action<ProtobufWriter> wrong = fault switch
        {
            "no value" => Gauge("a", point => point.Fixed64(3, Time)),
            "no time" => Gauge("a", point => point.Double(4, 1)),
            "late start" => Gauge("a", point =>
            {
                point.Fixed64(2, ulong.MaxValue);
                point.Fixed64(3, Time);
                point.Double(4, 1);
            }),
            "no name" => Gauge("", Number(1)),
            "no temporality" => Sum("a", 0, true, Number(1)),
            "bucket missing" => Histogram("a", Buckets([1], 3)),
            "bounds descend" => Histogram("a", Buckets([2, 1], 1, 1, 1)),
            "count differs" => Histogram("a", point =>
            {
                point.Fixed64(3, Time);
                point.Fixed64(4, 4);
                point.Bytes(6, Words(3));
            }),
            "scale" => ExponentialHistogram("a", point =>
            {
                point.Fixed64(3, Time);
                point.Varint(6, ZigZag(21));
            }),
            _ => ExponentialHistogram("a", point =>
            {
                point.Fixed64(3, Time);
                point.Fixed64(4, 3);
                point.Message(8, positive => positive.Bytes(2, [2]));
            }),
        };

        DecodeResult result = Decode(Request(Gauge("kept", Number(1)), wrong, Histogram("kept too", Buckets([1], 5, 6))));

        Assert.Equal(new DecodeResult(2, 1, $"resource_metrics[0].scope_metrics[0].metrics[1].data_points[0]: {reason}"), result);
        Assert.Equal((1, 1, 0, 0, 0), _block.Mark());
        Assert.Equal([5ul, 6], _block.Histograms.BucketsOf(0).ToArray());
    }

    [Fact]
    public void Interleaved_attributes_all_belong_to_the_series()
    {
        Decode(Request(Gauge("a", point =>
        {
            point.Attribute(7, "one", "1");
            point.Fixed64(3, Time);
            point.Attribute(7, "two", "2");
            point.Double(4, 5);
        })));

        Assert.Equal(new Dictionary<string, string> { ["one"] = "1", ["two"] = "2" }, _series.Series[0].Attributes);
    }

    [Fact]
    public void Interleaved_attributes_that_differ_are_different_series()
    {
        Action<ProtobufWriter> Point(string second) => point =>
        {
            point.Attribute(7, "one", "1");
            point.Fixed64(3, Time);
            point.Attribute(7, "two", second);
            point.Double(4, 5);
        };
        Decode(Request(Gauge("a", Point("x"), Point("y"), Point("x"))));

        Assert.Equal([0, 1, 0], _block.Numbers.Series.Values.ToArray());
    }

    /// <summary>The schema stands behind the metrics on the wire; of several the last counts.</summary>
    [Fact]
    public void The_schema_of_a_scope_tells_its_series_apart_wherever_it_stands()
    {
        Decode(Encode(request => request.Message(1, resource =>
        {
            foreach (string[] schemas in (string[][])[[], ["one"], ["two"], ["two", "one"], [""]])
            {
                resource.Message(2, scope =>
                {
                    scope.Message(1, name => name.Text(1, "meter"));
                    scope.Message(2, Gauge("a", Number(1)));
                    foreach (string schema in schemas)
                    {
                        scope.Text(3, schema);
                    }
                    // A scope in two pieces is the two together.
                    scope.Message(1, name => name.Text(2, "1"));
                });
            }
        })));

        Assert.Equal([0, 1, 2, 1, 0], _block.Numbers.Series.Values.ToArray());
    }

    [Fact]
    public void A_resource_that_stands_after_its_scope_still_names_the_series()
    {
        Decode(Encode(request => request.Message(1, resource =>
        {
            resource.Message(2, scope =>
            {
                scope.Message(2, Gauge("a", Number(1)));
                scope.Message(1, name => name.Text(1, "late"));
            });
            resource.Message(1, attributes => attributes.Attribute(1, "service.name", "shop"));
        })));

        Assert.Equal(("shop", "late"), (_series.Series[0].Service, _series.Series[0].Scope));
    }

    [Fact]
    public void Unknown_fields_of_every_wire_type_are_skipped()
    {
        Decode(Encode(request =>
        {
            request.Varint(100, 300);
            request.Fixed64(101, 1);
            request.Fixed32(102, 1);
            request.Bytes(103, [1, 2, 3]);
            request.Resource("shop", scope => scope.Message(2, Gauge("a", Number(1))));
        }));

        Assert.Equal(1, _block.Count);
    }

    [Fact]
    public void A_malformed_request_says_where_and_takes_everything_back()
    {
        Decode(RichMetrics());
        (int, int, int, int, int) before = _block.Mark();
        int buckets = _block.Histograms.Buckets.Count;
        byte[] request = Request(Histogram("a", Buckets([1], 1, 2)), Histogram("b", point => point.Bytes(6, [1, 2, 3])));

        OtlpFormatException malformed = Assert.Throws<OtlpFormatException>(() => Decode(request));

        Assert.Equal(
            "resource_metrics[0].scope_metrics[0].metrics[1].data_points[0]: packed 64-bit values take 3 bytes, which is no multiple of 8 at byte "
            + malformed.Offset, malformed.Message);
        Assert.Equal(request.AsSpan().LastIndexOf((byte[])[0x32, 3, 1, 2, 3]), malformed.Offset);
        Assert.Equal(before, _block.Mark());
        Assert.Equal(buckets, _block.Histograms.Buckets.Count);
    }

    [Fact]
    public void A_malformed_attribute_of_a_point_names_the_point_and_takes_everything_back()
    {
        byte[] request = Request(Gauge("kept", Number(1)), Gauge("a", point =>
        {
            point.Fixed64(3, Time);
            point.Double(4, 1);
            point.Message(7, pair => pair.Varint(1, 77));
        }));

        OtlpFormatException malformed = Assert.Throws<OtlpFormatException>(() => Decode(request));

        Assert.StartsWith(
            "resource_metrics[0].scope_metrics[0].metrics[1].data_points[0]: field 1 has wire type Varint, expected LengthDelimited",
            malformed.Message, StringComparison.Ordinal);
        Assert.Equal(0, _block.Count);
    }

    [Theory]
    [InlineData(new byte[] { 0x0a, 0x05, 0x01 }, "a length of 5 reaches past the end of its message")]
    [InlineData(new byte[] { 0x00 }, "an invalid field tag")]
    [InlineData(new byte[] { 0x0e }, "an invalid field tag")]
    [InlineData(new byte[] { 0x14 }, "a group ends that never began")]
    [InlineData(new byte[] { 0x13 }, "the message ends inside a group")]
    [InlineData(new byte[] { 0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 }, "a varint is longer than 10 bytes")]
    public void Bytes_that_are_no_protobuf_are_refused(byte[] request, string problem)
    {
        Assert.Equal(problem, Assert.Throws<OtlpFormatException>(() => Decode(request)).Problem);
    }

    [Fact]
    public void Blocks_append_with_their_buckets_moved()
    {
        using var all = new MetricBlock();
        Decode(RichMetrics());

        all.Append(_block);
        all.Append(_block);

        Assert.Equal(2 * _block.Count, all.Count);
        Assert.Equal([1ul, 2, 3], all.Histograms.BucketsOf(1).ToArray());
        Assert.Equal([2, 4], all.ExponentialHistograms.PositiveEnds.Values.ToArray());
    }

    private DecodeResult Decode(byte[] request) => new MetricsDecoder(_series, 1).Decode(request, _block);
}
