using SloEngine.Storage.Native;

namespace SloEngine.Storage.Tests;

/// <summary>The size of a block has a bound, beyond which it is told.</summary>
public sealed class NativeWriterTests
{
    [Fact]
    public void A_block_beyond_the_largest_array_is_refused_with_its_table_and_size()
    {
        using var writer = new NativeWriter();
        writer.Start("samples", 1, 200_000_000);

        InvalidOperationException refused = Assert.Throws<InvalidOperationException>(() => { writer.Fixed<UInt128>("id", "UInt128"); });

        Assert.Contains("samples: a block of 200000000 rows takes 32000000", refused.Message, StringComparison.Ordinal);
    }
}
