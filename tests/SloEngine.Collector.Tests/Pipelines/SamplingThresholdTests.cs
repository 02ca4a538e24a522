using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using SloEngine.Collector.Pipelines;

namespace SloEngine.Collector.Tests.Pipelines;

public sealed class SamplingThresholdTests
{
    [Fact]
    public void A_trace_is_kept_iff_its_last_56_bits_reach_the_threshold_whatever_the_others_are() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(1000), Prop.ForAll<(ulong High, ulong Low, byte Percent)>(trace =>
        {
            var threshold = SamplingThreshold.Of(trace.Percent % 101 / 100.0);
            ulong randomness = trace.Low & 0x00FF_FFFF_FFFF_FFFF;
            return threshold.Keeps(Id(trace.High, trace.Low), default) == (randomness >= threshold.Rejected);
        }));

    [Fact]
    public void What_a_smaller_share_keeps_a_larger_one_keeps_too() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(1000), Prop.ForAll<(ulong Low, byte One, byte Other)>(trace =>
        {
            (int less, int more) = (Math.Min(trace.One % 101, trace.Other % 101), Math.Max(trace.One % 101, trace.Other % 101));
            UInt128 id = Id(1, trace.Low * 0x9E37_79B9_7F4A_7C15);
            return !SamplingThreshold.Of(less / 100.0).Keeps(id, default) || SamplingThreshold.Of(more / 100.0).Keeps(id, default);
        }));

    [Fact]
    public void All_keeps_all_and_nothing_keeps_nothing()
    {
        Assert.True(SamplingThreshold.Of(1).Keeps(Id(0, 0), default));
        Assert.False(SamplingThreshold.Of(0).Keeps(Id(ulong.MaxValue, ulong.MaxValue), default));
    }

    /// <summary>Values of the specification of tracestate: a threshold is hexadecimal, left-aligned, without zeros at its end.</summary>
    [Theory]
    [InlineData(0.5, "", "ot=th:8")]
    [InlineData(0.25, "vendor=1", "ot=th:c,vendor=1")]
    [InlineData(0.25, "vendor=1,ot=rv:abcdef01234567;th:8", "ot=th:c;rv:abcdef01234567,vendor=1")]
    [InlineData(0.5, "ot=th:c", null)]
    [InlineData(1, "", null)]
    public void A_kept_span_tells_the_higher_threshold(double share, string before, string? after) =>
        Assert.Equal(after, SamplingThreshold.Of(share).TellIn(Encoding.UTF8.GetBytes(before)) is { } told ? Encoding.UTF8.GetString(told) : null);

    [Fact]
    public void Explicit_randomness_stands_in_for_the_trace_ids()
    {
        Assert.True(SamplingThreshold.Of(0.01).Keeps(Id(0, 0), "ot=rv:ffffffffffffff"u8));
        Assert.False(SamplingThreshold.Of(0.99).Keeps(Id(ulong.MaxValue, ulong.MaxValue), "x=1, ot=th:0;rv:00000000000000"u8));
    }

    /// <summary>A trace id as a block holds it.</summary>
    internal static UInt128 Id(ulong high, ulong low)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, high);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], low);
        return MemoryMarshal.Read<UInt128>(bytes);
    }
}
