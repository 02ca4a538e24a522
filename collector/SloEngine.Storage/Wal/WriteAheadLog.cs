using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace SloEngine.Storage.Wal;

/// <summary>A record of the log.</summary>
/// <param name="Position">Where it begins.</param>
/// <param name="End">Where the next one begins.</param>
/// <param name="Payload">What was appended; valid until the next record is read.</param>
public readonly record struct WalRecord(long Position, long End, ReadOnlyMemory<byte> Payload);

/// <summary>
/// A durable queue of records in segment files: appended at the end and flushed to the disk, read again after a restart, trimmed from the
/// front. Appending and trimming are for one thread at a time; reading may run beside them.
/// </summary>
public sealed class WriteAheadLog : IDisposable
{
    private readonly WalOptions _options;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly List<WalSegment> _segments;
    private readonly WalStage _stage = new(1 << 20);
    private SafeFileHandle? _file;
    private bool _unusable;

    private readonly FileStream _held;

    private WriteAheadLog(WalOptions options, TimeProvider time, FileStream held, List<WalSegment> segments, Guid id) =>
        (_options, _time, _held, _segments, Id) = (options, time, held, segments, id);

    /// <summary>Tells this log from any other, also from one made later in the same directory.</summary>
    public Guid Id { get; }

    /// <summary>Where its segments lie.</summary>
    public string Directory => _options.Directory;

    /// <summary>Bytes at the end that a process left half-written, and that were cut when the log was opened.</summary>
    public long TornBytes { get; private init; }

    /// <summary>Position of the oldest record kept.</summary>
    public long Start
    {
        get
        {
            lock (_lock)
            {
                return _segments[0].Start;
            }
        }
    }

    /// <summary>Position after the newest record.</summary>
    public long End
    {
        get
        {
            lock (_lock)
            {
                return _segments[^1].End;
            }
        }
    }

    /// <summary>Bytes of the records kept.</summary>
    public long Bytes => End - Start;

    /// <summary>Whether it has reached half of its limit.</summary>
    public bool IsHalfFull => Bytes > _options.MaxBytes / 2;

