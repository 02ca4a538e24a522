using SloEngine.Storage.Wal;

namespace SloEngine.Storage.Tests.Wal;

/// <summary>What is staged never runs over its memory, which does not stay large.</summary>
public sealed class WalStageTests
{
    [Theory]
    [InlineData(int.MaxValue - 100)]
    [InlineData(int.MaxValue)]
    public void More_than_one_write_takes_is_refused(int bytes)
    {
        using var stage = new WalStage(WalStage.BlockBytes);

        InvalidOperationException refused = Assert.Throws<InvalidOperationException>(() => { stage.Stage(bytes); });

        Assert.Contains("are too many for one write to the log; the most is 2147479552", refused.Message, StringComparison.Ordinal);
        Assert.Equal((WalStage.BlockBytes, 0), (stage.Capacity, stage.Staged));
    }

    [Fact]
    public void Memory_of_a_large_write_is_given_back_and_the_unfinished_block_stays()
    {
        using var stage = new WalStage(WalStage.BlockBytes);
        stage.Stage(WalStage.MostKept + 3)[^3..].Fill(7);

        stage.Keep();

        Assert.Equal((WalStage.MostKept, 3, 0), (stage.Capacity, stage.Held, stage.Staged));
        stage.Stage(2).Fill(8);
        Assert.Equal([7, 7, 7, 8, 8, 0], stage.Blocks[..6].ToArray());
        Assert.Equal(WalStage.BlockBytes, stage.Blocks.Length);
    }
}
