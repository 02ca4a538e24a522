using System.Globalization;
using System.Runtime.InteropServices;

namespace SloEngine.Storage.Wal;

/// <summary>
/// What is to be written at the end of a segment, as whole blocks of the disk: the bytes that the file's last block holds already, the frames
/// staged behind them, zeros up to the next block. Writes past the page cache want addresses, lengths and offsets that are multiples of a block.
/// </summary>
internal sealed unsafe class WalStage : IDisposable
{
    /// <summary>The largest block of the disks there are; a multiple of the others.</summary>
    public const int BlockBytes = 4096;

    /// <summary>Memory that is kept for later writes; what one took beyond it is given back.</summary>
    public const int MostKept = 32 << 20;

    private const int MaxBytes = int.MaxValue / BlockBytes * BlockBytes;

    private byte* _memory;
    private int _capacity;

    public WalStage(int capacity) => Move(null, 0, RoundUp(capacity));

    /// <summary>Bytes of memory that it has.</summary>
    public int Capacity => _capacity;

    /// <summary>Bytes at the start that the file holds already.</summary>
    public int Held { get; private set; }

    /// <summary>Bytes staged behind them.</summary>
    public int Staged { get; private set; }

    /// <summary>What to write at the offset of the first byte held; zeros fill the last block.</summary>
    public ReadOnlySpan<byte> Blocks
    {
        get
        {
            int end = Held + Staged;
            int blocks = RoundUp(end);
            new Span<byte>(_memory + end, blocks - end).Clear();
            return new ReadOnlySpan<byte>(_memory, blocks);
        }
    }

    /// <summary>What is staged goes behind these bytes of another file.</summary>
    public void Hold(ReadOnlySpan<byte> held)
    {
        Reserve((long)held.Length + Staged);
        Buffer.MemoryCopy(_memory + Held, _memory + held.Length, _capacity - held.Length, Staged);
        held.CopyTo(new Span<byte>(_memory, held.Length));
        Held = held.Length;
    }

    /// <summary>Room for so many bytes more, which are staged from now on.</summary>
    /// <exception cref="InvalidOperationException">They are more than one write takes.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory for them.</exception>
    public Span<byte> Stage(int bytes)
    {
        int from = Held + Staged;
        Reserve((long)from + bytes);
        Staged += bytes;
        return new Span<byte>(_memory + from, bytes);
    }

    /// <summary>The blocks were written: the unfinished last one is held.</summary>
    public void Keep()
    {
        int end = Held + Staged;
        int held = end % BlockBytes;
        byte* last = _memory + end - held;
        if (_capacity > MostKept)
        {
            Move(last, held, MostKept);
        }
        else
        {
            Buffer.MemoryCopy(last, _memory, _capacity, held);
        }
        (Held, Staged) = (held, 0);
    }

    /// <summary>Nothing of what was staged is to be written.</summary>
    public void Discard() => Staged = 0;

    public void Dispose()
    {
        NativeMemory.AlignedFree(_memory);
        _memory = null;
        _capacity = 0;
    }

    private static int RoundUp(int bytes) => (bytes + BlockBytes - 1) / BlockBytes * BlockBytes;

    private void Reserve(long bytes)
    {
        if (bytes > MaxBytes)
        {
            throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"{bytes} bytes are too many for one write to the log; the most is {MaxBytes}"));
        }
        if (bytes > _capacity)
        {
            Move(_memory, Held + Staged, RoundUp((int)Math.Max(bytes, Math.Min(2L * _capacity, MaxBytes))));
        }
    }

    /// <summary>Goes on in other memory, with some bytes at its start.</summary>
    private void Move(byte* bytes, int count, int capacity)
    {
        byte* memory = (byte*)NativeMemory.AlignedAlloc((nuint)capacity, BlockBytes);
        Buffer.MemoryCopy(bytes, memory, capacity, count);
        NativeMemory.AlignedFree(_memory);
        _memory = memory;
        _capacity = capacity;
    }
}
