using System.Diagnostics;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Loki;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.RemoteWrite;
using SloEngine.Otlp.Tests.Building;

namespace SloEngine.Otlp.Tests.Fuzz;

/// <summary>Small requests built to cost much: where two parts of a request multiply, the product is bounded.</summary>
public sealed class AmplificationTests
{
    private const int Large = 500_000;

    [Fact]
    public void A_symbol_that_stands_once_and_is_referred_to_by_every_label_costs_a_multiple_of_the_request()
    {
        string symbol = new('v', Large);
        byte[] request = OtlpBuilder.Encode(writer =>
        {
            writer.Text(4, "");
            writer.Text(4, symbol);
            writer.Text(4, "__name__");
            for (int label = 0; label < 2_000; label++)
            {
                writer.Text(4, "label" + label);
            }
            writer.Message(5, series =>
            {
                series.Varint(1, 2);
                series.Varint(1, 2);
                for (uint label = 0; label < 2_000; label++)
                {
                    series.Varint(1, label + 3);
                    series.Varint(1, 1);
                }
                series.Message(2, sample => sample.Varint(2, 1));
            });
            for (int again = 0; again < 200; again++)
            {
                // Only hashed: a series without samples.
                HashedOnly(writer);
            }
        });
        using var block = new MetricBlock();
        DecodeResult result = Bounded(() => new RemoteWriteDecoder(new NoIndex(), 1).Decode2(request, block), mebibytes: 200);

        Assert.Equal((0, 1), (result.Accepted, result.Rejected));
        Assert.Contains("too much room", result.ErrorMessage, StringComparison.Ordinal);

        static void HashedOnly(ProtobufWriter writer) => writer.Message(5, message => message.Bytes(1, Enumerable.Repeat((byte)1, 2_000).ToArray()));
    }

    [Fact]
    public void Symbols_that_every_exemplar_refers_to_cost_a_multiple_of_the_request()
    {
        byte[] request = OtlpBuilder.Encode(writer =>
        {
            writer.Text(4, "");
            writer.Text(4, "__name__");
            writer.Text(4, "requests_total");
            writer.Text(4, new string('v', 4_000));
            writer.Message(5, series =>
            {
                series.Bytes(1, [1, 2]);
                for (int exemplar = 0; exemplar < 200_000; exemplar++)
                {
                    series.Message(4, message =>
                    {
                        message.Bytes(1, [1, 3]);
                        message.Varint(3, 1);
                    });
                }
            });
        });
        using var block = new MetricBlock();
        DecodeResult result = Bounded(() => new RemoteWriteDecoder(new NoIndex(), 1).Decode2(request, block), mebibytes: 200);

        Assert.Equal((0, 0, 200_000), (result.Accepted, result.Rejected, result.Exemplars + result.DroppedExemplars));
        Assert.InRange(result.Exemplars, 1, 20_000);
        Assert.InRange(block.Exemplars.Attributes.Values.Data.Count, 1, request.Length * 16);
        Assert.EndsWith(" exemplars were dropped: the labels of the request's exemplars take too much room for its size", result.Warning, StringComparison.Ordinal);
    }

    [Fact]
    public void Gaps_between_the_spans_of_histograms_cost_a_multiple_of_the_request()
    {
        byte[] request = OtlpBuilder.Encode(writer => writer.Message(1, series =>
        {
            series.Message(1, label =>
            {
                label.Text(1, "__name__");
                label.Text(2, "latency");
            });
            for (int histogram = 0; histogram < 10_000; histogram++)
            {
                series.Message(4, message =>
                {
                    message.Varint(15, 1);
                    for (int span = 0; span < 2; span++)
                    {
                        message.Message(11, part =>
                        {
                            part.Varint(1, OtlpBuilder.ZigZag(90_000));
                            part.Varint(2, 1);
                        });
                    }
                    message.Bytes(12, [0, 0]);
                });
            }
        }));
        using var block = new MetricBlock();
        DecodeResult result = Bounded(() => new RemoteWriteDecoder(new NoIndex(), 1).Decode(request, block), mebibytes: 200);

        Assert.Equal(10_000, result.Accepted + result.Rejected);
        Assert.InRange(result.Accepted, 1, 100);
        Assert.Contains("too many empty buckets", result.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public void Quantiles_do_not_multiply_with_the_attributes_of_their_summary()
    {
        string value = new('v', Large);
        byte[] request = OtlpBuilder.Request(OtlpBuilder.Summary("pause", point =>
        {
            point.Attribute(7, "path", value);
            point.Fixed64(3, OtlpBuilder.Time);
            for (int quantile = 0; quantile < 50_000; quantile++)
            {
                point.Message(6, message => message.Double(1, quantile));
            }
        }));
        using var block = new MetricBlock();
        DecodeResult result = Bounded(() => new MetricsDecoder(new SeriesLog(), 1).Decode(request, block), mebibytes: 50);

        Assert.Equal((0, 1), (result.Accepted, result.Rejected));
        Assert.Contains("50000 quantile_values, expected at most 100", result.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public void Labels_and_level_of_a_Loki_stream_do_not_multiply_with_its_entries()
    {
        string labels = string.Join(',', Enumerable.Range(0, 50_000).Select(label => $"l{label}=\"\"")) + $",level=\"{new string('v', Large)}\"";
        byte[] request = OtlpBuilder.Encode(writer => writer.Message(1, stream =>
        {
            stream.Text(1, "{" + labels + "}");
            for (int entry = 0; entry < 50_000; entry++)
            {
                stream.Bytes(2, []);
            }
        }));
        using var block = new LogBlock();
        DecodeResult result = Bounded(() => new LogsDecoder(new ResourceLog(), 1, TimeProvider.System).Decode(LokiPush.FromProtobuf(request).Span, block), mebibytes: 200);

        Assert.Equal(50_000, result.Accepted);
    }

    [Fact]
    public void Parts_of_a_message_given_many_times_are_merged_in_one_pass()
    {
        byte[] request = OtlpBuilder.Request(record =>
        {
            for (int part = 0; part < 100_000; part++)
            {
                record.Message(5, body => body.Message(5, array => array.Bytes(1, [])));
            }
        });
        using var block = new LogBlock();
        DecodeResult result = Bounded(() => new LogsDecoder(new ResourceLog(), 1, TimeProvider.System).Decode(request, block), mebibytes: 100);

        Assert.Equal(1, result.Accepted);
        Assert.Equal("[" + string.Join(',', Enumerable.Repeat("null", 100_000)) + "]", block.Bodies.Text(0));
    }

    /// <summary>Runs within 5 seconds and the given number of allocated mebibytes.</summary>
    private static DecodeResult Bounded(Func<DecodeResult> decode, long mebibytes)
    {
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        long began = Stopwatch.GetTimestamp();
        DecodeResult result = decode();
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(5));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocated, 0, mebibytes << 20);
        return result;
    }

    private sealed class NoIndex : ILabelledSeriesIndex
    {
        public bool TryGet(UInt128 identity, out int series)
        {
            series = 0;
            return false;
        }

        public int Register(UInt128 identity, LabelledSeries series, out string? rejection)
        {
            rejection = null;
            return 1;
        }
    }
}
