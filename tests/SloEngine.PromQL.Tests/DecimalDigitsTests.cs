using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Tests;

/// <summary>Digits are those of the framework, for every number of eight digits' halves and any of 64 bits.</summary>
public sealed class DecimalDigitsTests
{
    [Fact]
    public void Numbers_have_the_digits_of_the_framework() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(20_000), Prop.ForAll<ulong, byte>((bits, shift) => AssertDigits((bits * 0x9E37_79B9_7F4A_7C15) >> (shift % 64))));

    [Fact]
    public void Numbers_about_powers_of_ten_have_them_too()
    {
        AssertDigits(0);
        for (ulong power = 1; power <= 10_000_000_000_000_000_000 / 10; power *= 10)
        {
            AssertDigits(power - 1);
            AssertDigits(power);
            AssertDigits(power * 10);
        }
        AssertDigits(ulong.MaxValue);
    }

    [Fact]
    public void Every_half_of_eight_digits_is_written()
    {
        Span<byte> utf8 = stackalloc byte[8];
        for (uint half = 0; half < 10_000; half++)
        {
            BitConverter.TryWriteBytes(utf8, DecimalDigits.Eight((half * 10_000) + (9_999 - half)));

            Assert.Equal(((half * 10_000) + (9_999 - half)).ToString("D8", CultureInfo.InvariantCulture), Encoding.ASCII.GetString(utf8));
        }
    }

    private static void AssertDigits(ulong number)
    {
        Span<byte> utf8 = stackalloc byte[DecimalDigits.MostDigits];

        int count = DecimalDigits.Print24(number, utf8);

        Assert.Equal(number.ToString("D24", CultureInfo.InvariantCulture), Encoding.ASCII.GetString(utf8));
        Assert.Equal(number.ToString(CultureInfo.InvariantCulture).Length, count);
    }
}
