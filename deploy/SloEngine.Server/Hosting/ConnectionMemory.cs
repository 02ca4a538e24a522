using System.Buffers;
using Microsoft.AspNetCore.Connections;

namespace SloEngine.Server.Hosting;

/// <summary>
/// Memory of connections. A socket is read a block at a time, so blocks hold a good part of a request as long as connections hold little of them together;
/// beyond that they are small, so that many slow senders, which pin a block each for the little that they sent, pin little.
/// </summary>
internal sealed class ConnectionMemory : MemoryPool<byte>, IMemoryPoolFactory<byte>
{
    internal const int LargeBlockBytes = 64 << 10;
    internal const int SmallBlockBytes = 4 << 10;

    /// <summary>From so many bytes in use on, blocks are small.</summary>
    internal const long LargeBlocksBytes = 64 << 20;

    private long _rented;

    /// <summary>Bytes in use.</summary>
    internal long Rented => Volatile.Read(ref _rented);

    public override int MaxBufferSize => Shared.MaxBufferSize;

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => this;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        int bytes = Math.Max(minBufferSize, Rented < LargeBlocksBytes ? LargeBlockBytes : SmallBlockBytes);
        return new Block(this, ArrayPool<byte>.Shared.Rent(bytes));
    }

    protected override void Dispose(bool disposing)
    {
        // The shared pool outlives every listener.
    }

    private sealed class Block : IMemoryOwner<byte>
    {
        private readonly ConnectionMemory _pool;
        private byte[]? _bytes;

        public Block(ConnectionMemory pool, byte[] bytes)
        {
            (_pool, _bytes) = (pool, bytes);
            Interlocked.Add(ref pool._rented, bytes.Length);
        }

        public Memory<byte> Memory => _bytes ?? throw new ObjectDisposedException(nameof(Block));

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _bytes, null) is { } bytes)
            {
                Interlocked.Add(ref _pool._rented, -bytes.Length);
                ArrayPool<byte>.Shared.Return(bytes);
            }
        }
    }
}