    /// <summary>Opens the log of a directory, or begins one.</summary>
    /// <param name="options">Where it lies, and its limits.</param>
    /// <param name="time">The clock.</param>
    /// <param name="start">Position that the log of the directory is known to have reached: one that has to begin anew begins there, and damage before it is no torn end.</param>
    /// <exception cref="InvalidDataException">The files are no log, or segments are missing.</exception>
    /// <exception cref="IOException">The directory cannot be used, or another process uses it.</exception>
    public static WriteAheadLog Open(WalOptions options, TimeProvider time, long start = 0)
    {
        PrivateFiles.MakeDirectory(options.Directory);
        FileStream held = Hold(options.Directory);
        try
        {
            return Open(options, time, held, start);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    private static WriteAheadLog Open(WalOptions options, TimeProvider time, FileStream held, long start)
    {
        List<WalSegment> segments = WalSegment.List(options.Directory);
        long torn = segments.Count == 0 ? 0 : segments[^1].CutTornTail(start);
        if (segments.Count > 0 && segments[^1].Length == 0)
        {
            // Its successor would have the same name.
            start = segments[^1].Start;
            File.Delete(segments[^1].Path);
            Guid known = segments[^1].Log;
            segments.RemoveAt(segments.Count - 1);
            return Begin(known);
        }
        return Begin(segments.Count > 0 ? segments[^1].Log : Guid.NewGuid());

        WriteAheadLog Begin(Guid id)
        {
            var log = new WriteAheadLog(options, time, held, segments, id) { TornBytes = torn };
            log.BeginSegment(segments.Count > 0 ? segments[^1].End : start);
            return log;
        }
    }

    /// <summary>When the segment that holds a position was begun: not before the process that wrote it started.</summary>
    public DateTimeOffset BegunAt(long position)
    {
        lock (_lock)
        {
            return (_segments.FindLast(segment => segment.Start <= position) ?? _segments[0]).Begun;
        }
    }

    /// <summary>Stages a record for the next <see cref="Commit"/>: a head and a body, which are one payload when read.</summary>
    /// <param name="head">Its first bytes.</param>
    /// <param name="body">The others.</param>
    /// <param name="goesWithNext">Whether it is cut as well when the machine ends before the next one, of the same commit, is whole.</param>
    public void Stage(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body, bool goesWithNext = false)
    {
        int length = head.Length + body.Length;
        Span<byte> frame = _stage.Stage(WalFrame.HeaderBytes + length);
        head.CopyTo(frame[WalFrame.HeaderBytes..]);
        body.CopyTo(frame[(WalFrame.HeaderBytes + head.Length)..]);
        WalFrame.WriteHeader(frame, frame[WalFrame.HeaderBytes..], goesWithNext);
    }

    /// <summary>Bytes that a record takes in the log.</summary>
    public static long FrameBytes(int payload) => WalFrame.HeaderBytes + payload;

    /// <summary>Bytes staged.</summary>
    public int Staged => _stage.Staged;

    /// <summary>Writes what is staged and flushes it to the disk; when this returns it survives the end of the machine.</summary>
    /// <exception cref="WalFullException">Nothing was kept: the log has reached its limit, or the disk is full or failing.</exception>
    public void Commit()
    {
        try
        {
            if (_unusable)
            {
                throw new WalFullException($"the write-ahead log in {_options.Directory} could not be repaired after a failed write; free the disk and start again");
            }
            WalSegment segment = _segments[^1];
            if (Bytes + Staged > _options.MaxBytes)
            {
                throw new WalFullException(string.Create(
                    CultureInfo.InvariantCulture, $"the write-ahead log holds {Bytes} bytes that the store has not taken; its limit is {_options.MaxBytes}"));
            }
            if (segment.Length > 0 && (segment.Length + Staged > _options.SegmentBytes || _time.GetUtcNow() - segment.Begun >= _options.SegmentAge))
            {
                BeginSegment(segment.End);
                segment = _segments[^1];
            }
            int staged = Staged;
            Write(segment);
            lock (_lock)
            {
                segment.Length += staged;
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new WalFullException($"the write-ahead log in {_options.Directory} cannot be written: {failure.Message}");
        }
        finally
        {
            _stage.Discard();
        }
    }

    /// <summary>Reads the records from a position on.</summary>
    /// <param name="from">Where a record begins.</param>
    /// <param name="to">Where to stop, at most <see cref="End"/>.</param>
    /// <exception cref="WalCorruptionException">A record is damaged.</exception>
    public IEnumerable<WalRecord> Read(long from, long to)
    {
        WalSegment[] segments;
        lock (_lock)
        {
            segments = [.. _segments.Where(segment => segment.End > from && segment.Start < to)];
        }
        foreach (WalSegment segment in segments)
        {
            using var reader = new WalSegmentReader(segment, Math.Max(0, from - segment.Start));
            while (segment.Start + reader.Offset < to)
            {
                long position = segment.Start + reader.Offset;
                if (!reader.TryRead(out ReadOnlyMemory<byte> payload))
                {
                    if (reader.AtEnd)
                    {
                        break;
                    }
                    throw new WalCorruptionException(
                        string.Create(CultureInfo.InvariantCulture, $"{segment.Path} is damaged at offset {WalSegment.HeaderBytes + reader.Offset}: {segment.Length - reader.Offset} bytes cannot be read"),
                        segment.End);
                }
                yield return new WalRecord(position, segment.Start + reader.Offset, payload);
            }
        }
    }

    /// <summary>Whether <see cref="TrimBefore"/> would delete anything.</summary>
    public bool CanTrimBefore(long position)
    {
        lock (_lock)
        {
            return _segments[0].End <= position && _segments.Count > 1;
        }
    }

    /// <summary>Deletes the segments that end at or before a position.</summary>
    public void TrimBefore(long position)
    {
        List<WalSegment> done;
        lock (_lock)
        {
            done = _segments.FindAll(segment => segment.End <= position && segment != _segments[^1]);
            _segments.RemoveRange(0, done.Count);
        }
        foreach (WalSegment segment in done)
        {
            File.Delete(segment.Path);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _file?.Dispose();
        _stage.Dispose();
        _held.Dispose();
    }

    /// <summary>Holds the directory for this process: two that append to one log would overwrite what each has acknowledged.</summary>
    private static FileStream Hold(string directory)
    {
        try
        {
            return new FileStream(Path.Combine(directory, "sloengine.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException failure)
        {
            throw new IOException($"the write-ahead log in {directory} is in use by another process, or cannot be written: {failure.Message}", failure);
        }
    }

    private void BeginSegment(long start)
    {
        if (_file is not null)
        {
            _segments[^1].Seal(_file);
        }
        (WalSegment segment, SafeFileHandle file) = WalSegment.Create(_options.Directory, Id, start, _time.GetUtcNow(), _options.BypassesCache, _stage);
        _file?.Dispose();
        _file = file;
        lock (_lock)
        {
            _segments.Add(segment);
        }
    }

    private void Write(WalSegment segment)
    {
        long end = WalSegment.HeaderBytes + segment.Length;
        try
        {
            DirectWrites.Write(_file!, _stage.Blocks, end - _stage.Held);
            RandomAccess.FlushToDisk(_file!);
            _stage.Keep();
        }
        catch (IOException)
        {
            Undo(end);
            throw;
        }
    }

    /// <summary>Takes back a write that failed: senders are told that nothing was kept, and will send again.</summary>
    private void Undo(long length)
    {
        try
        {
            RandomAccess.SetLength(_file!, length);
            RandomAccess.FlushToDisk(_file!);
        }
        catch (IOException)
        {
            _unusable = true;
        }
    }
}
