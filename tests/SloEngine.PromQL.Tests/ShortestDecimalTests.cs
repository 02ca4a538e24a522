using System.Globalization;
using System.Numerics;
using FsCheck;
using FsCheck.Fluent;
using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Tests;

public sealed class ShortestDecimalTests
{
    private const int FractionBits = 52;
    private static readonly Config s_many = Config.QuickThrowOnFailure.WithMaxTest(20_000);

    /// <summary>Any bits, so that all exponents come.</summary>
    [Fact]
    public void Digits_are_the_fewest_that_read_back() =>
        Check.One(s_many, Prop.ForAll<ulong, ulong>((bits, more) =>
            AssertShortest(BitConverter.UInt64BitsToDouble(BitOperations.RotateLeft(bits * 0x9E3779B97F4A7C15, 31) ^ more))));

    /// <summary>Doubles of few bits, whose neighbours lie unevenly, and those beside them.</summary>
    [Fact]
    public void Digits_are_shortest_at_every_power_of_two()
    {
        for (ulong exponent = 0; exponent < 2047; exponent++)
        {
            ulong bits = exponent << FractionBits;
            AssertShortest(BitConverter.UInt64BitsToDouble(bits));
            AssertShortest(BitConverter.UInt64BitsToDouble(bits + 1));
            AssertShortest(BitConverter.UInt64BitsToDouble(bits == 0 ? 2 : bits - 1));
        }
    }

    [Fact]
    public void Digits_are_shortest_at_every_power_of_ten()
    {
        for (int power = -323; power <= 308; power++)
        {
            double value = double.Parse($"1e{power}", CultureInfo.InvariantCulture);
            AssertShortest(value);
            AssertShortest(Math.BitIncrement(value));
            AssertShortest(Math.BitDecrement(value));
            AssertShortest(value * 3);
        }
    }

    /// <summary>Quotients of counts, as rates are, and what is near to short decimals.</summary>
    [Fact]
    public void Rates_have_the_fewest_digits_that_read_back() =>
        Check.One(s_many, Prop.ForAll<uint, ushort>((events, seconds) =>
        {
            AssertShortest(events / (double)(seconds + 1));
            AssertShortest(events / 1000d);
            AssertShortest(events);
        }));

    private static void AssertShortest(double value)
    {
        value = Math.Abs(value);
        if (!double.IsFinite(value) || value == 0)
        {
            return;
        }
        (ulong digits, int exponent) = ShortestDecimal.Of(value);
        string shortest = Significant(digits.ToString(CultureInfo.InvariantCulture));
        string expected = Significant(FirstThatReadsBack(value));
        Assert.Equal(value, double.Parse($"{digits}e{exponent}", CultureInfo.InvariantCulture));
        Assert.True(shortest == expected || shortest.Length < expected.Length, $"{value:E16}: {digits}e{exponent} rather than {expected}");

        Assert.Equal(value, double.Parse(SampleText.Print(value), CultureInfo.InvariantCulture));
        Assert.Equal(value >= 1e21 || value < 1e-6, SampleText.Print(value).Contains('e', StringComparison.Ordinal));
        Assert.Equal("-" + SampleText.Print(value), SampleText.Print(-value));
    }

    /// <summary>The framework's own "R" is not: of 2^-958 its sixteen digits are those of another double.</summary>
    private static string FirstThatReadsBack(double value)
    {
        for (int digits = 0; ; digits++)
        {
            string text = value.ToString($"E{digits}", CultureInfo.InvariantCulture);
            if (double.Parse(text, CultureInfo.InvariantCulture) == value)
            {
                return text;
            }
        }
    }

    private static string Significant(string number) =>
        new string([.. number.TakeWhile(character => character != 'E').Where(char.IsAsciiDigit)]).Trim('0');
}
