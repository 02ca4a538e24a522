using SloEngine.Otlp.Common;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.RemoteWrite;
using SloEngine.Otlp.Tests.Building;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Otlp.Tests.RemoteWrite;

/// <summary>Remote write of both versions into columns.</summary>
public sealed class RemoteWriteDecoderTests : IDisposable
{
    private readonly MetricBlock _block = new();
    private readonly Index _index = new();

    public void Dispose() => _block.Dispose();

    [Fact]
    public void Samples_of_version_1_come_with_their_labels_sorted_and_empty_ones_left_out()
    {
        byte[] request = Encode(write => write.Message(1, series =>
        {
            Label(series, "path", "/cart");
            Label(series, "__name__", "http_requests_total");
            Label(series, "empty", "");
            Label(series, "code", "200");
            Sample(series, 3.5, 1_700_000_000_000);
            Sample(series, 4.5, 1_700_000_015_000);
        }));

        DecodeResult result = Decoder().Decode(request, _block);

        Assert.Equal((2, 0, 0), (result.Accepted, result.Rejected, result.Histograms));
        LabelledSeries registered = Assert.Single(_index.Registered);
        Assert.Equal(("http_requests_total", MetricKind.Counter), (registered.Metric, registered.Kind));
        Assert.Equal(["code=200", "path=/cart"], registered.Labels.Select(label => $"{label.Key}={label.Value}"));
        Assert.Equal([3.5, 4.5], _block.Numbers.Values.Values.ToArray());
        Assert.Equal([1_700_000_000_000_000_000, 1_700_000_015_000_000_000], _block.Numbers.TimeNanos.Values.ToArray());
    }

    [Fact]
    public void Version_2_refers_to_symbols_and_tells_type_unit_help_and_start()
    {
        DecodeResult result = Decoder().Decode2(Version2(metadataType: 2), _block);

        Assert.Equal((2, 0, 1), (result.Accepted, result.Rejected, result.Histograms));
        Assert.Equal(2, _index.Registered.Count);
        LabelledSeries floats = _index.Registered[0];
        Assert.Equal(("queue_total", MetricKind.Gauge, "items", "Length of the queue."), (floats.Metric, floats.Kind, floats.Unit, floats.Help));
        Assert.Equal(1_699_999_000_000_000_000, _block.Numbers.StartNanos[0]);
    }

    [Fact]
    public void The_type_is_part_of_a_series_of_version_2()
    {
        RemoteWriteDecoder decoder = Decoder();
        decoder.Decode2(Version2(metadataType: 2), _block);
        decoder.Decode2(Version2(metadataType: 1), _block);

        Assert.Equal([MetricKind.Gauge, MetricKind.Counter], _index.Registered.Where(series => series.Kind < MetricKind.Histogram).Select(series => series.Kind));
    }

    [Fact]
    public void A_native_histogram_is_dense_and_shifted_by_one_bucket()
    {
        byte[] request = Encode(write => write.Message(1, series =>
        {
            Label(series, "__name__", "latency_seconds");
            series.Message(4, histogram =>
            {
                histogram.Varint(1, 12);
                histogram.Double(3, 18.4);
                histogram.Varint(4, ZigZag(1));
                histogram.Double(5, 0.001);
                histogram.Varint(6, 2);
                Span(histogram, 11, 0, 2);
                Span(histogram, 11, 1, 2);
                Deltas(histogram, 12, 1, 1, -1, 0);
                Span(histogram, 8, -3, 1);
                Deltas(histogram, 9, 5);
                histogram.Varint(15, 1_700_000_000_000);
            });
        }));

        DecodeResult result = Decoder().Decode(request, _block);

        Assert.Equal((1, 0, 1), (result.Accepted, result.Rejected, result.Histograms));
        ExponentialHistogramPoints points = _block.ExponentialHistograms;
        Assert.Equal((1, 12UL, 18.4, 2UL, 0.001), (points.Scales[0], points.Counts[0], points.Sums[0], points.ZeroCounts[0], points.ZeroThresholds[0]));
        Assert.Equal((-1, -4), (points.PositiveOffsets[0], points.NegativeOffsets[0]));
        Assert.Equal([1UL, 2UL, 0UL, 1UL, 1UL], points.PositiveBuckets.Values.ToArray());
        Assert.Equal([5UL], points.NegativeBuckets.Values.ToArray());
        Assert.Equal(MetricKind.ExponentialHistogram, _index.Registered[0].Kind);
    }

