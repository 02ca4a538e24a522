using SloEngine.Alerting.Http;

namespace SloEngine.Alerting.Tests;

public sealed class RequestTimeTests
{
    [Theory]
    [InlineData("0", "1970-01-01T00:00:00Z")]
    [InlineData("1767312000.5", "2026-01-02T00:00:00.5Z")]
    [InlineData("2026-01-02T02:00:00+02:00", "2026-01-02T00:00:00Z")]
    [InlineData("2199-12-31T23:59:59Z", "2199-12-31T23:59:59Z")]
    public void Unix_seconds_and_RFC_3339_are_read(string text, string expected)
    {
        Assert.True(RequestTime.TryRead(text, default, out DateTimeOffset time));
        Assert.Equal(DateTimeOffset.Parse(expected, System.Globalization.CultureInfo.InvariantCulture), time);
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("7258118400")]
    [InlineData("NaN")]
    [InlineData("0001-01-01T00:00:00Z")]
    [InlineData("1969-12-31T23:59:59Z")]
    [InlineData("2200-01-01T00:00:00Z")]
    [InlineData("9999-12-31T23:59:59Z")]
    [InlineData("soon")]
    public void What_the_store_could_not_keep_is_no_time(string text) => Assert.False(RequestTime.TryRead(text, default, out _));
}
