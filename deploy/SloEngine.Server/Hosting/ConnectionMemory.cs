using System.Buffers;
using Microsoft.AspNetCore.Connections;

namespace SloEngine.Server.Hosting;

/// <summary>
/// Memory of connections in blocks that hold a good part of a request: a socket is read a block at a time, so that a request of 130 kB takes
/// 9 reads in place of 33.
/// </summary>
internal sealed class ConnectionMemory : MemoryPool<byte>, IMemoryPoolFactory<byte>
{
    private const int BlockBytes = 16 << 10;

    public override int MaxBufferSize => Shared.MaxBufferSize;

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => this;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1) => Shared.Rent(Math.Max(minBufferSize, BlockBytes));

    protected override void Dispose(bool disposing)
    {
        // The shared pool outlives every listener.
    }
}
