using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace SloEngine.Storage.Wal;

/// <summary>Reads the records of a segment from an offset on.</summary>
internal sealed class WalSegmentReader : IDisposable
{
    private const int ReadAhead = 1 << 20;

    private readonly SafeFileHandle _file;
    private readonly long _length;
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(ReadAhead);
    private int _start;
    private int _end;

    public WalSegmentReader(WalSegment segment, long offset)
    {
        _file = File.OpenHandle(segment.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        _length = segment.Length;
        Offset = offset;
    }

    /// <summary>Offset in the segment behind the last record read.</summary>
    public long Offset { get; private set; }

    /// <summary>Whether the record read last holds only together with the next.</summary>
    public bool GoesWithNext { get; private set; }

    /// <summary>Whether everything has been read.</summary>
    public bool AtEnd => Offset >= _length;

    /// <summary>Reads the next record; false at the end, and where the bytes are no record.</summary>
    /// <param name="payload">Valid until the next call.</param>
    public bool TryRead(out ReadOnlyMemory<byte> payload)
    {
        payload = default;
        if (!Fill(WalFrame.HeaderBytes))
        {
            return false;
        }
        (uint length, bool goesWithNext) = WalFrame.ReadHeader(_buffer.AsSpan(_start));
        if (length == 0 || length > _length - Offset || !Fill(WalFrame.HeaderBytes + (int)length))
        {
            return false;
        }
        payload = _buffer.AsMemory(_start + WalFrame.HeaderBytes, (int)length);
        if (!WalFrame.IsWhole(_buffer.AsSpan(_start), payload.Span))
        {
            return false;
        }
        _start += WalFrame.HeaderBytes + (int)length;
        Offset += WalFrame.HeaderBytes + length;
        GoesWithNext = goesWithNext;
        return true;
    }

    /// <summary>Bytes from here to the end of the file, without the zeros it ends in. Nothing can be read after it.</summary>
    public long RestWithoutZeros()
    {
        long rest = 0;
        for (long from = Offset; from < _length;)
        {
            int bytes = RandomAccess.Read(_file, _buffer.AsSpan(0, (int)Math.Min(_buffer.Length, _length - from)), WalSegment.HeaderBytes + from);
            if (bytes == 0)
            {
                break;
            }
            int last = _buffer.AsSpan(0, bytes).LastIndexOfAnyExcept((byte)0);
            rest = last < 0 ? rest : from + last + 1 - Offset;
            from += bytes;
        }
        return rest;
    }

    public void Dispose()
    {
        _file.Dispose();
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }

    private bool Fill(int bytes)
    {
        int held = _end - _start;
        if (held >= bytes)
        {
            return true;
        }
        if (_length - Offset < bytes)
        {
            return false;
        }
        if (_buffer.Length < bytes)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(bytes + ReadAhead);
            _buffer.AsSpan(_start, held).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }
        else
        {
            _buffer.AsSpan(_start, held).CopyTo(_buffer);
        }
        (_start, _end) = (0, held);
        while (_end < bytes)
        {
            int room = (int)Math.Min(_buffer.Length - _end, _length - Offset - _end);
            int read = RandomAccess.Read(_file, _buffer.AsSpan(_end, room), WalSegment.HeaderBytes + Offset + _end);
            if (read == 0)
            {
                return false;
            }
            _end += read;
        }
        return true;
    }
}
