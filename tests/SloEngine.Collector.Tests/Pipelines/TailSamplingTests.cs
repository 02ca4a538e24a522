using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Pipelines;
using SloEngine.Collector.Pipelines.Tail;
using SloEngine.Collector.Tests.Ingest;
using SloEngine.Otlp.Resources;
using SloEngine.Otlp.Tests.Building;
using SloEngine.Otlp.Traces;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Collector.Tests.Pipelines;

/// <summary>Which traces are kept, and that spans that wait are safe.</summary>
public sealed class TailSamplingTests
{
    private static readonly TailSampling Rules = new() { Name = "tail", DecisionWait = TimeSpan.FromSeconds(1), SlowerThan = TimeSpan.FromSeconds(2) };

    [Fact]
    public void Errors_and_slow_traces_are_kept_whole_and_the_others_go()
    {
        var decisions = new TraceDecisions(Rules, null, null);
        using SpanBlock first = Block((1, false, 10), (2, false, 10), (3, false, 1_500), (4, false, 10));
        // An error, and an end that makes the trace last 2 s, come before the first spans' turn.
        using SpanBlock second = Block((1, true, 10), (3, false, 2_000));
        decisions.Observe(first);
        decisions.Observe(second);

        Assert.Equal([1, 3], Taken(decisions, first));
        Assert.Equal([1, 3], Taken(decisions, second));
        Assert.Equal(0, decisions.Pending);
    }

    [Fact]
    public void Late_spans_follow_the_decision_even_if_they_are_errors()
    {
        var decisions = new TraceDecisions(Rules, null, null);
        using SpanBlock first = Block((1, true, 10), (2, false, 10));
        using SpanBlock late = Block((1, false, 10), (2, true, 10));

        Assert.Equal([1], Taken(decisions, first));
        decisions.Observe(late);

        Assert.Equal([1], Taken(decisions, late));
    }

    [Fact]
    public void Beyond_the_most_that_may_wait_a_trace_is_decided_by_what_its_first_turn_shows()
    {
        var decisions = new TraceDecisions(Rules with { MaxPending = 1 }, null, null);
        using SpanBlock spans = Block((1, false, 10), (2, true, 10));
        decisions.Observe(spans);

        Assert.True(decisions.IsFull);
        Assert.Equal(1, decisions.Pending);
        Assert.Equal([2], Taken(decisions, spans));
    }

    [Fact]
    public void Decisions_are_forgotten_beyond_their_number_and_no_memory_is_kept_of_them()
    {
        var decisions = new TraceDecisions(Rules with { MaxDecisions = 4 }, null, null);
        using SpanBlock error = Block((1, true, 10));
        using SpanBlock others = Block((2, false, 1), (3, false, 1), (4, false, 1), (5, false, 1), (6, false, 1));
        using SpanBlock late = Block((1, false, 10));
        Assert.Equal([1], Taken(decisions, error));
        Assert.Empty(Taken(decisions, others));

        // It is decided anew, as the trace of one span that it is now.
        Assert.Empty(Taken(decisions, late));
    }

