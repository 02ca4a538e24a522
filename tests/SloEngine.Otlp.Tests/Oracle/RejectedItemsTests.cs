using Google.Protobuf;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.RemoteWrite;
using SloEngine.Otlp.Resources;
using SloEngine.Otlp.Traces;

namespace SloEngine.Otlp.Tests.Oracle;

/// <summary>
/// What was rejected stays so when a request is decoded again, whatever it was rejected for: else a replay of the log would store what its sender was told is not kept,
/// and register series beyond all limits.
/// </summary>
public sealed class RejectedItemsTests
{
    private const int Messages = 1_000;

    public enum Kind
    {
        Metrics,
        Logs,
        Spans,
        RemoteWrite1,
        RemoteWrite2,
    }

    private delegate (DecodeResult Result, ReadOnlyMemory<byte> Rejected, string[] Rows) Decode(byte[] request, TextIndex index, MoodyIndex? mood, TimeWindow window, ReadOnlyMemory<byte> rejected);

    [Theory]
    [InlineData(Kind.Metrics)]
    [InlineData(Kind.Logs)]
    [InlineData(Kind.Spans)]
    [InlineData(Kind.RemoteWrite1)]
    [InlineData(Kind.RemoteWrite2)]
    public void A_request_that_is_decoded_again_gives_what_was_accepted_the_first_time(Kind kind)
    {
        Decode decode = DecodeOf(kind);
        int accepted = 0;
        int rejected = 0;
        for (int seed = 0; seed < Messages; seed++)
        {
            byte[] request = Request(kind, seed);
            var random = new Random(seed);
            long middle = kind is Kind.RemoteWrite1 or Kind.RemoteWrite2 ? random.NextInt64(1, 2_000_000_000_000) * 1_000_000 : 1_700_000_000_000_000_000 + random.NextInt64(1_000_000_000_000);
            TimeWindow window = random.Next(3) switch
            {
                0 => new TimeWindow(1, middle),
                1 => new TimeWindow(middle, long.MaxValue),
                _ => TimeWindow.All,
            };
            var index = new TextIndex();

            (DecodeResult first, ReadOnlyMemory<byte> rejectedItems, string[] rows) = decode(request, index, new MoodyIndex(index, random), window, default);
            var freshIndex = new TextIndex();
            (DecodeResult second, _, string[] again) = decode(request, freshIndex, null, TimeWindow.All, rejectedItems);

            Assert.Equal(rows, again);
            Assert.Equal((first.Accepted, first.Exemplars, 0, 0), (second.Accepted, second.Exemplars, second.Rejected, second.DroppedExemplars));
            Assert.Equal(first.Rejected + first.DroppedExemplars > 0, rejectedItems.Length > 0);
            accepted += first.Accepted;
            rejected += first.Rejected;
        }
        Assert.True(accepted > Messages / 2 && rejected > Messages / 4, $"{accepted} accepted and {rejected} rejected items show little");
    }

    [Fact]
    public void A_decoder_forgets_what_it_passed_over()
    {
        var decoder = new LogsDecoder(new TextIndex(), 1, TimeProvider.System) { Window = new TimeWindow(1, 1) };
        using var block = new LogBlock();
        byte[] request = Enumerable.Range(0, Messages).Select(seed => Request(Kind.Logs, seed)).First(request => decoder.Decode(request, block).Rejected > 0);
        int items = decoder.Decode(request, block).Rejected;
        ReadOnlyMemory<byte> all = decoder.RejectedItems;
        decoder.Window = TimeWindow.All;

        Assert.Equal(0, decoder.Decode(request, block, all).Accepted);
        Assert.True(items > 0);
        Assert.True(decoder.Decode(request, block).Accepted > 0);
    }

    private static byte[] Request(Kind kind, int seed) => kind switch
    {
        Kind.Metrics => new RandomOtlp(seed).Metrics().ToByteArray(),
        Kind.Logs => new RandomOtlp(seed).Logs().ToByteArray(),
        Kind.Spans => new RandomOtlp(seed).Traces().ToByteArray(),
        Kind.RemoteWrite1 => new RandomRemoteWrite(seed).Version1().ToByteArray(),
        _ => new RandomRemoteWrite(seed).Version2().ToByteArray(),
    };

    private static Decode DecodeOf(Kind kind) => kind switch
    {
        Kind.Metrics => static (request, index, mood, window, rejected) =>
        {
            using var block = new MetricBlock();
            var decoder = new MetricsDecoder((ISeriesIndex?)mood ?? index, 1) { Window = window };
            return (decoder.Decode(request, block, rejected), decoder.RejectedItems, [.. ColumnRows.Of(block, index)]);
        },
        Kind.Logs => static (request, index, mood, window, rejected) =>
        {
            using var block = new LogBlock();
            var decoder = new LogsDecoder((IResourceIndex?)mood ?? index, 1, new OtlpOracleTests.FixedClock()) { Window = window };
            return (decoder.Decode(request, block, rejected), decoder.RejectedItems, [.. ColumnRows.Of(block, index)]);
        },
        Kind.Spans => static (request, index, mood, window, rejected) =>
        {
            using var block = new SpanBlock();
            var decoder = new TracesDecoder((IResourceIndex?)mood ?? index, 1) { Window = window };
            return (decoder.Decode(request, block, rejected), decoder.RejectedItems, [.. ColumnRows.Of(block, index)]);
        },
        _ => (request, index, mood, window, rejected) =>
        {
            using var block = new MetricBlock();
            var decoder = new RemoteWriteDecoder((ILabelledSeriesIndex?)mood ?? index, 1) { Window = window };
            DecodeResult result = kind == Kind.RemoteWrite1 ? decoder.Decode(request, block, rejected) : decoder.Decode2(request, block, rejected);
            return (result, decoder.RejectedItems, [.. ColumnRows.Of(block, index)]);
        },
    };

    /// <summary>Refuses what is new now and then, as limits do that depend on what else there is.</summary>
    private sealed class MoodyIndex(TextIndex index, Random random) : ISeriesIndex, IResourceIndex, ILabelledSeriesIndex
    {
        public bool TryGet(UInt128 identity, out int reference) => index.TryGet(identity, out reference);

        public int Register(in RawSeries series, out string? rejection) => Refuses(out rejection) ? -1 : index.Register(series, out rejection);

        public int Register(in RawResource resource, out string? rejection) => Refuses(out rejection) ? -1 : index.Register(resource, out rejection);

        public int Register(UInt128 identity, LabelledSeries series, out string? rejection) => Refuses(out rejection) ? -1 : index.Register(identity, series, out rejection);

        private bool Refuses(out string? rejection)
        {
            rejection = random.Next(4) == 0 ? "not now" : null;
            return rejection is not null;
        }
    }
}
