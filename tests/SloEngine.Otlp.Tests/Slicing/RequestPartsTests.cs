using Google.Protobuf;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.RemoteWrite;
using SloEngine.Otlp.Slicing;
using SloEngine.Otlp.Tests.Building;
using SloEngine.Otlp.Tests.Oracle;
using SloEngine.Otlp.Tests.Oracle.Otlp;
using SloEngine.Otlp.Traces;
using V1 = SloEngine.Otlp.Tests.Oracle.RemoteWrite1;
using V2 = SloEngine.Otlp.Tests.Oracle.RemoteWrite2;

namespace SloEngine.Otlp.Tests.Slicing;

/// <summary>What the slices of a request decode to is what the request decodes to, on random messages in random encodings.</summary>
public sealed class RequestPartsTests
{
    private const int Messages = 500;

    [Fact]
    public void Slices_of_metrics_hold_what_the_request_holds()
    {
        for (int seed = 0; seed < Messages; seed++)
        {
            byte[] request = new WireScrambler(seed).Scramble(new RandomOtlp(seed).Metrics().ToByteArray(), ExportMetricsServiceRequest.Descriptor);
            var parts = new RequestParts();
            parts.ReadOtlp(request);
            Assert.Equal(Lines(request), Slices(request, parts).SelectMany(Lines).Order(StringComparer.Ordinal));
        }

        static IEnumerable<string> Lines(byte[] request)
        {
            var index = new TextIndex();
            using var block = new MetricBlock();
            new MetricsDecoder(index, 1).Decode(request, block);
            return [.. ColumnRows.Of(block, index).Order(StringComparer.Ordinal)];
        }
    }

    [Fact]
    public void Slices_of_spans_hold_what_the_request_holds_and_equal_resources_share_one()
    {
        for (int seed = 0; seed < Messages; seed++)
        {
            byte[] request = new WireScrambler(seed).Scramble(new RandomOtlp(seed).Traces().ToByteArray(), ExportTraceServiceRequest.Descriptor);
            byte[] twice = [.. request, .. request];
            var parts = new RequestParts();
            parts.ReadOtlp(twice);
            byte[][] slices = [.. Slices(twice, parts)];
            Assert.Equal(Lines(twice), slices.SelectMany(Lines).Order(StringComparer.Ordinal));
            Assert.True(slices.Length <= parts.Parts.Length / 2, $"seed {seed}");
        }

        static IEnumerable<string> Lines(byte[] request)
        {
            var index = new TextIndex();
            using var block = new SpanBlock();
            new TracesDecoder(index, 1).Decode(request, block);
            return [.. ColumnRows.Of(block, index).Order(StringComparer.Ordinal)];
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Slices_of_remote_write_hold_what_the_request_holds_and_count_it(bool isVersion2)
    {
        for (int seed = 0; seed < Messages; seed++)
        {
            byte[] request = isVersion2
                ? new WireScrambler(seed).Scramble(new RandomRemoteWrite(seed).Version2().ToByteArray(), V2.Request.Descriptor)
                : new WireScrambler(seed).Scramble(new RandomRemoteWrite(seed).Version1().ToByteArray(), V1.WriteRequest.Descriptor);
            var parts = new RequestParts();
            if (isVersion2)
            {
                V2.Request read = V2.Request.Parser.ParseFrom(request);
                parts.ReadRemoteWrite2(request);
                Assert.Equal(
                    (read.Timeseries.Sum(series => series.Samples.Count), read.Timeseries.Sum(series => series.Histograms.Count), read.Timeseries.Sum(series => series.Exemplars.Count)),
                    (parts.Samples, parts.Histograms, parts.Exemplars));
            }
            else
            {
                V1.WriteRequest read = V1.WriteRequest.Parser.ParseFrom(request);
                parts.ReadRemoteWrite1(request);
                Assert.Equal(
                    (read.Timeseries.Sum(series => series.Samples.Count), read.Timeseries.Sum(series => series.Histograms.Count), read.Timeseries.Sum(series => series.Exemplars.Count)),
                    (parts.Samples, parts.Histograms, parts.Exemplars));
            }
            Assert.Equal(Lines(request), Slices(request, parts).SelectMany(Lines).Order(StringComparer.Ordinal));
        }

        IEnumerable<string> Lines(byte[] request)
        {
            var index = new TextIndex();
            using var block = new MetricBlock();
            var decoder = new RemoteWriteDecoder(index, 1);
            _ = isVersion2 ? decoder.Decode2(request, block) : decoder.Decode(request, block);
            return [.. ColumnRows.Of(block, index).Order(StringComparer.Ordinal)];
        }
    }

    [Fact]
    public void A_message_that_is_cut_off_is_refused_with_its_place()
    {
        byte[] request = OtlpBuilder.RichMetrics();

        OtlpFormatException failure = Assert.Throws<OtlpFormatException>(() => new RequestParts().ReadOtlp(request.AsSpan(0, request.Length - 1)));

        Assert.Matches("a length of \\d+ reaches past the end of its message at byte \\d+", failure.Message);
    }

    /// <summary>One slice for each identity.</summary>
    private static IEnumerable<byte[]> Slices(byte[] request, RequestParts parts)
    {
        byte[] shared = [.. parts.Shared.ToArray().SelectMany(field => request.AsSpan(field.Start, field.Length).ToArray())];
        return parts.Parts.ToArray().GroupBy(part => part.Identity)
            .Select(slice => (byte[])[.. shared, .. slice.SelectMany(part => request.AsSpan(part.Start, part.Length).ToArray())]);
    }
}