    [Fact]
    public void Custom_buckets_make_an_explicit_histogram_and_a_native_one()
    {
        byte[] request = Encode(write => write.Message(1, series =>
        {
            Label(series, "__name__", "size_bytes");
            series.Message(4, histogram =>
            {
                histogram.Varint(1, 6);
                histogram.Double(3, 9);
                histogram.Varint(4, ZigZag(-53));
                Span(histogram, 11, 1, 2);
                Deltas(histogram, 12, 2, 2);
                histogram.Bytes(16, System.Runtime.InteropServices.MemoryMarshal.AsBytes<double>([1, 2, 5]));
                histogram.Varint(15, 1_700_000_000_000);
            });
        }));

        DecodeResult result = Decoder().Decode(request, _block);

        Assert.Equal((1, 1), (result.Accepted, result.Histograms));
        Assert.Equal([0UL, 2UL, 4UL, 0UL], _block.Histograms.BucketsOf(0).ToArray());
        Assert.Equal([1.0, 2, 5], _index.Registered[_block.Histograms.Series[0]].Bounds);
        FloatHistogramPoints native = _block.FloatHistograms;
        Assert.Equal((-53, 6.0, 9.0), (native.Schemas[0], native.Counts[0], native.Sums[0]));
        Assert.Equal([1, 2], native.PositiveIndexes.Values.ToArray());
        Assert.Equal([2.0, 4], native.Positive.Values.ToArray());
        Assert.Equal([1.0, 2, 5], native.Bounds.Values.ToArray());
    }

    [Fact]
    public void Histograms_of_fractional_counts_and_gauges_keep_their_buckets_as_they_are()
    {
        byte[] request = Encode(write => write.Message(1, series =>
        {
            Label(series, "__name__", "job:latency:rate5m");
            series.Message(4, histogram =>
            {
                histogram.Double(2, 4.5);
                histogram.Double(3, 18.25);
                histogram.Varint(4, ZigZag(1));
                histogram.Double(5, 0.001);
                histogram.Double(7, 0.5);
                Span(histogram, 8, -2, 1);
                histogram.Bytes(10, System.Runtime.InteropServices.MemoryMarshal.AsBytes<double>([0.25]));
                Span(histogram, 11, 3, 1);
                Span(histogram, 11, 1_000, 2);
                histogram.Bytes(13, System.Runtime.InteropServices.MemoryMarshal.AsBytes<double>([1.5, 0.75, 1.5]));
                histogram.Varint(15, 1_700_000_000_000);
            });
            series.Message(4, gauge =>
            {
                gauge.Varint(1, 3);
                gauge.Varint(4, ZigZag(0));
                Span(gauge, 11, 0, 2);
                Deltas(gauge, 12, 2, -1);
                gauge.Varint(14, 3);
                gauge.Varint(15, 1_700_000_060_000);
            });
            series.Message(4, stale =>
            {
                stale.Double(2, 0);
                stale.Double(3, MetricsDecoder.StaleMarker);
                stale.Varint(15, 1_700_000_120_000);
            });
        }));

        DecodeResult result = Decoder().Decode(request, _block);

        Assert.Equal((3, 0, 3), (result.Accepted, result.Rejected, result.Histograms));
        FloatHistogramPoints points = _block.FloatHistograms;
        Assert.Equal((MetricKind.FloatHistogram, 0), (Assert.Single(_index.Registered).Kind, _index.Registered[0].Bounds.Length));
        Assert.Equal([4.5, 3, 0], points.Counts.Values.ToArray());
        Assert.Equal([0, 3, 0], points.Hints.Values.ToArray());
        Assert.Equal((0.5, 0.001, 1), (points.ZeroCounts[0], points.ZeroThresholds[0], points.Schemas[0]));
        Assert.Equal([3, 1004, 1005, 0, 1], points.PositiveIndexes.Values.ToArray());
        Assert.Equal([1.5, 0.75, 1.5, 2, 1], points.Positive.Values.ToArray());
        Assert.Equal([3, 5, 5], points.PositiveEnds.Values.ToArray());
        Assert.Equal([-2], points.NegativeIndexes.Values.ToArray());
        Assert.Equal([0.25], points.Negative.Values.ToArray());
        Assert.Equal(BitConverter.DoubleToUInt64Bits(MetricsDecoder.StaleMarker), BitConverter.DoubleToUInt64Bits(points.Sums[2]));
    }

