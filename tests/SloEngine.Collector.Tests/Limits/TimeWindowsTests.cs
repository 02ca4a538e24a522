using SloEngine.Collector.Ingest;
using SloEngine.Collector.Limits;

namespace SloEngine.Collector.Tests.Limits;

/// <summary>Which times are taken while a clock is set, ahead or back: what is sent by a right clock is never rejected because the server's is wrong.</summary>
public sealed class TimeWindowsTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    private readonly SetClock _clock = new() { Now = Noon };
    private readonly TimeWindows _windows;

    public TimeWindowsTests() => _windows = new TimeWindows(
        new CollectorOptions { MaxFuture = TimeSpan.FromHours(1), Retention = new Dictionary<Signal, TimeSpan> { [Signal.Logs] = TimeSpan.FromDays(7) } }, _clock);

    [Fact]
    public void Each_signal_goes_back_as_far_as_it_is_kept()
    {
        Assert.True(Takes(Signal.Logs, Noon.AddDays(-7)) && !Takes(Signal.Logs, Noon.AddDays(-8)));
        Assert.True(Takes(Signal.Metrics, Noon.AddDays(-8)));
        Assert.True(Takes(Signal.Logs, Noon.AddHours(1)) && !Takes(Signal.Logs, Noon.AddHours(1.01)));
    }

    [Fact]
    public void Under_a_clock_that_is_set_times_by_it_and_by_the_one_before_are_taken()
    {
        foreach (double days in (double[])[40, -40])
        {
            _clock.Now = Noon.AddDays(days);

            Assert.True(Takes(Signal.Logs, Noon) && Takes(Signal.Logs, _clock.Now));
            Assert.False(Takes(Signal.Logs, (days > 0 ? _clock.Now : Noon).AddDays(1)));
            Assert.False(Takes(Signal.Logs, (days > 0 ? Noon : _clock.Now).AddDays(-8)));
        }
    }

    [Fact]
    public void A_clock_that_was_set_is_followed_by_a_day_an_hour()
    {
        _clock.Now = Noon.AddDays(40);
        Assert.True(Takes(Signal.Logs, Noon));

        _clock.Pass(TimeSpan.FromHours(20));
        Assert.False(Takes(Signal.Logs, Noon));
        Assert.True(Takes(Signal.Logs, Noon.AddDays(20)));

        _clock.Pass(TimeSpan.FromHours(40));
        Assert.False(Takes(Signal.Logs, Noon.AddDays(20)));
        Assert.True(Takes(Signal.Logs, _clock.Now));
    }

    private bool Takes(Signal signal, DateTimeOffset at) => _windows.Of(signal).Contains((at - DateTimeOffset.UnixEpoch).Ticks * 100);

    private sealed class SetClock : TimeProvider
    {
        private long _timestamp;

        public DateTimeOffset Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => Now;

        public override long GetTimestamp() => _timestamp;

        public void Pass(TimeSpan time)
        {
            _timestamp += time.Ticks;
            Now += time;
        }
    }
}
