using SloEngine.Otlp.Common;

namespace SloEngine.Otlp.Tests.Common;

/// <summary>Times that are taken: days that are kept, whole, and a while ahead.</summary>
public sealed class TimeWindowTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 9, 30, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("2026-11-14T00:00:00Z", true)]
    [InlineData("2026-11-13T23:59:59Z", false)]
    [InlineData("2026-11-21T10:30:00Z", true)]
    [InlineData("2026-11-21T10:30:01Z", false)]
    public void Times_reach_from_the_beginning_of_the_oldest_day_that_is_kept_to_a_while_ahead(string time, bool isIn) =>
        Assert.Equal(isIn, TimeWindow.Around(Now, TimeSpan.FromDays(7), TimeSpan.FromHours(1)).Contains(Nanos(time)));

    [Fact]
    public void A_window_that_reaches_beyond_what_can_be_told_ends_there()
    {
        Assert.Equal(TimeWindow.All, TimeWindow.Around(Now, null, null));
        Assert.Equal(TimeWindow.All, TimeWindow.Around(Now, TimeSpan.FromDays(400_000), TimeSpan.FromDays(400_000)));
        Assert.Equal(TimeWindow.All.First, TimeWindow.Around(DateTimeOffset.UnixEpoch.AddHours(3), TimeSpan.FromHours(2), null).First);
    }

    [Fact]
    public void A_refusal_tells_the_time_the_edge_and_what_sets_it()
    {
        TimeWindow window = TimeWindow.Around(Now, TimeSpan.FromDays(7), TimeSpan.FromHours(1));

        Assert.Equal("time_unix_nano is missing", window.Refusal("time_unix_nano", 0));
        Assert.Equal("time_unix_nano is past the year 2262", window.Refusal("time_unix_nano", -1));
        Assert.Equal(
            "time_unix_nano is 2026-10-01T00:00:00Z, and nothing before 2026-11-14T00:00:00Z is kept (retention)", window.Refusal("time_unix_nano", Nanos("2026-10-01T00:00:00Z")));
        Assert.Equal(
            "the timestamp is 2030-01-01T00:00:00Z, and what is later than 2026-11-21T10:30:00Z is ahead of the clock by more than it may be (limits.max_future)",
            window.Refusal("the timestamp", Nanos("2030-01-01T00:00:00Z")));
    }

    private static long Nanos(string time) => (DateTimeOffset.Parse(time, System.Globalization.CultureInfo.InvariantCulture) - DateTimeOffset.UnixEpoch).Ticks * 100;
}
