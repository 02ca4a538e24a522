using SloEngine.Otlp.Grpc;

namespace SloEngine.Otlp.Tests.Grpc;

public sealed class GrpcTimeoutTests
{
    [Theory]
    [InlineData("2H", 7_200_000)]
    [InlineData("3M", 180_000)]
    [InlineData("10S", 10_000)]
    [InlineData("250m", 250)]
    [InlineData("5000u", 5)]
    [InlineData("2000000n", 2)]
    [InlineData("0S", 0)]
    [InlineData("99999999H", int.MaxValue - 1d)]
    public void A_timeout_has_up_to_eight_digits_and_a_unit(string text, double milliseconds)
    {
        Assert.True(GrpcCall.TryParseTimeout(text, out TimeSpan timeout));
        Assert.Equal(milliseconds, timeout.TotalMilliseconds);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("S")]
    [InlineData("10")]
    [InlineData("10s")]
    [InlineData("-1S")]
    [InlineData("+1S")]
    [InlineData("1.5S")]
    [InlineData("123456789S")]
    public void Anything_else_is_no_timeout(string? text) => Assert.False(GrpcCall.TryParseTimeout(text, out _));
}
