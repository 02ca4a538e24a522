using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Tests;

public sealed class NumberTextTests
{
    [Theory]
    [InlineData(0, "0", "0", "0")]
    [InlineData(-0.0, "-0", "-0", "-0")]
    [InlineData(1, "1", "1", "1")]
    [InlineData(-1.5, "-1.5", "-1.5", "-1.5")]
    [InlineData(1_000_000, "1000000", "1e+06", "1000000")]
    [InlineData(1_234_567, "1234567", "1.234567e+06", "1234567")]
    [InlineData(1e15, "1000000000000000", "1e+15", "1000000000000000")]
    [InlineData(1e21, "1000000000000000000000", "1e+21", "1e+21")]
    [InlineData(0.0001, "0.0001", "0.0001", "0.0001")]
    [InlineData(0.00001, "0.00001", "1e-05", "0.00001")]
    [InlineData(1.5e-7, "0.00000015", "1.5e-07", "1.5e-7")]
    [InlineData(1.5e-100, null, "1.5e-100", "1.5e-100")]
    [InlineData(0.1 + 0.2, "0.30000000000000004", "0.30000000000000004", "0.30000000000000004")]
    [InlineData(double.NaN, "NaN", "NaN", "NaN")]
    [InlineData(double.NegativeInfinity, "-Inf", "-Inf", "-Inf")]
    public void Numbers_are_written_as_Prometheus_writes_them(double value, string? plain, string general, string sample)
    {
        if (plain is not null)
        {
            Assert.Equal(plain, NumberText.Plain(value));
        }
        Assert.Equal(general, NumberText.General(value));
        Assert.Equal(sample, SampleText.Print(value));
    }

    [Theory]
    [InlineData(0.5, "0.5")]
    [InlineData(1, "1.0")]
    [InlineData(1e-5, "1e-05")]
    public void Label_values_always_look_like_floats(double value, string expected) => Assert.Equal(expected, NumberText.OpenMetrics(value));

    [Theory]
    [InlineData(123.456, 2, "1.2e+02")]
    [InlineData(12, 2, "12")]
    [InlineData(0.5, 2, "0.5")]
    public void Digits_can_be_limited(double value, int digits, string expected) => Assert.Equal(expected, NumberText.General(value, digits));
}