    [Fact]
    public void The_spans_of_a_trace_share_one_fate_however_they_come() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll<(byte Trace, bool Error, byte Block)[]>(spans =>
        {
            var decisions = new TraceDecisions(Rules with { Rest = SamplingThreshold.Of(0.3) }, SampleHalf(), null);
            SpanBlock[] blocks = [.. spans.GroupBy(span => span.Block % 4).OrderBy(group => group.Key).Select(group => Block([.. group.Select(span => (span.Trace, span.Error, 1L))]))];
            foreach (SpanBlock block in blocks.Take(2))
            {
                decisions.Observe(block);
            }
            List<byte> kept = [.. blocks.SelectMany(block => Taken(decisions, block))];
            return spans.GroupBy(span => Math.Max(span.Trace, (byte)1)).All(trace => kept.Count(one => one == trace.Key) is var count && (count == 0 || count == trace.Count()));
        }));

    [Fact]
    public async Task Spans_wait_in_the_log_and_are_stored_exactly_once_when_their_time_has_come()
    {
        await using var rig = new IngestRig(new CollectorOptions { Pipelines = new PipelineOptions { TailTraces = Rules } });
        await rig.StartAsync();

        await rig.SendAsync(Signal.Traces, Request(Span(1, error: false), Span(2, error: false), Span(1, error: true)));
        await rig.SendAsync(Signal.Logs, RichLogs());
        await rig.Store.HoldsAsync("logs", 1);
        Assert.Equal(0, rig.Store.Rows("spans"));

        await rig.Store.HoldsAsync("spans", 2);
        // The taps have counted all three.
        Assert.Equal(3, rig.Taps.Spans);
        Assert.Equal(4, rig.Store.Rows("counts"));
    }

    [Fact]
    public async Task Spans_that_waited_when_the_process_ended_wait_on_in_the_next_one()
    {
        await using var rig = new IngestRig(new CollectorOptions { Pipelines = new PipelineOptions { TailTraces = Rules with { DecisionWait = TimeSpan.FromMinutes(10) } } });
        await rig.StartAsync();
        await rig.SendAsync(Signal.Traces, Request(Span(1, error: false), Span(2, error: false)));
        await rig.Store.HoldsAsync("counts", 2);
        await rig.StopAsync();

        rig.Options = rig.Options with { Pipelines = new PipelineOptions { TailTraces = Rules } };
        await rig.StartAsync();
        // The error that keeps the trace comes only now.
        await rig.SendAsync(Signal.Traces, Request(Span(1, error: true)));

        await rig.Store.HoldsAsync("spans", 2);
        Assert.Equal(3, rig.Store.Rows("counts"));
    }

    [Fact]
    public async Task Once_tail_sampling_is_configured_no_more_all_that_waited_is_stored_once()
    {
        await using var rig = new IngestRig(new CollectorOptions { Pipelines = new PipelineOptions { TailTraces = Rules with { DecisionWait = TimeSpan.FromMinutes(10) } } });
        await rig.StartAsync();
        await rig.SendAsync(Signal.Traces, Request(Span(1, error: false), Span(2, error: false)));
        await rig.Store.HoldsAsync("counts", 2);
        await rig.StopAsync();

        rig.Options = rig.Options with { Pipelines = new PipelineOptions() };
        await rig.StartAsync();
        await rig.Store.HoldsAsync("spans", 2);
        await rig.SendAsync(Signal.Traces, Request(Span(3, error: false)));
        await rig.Store.HoldsAsync("spans", 3);
        await rig.StopAsync();

        // And on again: what is stored is not stored anew.
        rig.Options = rig.Options with { Pipelines = new PipelineOptions { TailTraces = Rules } };
        await rig.StartAsync();
        await rig.SendAsync(Signal.Traces, Request(Span(4, error: true)));
        await rig.Store.HoldsAsync("spans", 4);
    }

    private static HeadSampling SampleHalf() => new("head", SamplingThreshold.Of(0.5));

    private static Action<SloEngine.Otlp.Protobuf.ProtobufWriter> Span(byte trace, bool error, long milliseconds = 10) => span =>
    {
        byte[] id = new byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(id.AsSpan(8), trace * 0x0050_1234_5678_9ABCUL);
        id[0] = trace;
        span.Bytes(1, id);
        span.Bytes(2, SpanId);
        span.Text(5, "work");
        span.Fixed64(7, Time);
        span.Fixed64(8, Time + ((ulong)milliseconds * 1_000_000));
        span.Message(15, status => status.Varint(3, error ? 2u : 0));
    };

    private static SpanBlock Block(params (byte Trace, bool Error, long Milliseconds)[] spans)
    {
        var block = new SpanBlock();
        byte[] request = Request([.. spans.Select(span => Span((byte)(span.Trace == 0 ? 1 : span.Trace), span.Error, span.Milliseconds))]);
        new TracesDecoder(new OneResource(), 1).Decode(request, block);
        return block;
    }

    private static byte[] Taken(TraceDecisions decisions, SpanBlock spans)
    {
        using var kept = new SpanBlock();
        decisions.Take(spans, kept);
        return [.. kept.TraceIds.Values.ToArray().Select(id => System.Runtime.InteropServices.MemoryMarshal.AsBytes(new ReadOnlySpan<UInt128>(in id))[0])];
    }

    private sealed class OneResource : SloEngine.Otlp.Resources.IResourceIndex
    {
        public bool TryGet(UInt128 identity, out int resource)
        {
            resource = 0;
            return true;
        }

        public int Register(in RawResource resource, out string? rejection)
        {
            rejection = null;
            return 0;
        }
    }
}