    [Theory]
    [InlineData(0, 3, 1.0, 0, null)]
    [InlineData(0, 4, 1.0, 0, "the buckets of a histogram hold 3 observations and its count is 4")]
    [InlineData(0, 4, double.NaN, 0, null)]
    [InlineData(0, 2, double.NaN, 0, "the buckets of a histogram hold 3 observations and its count is 2")]
    [InlineData(52, 3, 1.0, 0, null)]
    [InlineData(53, 3, 1.0, 0, "the histogram has schema 53; expected -4 to 8")]
    [InlineData(-5, 3, 1.0, 0, "the histogram has schema -5")]
    [InlineData(-53, 3, 1.0, 0, "cover buckets it does not have")]
    [InlineData(-53, 3, 1.0, 0, null, 1.0)]
    [InlineData(0, 3, 1.0, 0, "a histogram of an exponential schema has custom_values", 1.0)]
    [InlineData(-53, 3, 1.0, 0, "not finite and ascending", 1.0, double.PositiveInfinity)]
    [InlineData(-53, 3, 1.0, 0, "not finite and ascending", double.NaN, 1.0)]
    [InlineData(-53, 3, 1.0, 0, "not finite and ascending", 1.0, 1.0)]
    [InlineData(-53, 4, 1.0, 1, "negative buckets or one around zero", 1.0)]
    public void A_native_histogram_is_held_to_the_rules_of_Prometheus(int schema, int count, double sum, int zero, string? reason, params double[] bounds)
    {
        byte[] request = Encode(write => write.Message(1, series =>
        {
            Label(series, "__name__", "latency");
            series.Message(4, histogram =>
            {
                histogram.Varint(1, (ulong)count);
                histogram.Double(3, sum);
                histogram.Varint(4, ZigZag(schema));
                histogram.Varint(6, (ulong)zero);
                Span(histogram, 11, 0, 2);
                Deltas(histogram, 12, 2, -1);
                histogram.Bytes(16, System.Runtime.InteropServices.MemoryMarshal.AsBytes<double>(bounds));
                histogram.Varint(15, 1_700_000_000_000);
            });
        }));

        DecodeResult result = Decoder().Decode(request, _block);

        Assert.Equal(reason is null ? (1, 0) : (0, 1), (result.Accepted, result.Rejected));
        Assert.Contains(reason ?? "", result.ErrorMessage ?? "", StringComparison.Ordinal);
        Assert.All(_block.ExponentialHistograms.Scales.Values.ToArray(), scale => Assert.Equal(Math.Min(schema, 8), scale));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void What_makes_no_sense_is_rejected_with_the_reason_and_the_rest_is_taken(int fault)
    {
        byte[] request = Encode(write =>
        {
            write.Message(1, series =>
            {
                if (fault != 0)
                {
                    Label(series, "__name__", "broken");
                }
                if (fault == 1)
                {
                    Label(series, "a", "1");
                    Label(series, "a", "2");
                }
                if (fault == 2)
                {
                    Label(series, "", "nameless");
                }
                if (fault == 3)
                {
                    series.Message(4, histogram =>
                    {
                        histogram.Double(2, -1.5);
                        histogram.Varint(15, 1_700_000_000_000);
                    });
                }
                else
                {
                    Sample(series, 1, fault == 4 ? -1 : 1_700_000_000_000);
                }
            });
            write.Message(1, series =>
            {
                Label(series, "__name__", "fine");
                Sample(series, 2, 1_700_000_000_000);
            });
        });

        DecodeResult result = Decoder().Decode(request, _block);

        Assert.Equal((1, 1), (result.Accepted, result.Rejected));
        string[] reasons = ["__name__", "label a is given twice", "label has no name", "count below zero", "timestamp -1"];
        Assert.Contains(reasons[fault], result.ErrorMessage, StringComparison.Ordinal);
        Assert.Equal([2.0], _block.Numbers.Values.Values.ToArray());
    }

    [Fact]
    public void Truncated_and_mutated_requests_are_refused_or_taken_and_never_leave_half_of_themselves()
    {
        byte[][] requests = [Version2(1), Encode(write => write.Message(1, series =>
        {
            Label(series, "__name__", "requests");
            Sample(series, 1, 1_700_000_000_000);
        }))];
        var random = new Random(7);
        for (int round = 0; round < 20_000; round++)
        {
            bool second = round % 2 == 0;
            byte[] request = [.. requests[second ? 0 : 1]];
            for (int change = random.Next(1, 4); change > 0; change--)
            {
                request[random.Next(request.Length)] = (byte)random.Next(256);
            }
            request = request[..random.Next(request.Length + 1)];
            _block.Clear();
            try
            {
                DecodeResult result = second ? Decoder().Decode2(request, _block) : Decoder().Decode(request, _block);
                Assert.Equal(result.Accepted, _block.Count);
            }
            catch (OtlpFormatException)
            {
                Assert.Equal(0, _block.Count);
            }
        }
    }

    /// <summary>Series that are known go a shorter way, where they have the shape that senders give them, and no other bytes may go it.</summary>
    [Fact]
    public void A_request_gives_the_same_samples_when_its_series_are_known_whatever_their_shape_and_what_is_changed_in_it()
    {
        var random = new Random(11);
        long[] times = [1_700_000_000_000, 1L << 41, (1L << 42) - 1, 1L << 35, (1L << 35) - 1, 1, 0, -1, 1L << 42, long.MaxValue];
        using var again = new MetricBlock();
        for (int round = 0; round < 2_000; round++)
        {
            byte[] request = Encode(write =>
            {
                for (int count = random.Next(1, 6); count > 0; count--)
                {
                    write.Message(1, series => Shaped(series, random, times));
                }
            });
            var index = new Index();
            var decoder = new RemoteWriteDecoder(index, 7);
            _block.Clear();
            again.Clear();

            DecodeResult first = decoder.Decode(request, _block);
            int known = index.Registered.Count;
            DecodeResult second = decoder.Decode(request, again);

            Assert.Equal(known, index.Registered.Count);
            Assert.Equal((first.Accepted, first.Rejected, first.ErrorMessage), (second.Accepted, second.Rejected, second.ErrorMessage));
            Assert.Equal(_block.Numbers.Series.Values.ToArray(), again.Numbers.Series.Values.ToArray());
            Assert.Equal(_block.Numbers.TimeNanos.Values.ToArray(), again.Numbers.TimeNanos.Values.ToArray());
            Assert.Equal(_block.Numbers.StartNanos.Values.ToArray(), again.Numbers.StartNanos.Values.ToArray());
            Assert.Equal(_block.Numbers.Values.Values.ToArray(), again.Numbers.Values.Values.ToArray());
            for (int change = 0; change < 10; change++)
            {
                byte[] changed = [.. request];
                changed[random.Next(changed.Length)] ^= (byte)random.Next(1, 256);
                Assert.Equal(Outcome(new RemoteWriteDecoder(new Index(), 7), changed), Outcome(decoder, changed));
            }
        }

        string Outcome(RemoteWriteDecoder decoder, byte[] request)
        {
            again.Clear();
            try
            {
                DecodeResult result = decoder.Decode(request, again);
                NumberPoints numbers = again.Numbers;
                return $"{result.Accepted} {result.Rejected} {string.Join(' ', numbers.TimeNanos.Values.ToArray())} "
                    + $"{string.Join(' ', numbers.Values.Values.ToArray().Select(BitConverter.DoubleToInt64Bits))}";
            }
            catch (OtlpFormatException malformed)
            {
                return malformed.Message;
            }
        }
    }

    private RemoteWriteDecoder Decoder() => new(_index, 7);

    private static void Shaped(ProtobufWriter series, Random random, long[] times)
    {
        Label(series, "__name__", "requests");
        Label(series, "path", new string('p', random.Next(0, 200)) + random.Next(20));
        if (random.Next(8) == 0)
        {
            series.Varint(9, (ulong)random.Next());
        }
        for (int samples = random.Next(4) == 0 ? random.Next(4) : 1; samples > 0; samples--)
        {
            double value = random.Next(4) == 0 ? double.NaN : random.NextDouble();
            long time = times[random.Next(2) == 0 ? 0 : random.Next(times.Length)];
            bool isTurned = random.Next(8) == 0;
            series.Message(2, sample =>
            {
                if (isTurned)
                {
                    sample.Varint(2, (ulong)time);
                }
                sample.Double(1, value);
                if (!isTurned)
                {
                    sample.Varint(2, (ulong)time);
                }
            });
        }
        if (random.Next(8) == 0)
        {
            Label(series, "zone", "a");
        }
    }

    private static byte[] Version2(int metadataType) => Encode(write =>
    {
        foreach (string symbol in (string[])["", "__name__", "queue_total", "job", "shop", "items", "Length of the queue.", "latency"])
        {
            write.Text(4, symbol);
        }
        write.Message(5, series =>
        {
            series.Bytes(1, [1, 2, 3, 4]);
            Sample(series, 7, 1_700_000_000_000);
            series.Message(5, metadata =>
            {
                metadata.Varint(1, (ulong)metadataType);
                metadata.Varint(3, 6);
                metadata.Varint(4, 5);
            });
            series.Varint(6, 1_699_999_000_000);
        });
        write.Message(5, series =>
        {
            series.Bytes(1, [1, 7]);
            series.Message(3, histogram =>
            {
                histogram.Varint(1, 1);
                histogram.Double(3, 1);
                histogram.Varint(4, ZigZag(0));
                Span(histogram, 11, 0, 1);
                Deltas(histogram, 12, 1);
                histogram.Varint(15, 1_700_000_000_000);
            });
        });
    });

    private static void Label(ProtobufWriter series, string name, string value) => series.Message(1, label =>
    {
        label.Text(1, name);
        label.Text(2, value);
    });

    private static void Sample(ProtobufWriter series, double value, long timestamp) => series.Message(2, sample =>
    {
        sample.Double(1, value);
        sample.Varint(2, (ulong)timestamp);
    });

    private static void Span(ProtobufWriter histogram, int field, int offset, ulong length) => histogram.Message(field, span =>
    {
        span.Varint(1, ZigZag(offset));
        span.Varint(2, length);
    });

    private static void Deltas(ProtobufWriter histogram, int field, params int[] deltas) =>
        histogram.Bytes(field, [.. deltas.Select(delta => (byte)ZigZag(delta))]);

    private sealed class Index : ILabelledSeriesIndex
    {
        private readonly Dictionary<UInt128, int> _known = [];

        public List<LabelledSeries> Registered { get; } = [];

        public bool TryGet(UInt128 identity, out int series) => _known.TryGetValue(identity, out series);

        public int Register(UInt128 identity, LabelledSeries series, out string? rejection)
        {
            rejection = null;
            Registered.Add(series);
            return _known[identity] = Registered.Count - 1;
        }
    }
}
