using System.Buffers;

namespace SloEngine.Storage.Native;

/// <summary>Memory of the engine for as long as a result is there; reading it later throws.</summary>
internal sealed unsafe class EngineMemory(byte* start, int length) : MemoryManager<byte>, IDisposable
{
    private bool _isGone;

    public override Span<byte> GetSpan()
    {
        ObjectDisposedException.ThrowIf(_isGone, this);
        return new Span<byte>(start, length);
    }

    public override MemoryHandle Pin(int elementIndex = 0) => new(start + elementIndex);

    public override void Unpin()
    {
        // It does not move.
    }

    public void Dispose() => Dispose(disposing: true);

    protected override void Dispose(bool disposing) => _isGone = true;
}
