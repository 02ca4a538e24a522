using System.Buffers;
using SloEngine.Server.Hosting;

namespace SloEngine.EndToEnd;

/// <summary>How much memory a connection that has sent little can pin.</summary>
public sealed class ConnectionMemoryTests
{
    [Fact]
    public void Blocks_are_large_until_connections_hold_much_and_again_when_they_gave_it_back()
    {
        using var memory = new ConnectionMemory();
        var held = new List<IMemoryOwner<byte>>();
        long bytes = 0;
        while (bytes < ConnectionMemory.LargeBlocksBytes)
        {
            held.Add(memory.Rent());
            Assert.Equal(ConnectionMemory.LargeBlockBytes, held[^1].Memory.Length);
            bytes += held[^1].Memory.Length;
        }

        using IMemoryOwner<byte> beyond = memory.Rent();

        Assert.Equal(ConnectionMemory.SmallBlockBytes, beyond.Memory.Length);
        foreach (IMemoryOwner<byte> block in held)
        {
            block.Dispose();
        }
        using IMemoryOwner<byte> after = memory.Rent();
        Assert.Equal(ConnectionMemory.LargeBlockBytes, after.Memory.Length);
    }

    [Fact]
    public void A_block_is_as_large_as_was_asked_for()
    {
        using var memory = new ConnectionMemory();

        using IMemoryOwner<byte> block = memory.Rent(3 * ConnectionMemory.LargeBlockBytes);

        Assert.True(block.Memory.Length >= 3 * ConnectionMemory.LargeBlockBytes);
    }

    [Fact]
    public void A_block_given_back_twice_counts_once_and_is_used_no_more()
    {
        using var memory = new ConnectionMemory();
        IMemoryOwner<byte> block = memory.Rent();

        block.Dispose();
        block.Dispose();

        Assert.Equal(0, memory.Rented);
        Assert.Throws<ObjectDisposedException>(() => block.Memory);
    }
}
