using System.IO.Pipelines;
using FsCheck;
using FsCheck.Fluent;

namespace SloEngine.Otlp.Tests.Common;

public sealed class BodyMemoryTests
{
    private readonly BodyMemory _memory = new(100);

    [Fact]
    public async Task The_body_that_has_been_arriving_for_longest_makes_room()
    {
        var slow = new Pipe();
        using BodyMemory.Lease first = _memory.Begin(slow.Reader);
        using BodyMemory.Lease second = Begin();
        Assert.True(first.TryResize(60));
        ValueTask<ReadResult> waiting = slow.Reader.ReadAsync();

        Assert.True(second.TryResize(70));

        Assert.True((await waiting).IsCanceled);
        Assert.False(first.TryResize(61));
        Assert.False(first.TryComplete());
        Assert.Equal(70, _memory.Bytes);
    }

    [Fact]
    public void A_body_that_is_here_stays_and_a_newcomer_without_room_is_given_up()
    {
        using BodyMemory.Lease here = Begin();
        using BodyMemory.Lease newcomer = Begin();
        Assert.True(here.TryResize(80) && here.TryComplete());

        Assert.False(newcomer.TryResize(30));

        Assert.True(here.TryResize(90));
        Assert.Equal(90, _memory.Bytes);
    }

    [Fact]
    public void A_single_body_may_be_larger_than_all_may_be_together()
    {
        using BodyMemory.Lease alone = Begin();

        Assert.True(alone.TryResize(500) && alone.TryComplete() && alone.TryResize(1000));
    }

    [Fact]
    public void Bodies_never_take_more_than_they_may_and_what_is_disposed_is_given_back() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(500), Prop.ForAll<(byte Body, byte Bytes, bool Completes, bool Ends)[]>(steps =>
        {
            var memory = new BodyMemory(1000);
            var open = new Dictionary<int, BodyMemory.Lease>();
            foreach ((byte body, byte bytes, bool completes, bool ends) in steps)
            {
                if (!open.TryGetValue(body % 16, out BodyMemory.Lease? lease))
                {
                    open[body % 16] = lease = memory.Begin(new Pipe().Reader);
                }
                lease.TryResize(bytes);
                Assert.InRange(memory.Bytes, 0, 1000);
                if (completes)
                {
                    lease.TryComplete();
                }
                if (ends)
                {
                    lease.Dispose();
                    open.Remove(body % 16);
                }
            }
            foreach (BodyMemory.Lease lease in open.Values)
            {
                lease.Dispose();
            }
            Assert.Equal(0, memory.Bytes);
        }));

    private BodyMemory.Lease Begin() => _memory.Begin(new Pipe().Reader);
}
