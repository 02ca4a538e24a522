using Google.Protobuf;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Tests.Oracle.Otlp;
using SloEngine.Otlp.Traces;

namespace SloEngine.Otlp.Tests.Oracle;

/// <summary>The decoders against readers generated from the public definitions, on random messages in random encodings.</summary>
public sealed class OtlpOracleTests
{
    private const int Messages = 2_000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Metrics_come_out_as_a_generated_reader_reads_them(bool scrambled)
    {
        for (int seed = 0; seed < Messages; seed++)
        {
            byte[] request = new RandomOtlp(seed).Metrics().ToByteArray();
            request = scrambled ? new WireScrambler(seed).Scramble(request, ExportMetricsServiceRequest.Descriptor) : request;
            Compare(seed, request);
        }

        static void Compare(int seed, byte[] request)
        {
            var index = new TextIndex();
            using var block = new MetricBlock();
            DecodeResult result = new MetricsDecoder(index, 1).Decode(request, block);
            Same(seed, GeneratedRows.Of(ExportMetricsServiceRequest.Parser.ParseFrom(request)), result, ColumnRows.Of(block, index));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Logs_come_out_as_a_generated_reader_reads_them(bool scrambled)
    {
        var clock = new FixedClock();
        for (int seed = 0; seed < Messages; seed++)
        {
            byte[] request = new RandomOtlp(seed).Logs().ToByteArray();
            request = scrambled ? new WireScrambler(seed).Scramble(request, ExportLogsServiceRequest.Descriptor) : request;
            var index = new TextIndex();
            using var block = new LogBlock();
            DecodeResult result = new LogsDecoder(index, 1, clock).Decode(request, block);
            Same(seed, GeneratedRows.Of(ExportLogsServiceRequest.Parser.ParseFrom(request), clock.GetUtcNow()), result, ColumnRows.Of(block, index));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Spans_come_out_as_a_generated_reader_reads_them(bool scrambled)
    {
        for (int seed = 0; seed < Messages; seed++)
        {
            byte[] request = new RandomOtlp(seed).Traces().ToByteArray();
            request = scrambled ? new WireScrambler(seed).Scramble(request, ExportTraceServiceRequest.Descriptor) : request;
            var index = new TextIndex();
            using var block = new SpanBlock();
            DecodeResult result = new TracesDecoder(index, 1).Decode(request, block);
            Same(seed, GeneratedRows.Of(ExportTraceServiceRequest.Parser.ParseFrom(request)), result, ColumnRows.Of(block, index));
        }
    }

    internal static void Same(int seed, GeneratedRows expected, DecodeResult result, IEnumerable<string> lines) =>
        Same(seed, expected.Lines, expected.Accepted, expected.Items, (expected.Exemplars, expected.DroppedExemplars), result, lines);

    internal static void Same(
        int seed, IEnumerable<string> expected, int accepted, int items, (int Kept, int Dropped) exemplars, DecodeResult result, IEnumerable<string> lines)
    {
        string[] left = [.. expected];
        string[] right = [.. lines];
        for (int row = 0; row < Math.Min(left.Length, right.Length); row++)
        {
            Assert.True(left[row] == right[row], $"seed {seed}, row {row}\nread:    {left[row]}\ncolumns: {right[row]}");
        }
        Assert.True(
            (accepted, items, exemplars, left.Length)
                == (result.Accepted, result.Accepted + result.Rejected, (result.Exemplars, result.DroppedExemplars), right.Length),
            $"seed {seed}: read {accepted} of {items}, exemplars {exemplars}, in {left.Length} rows; columns {result} in {right.Length} rows");
    }

    internal sealed class FixedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 11, 21, 9, 30, 0, TimeSpan.Zero);
    }
}
