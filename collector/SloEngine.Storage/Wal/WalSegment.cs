using System.Buffers.Binary;
using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace SloEngine.Storage.Wal;

/// <summary>
/// One file of the log, named by the position of its first record. Its header names the log and the time the segment was begun; positions
/// count the bytes of frames alone, so that one segment begins where the one before ends.
/// </summary>
internal sealed class WalSegment
{
    public const int HeaderBytes = 48;

    private const string Suffix = ".wal";

    private static ReadOnlySpan<byte> Magic => "SLOEWAL1"u8;

    private WalSegment(string path, Guid log, long start, DateTimeOffset begun) => (Path, Log, Start, Begun) = (path, log, start, begun);

    public string Path { get; }

    public Guid Log { get; }

    /// <summary>Position of the first record.</summary>
    public long Start { get; }

    /// <summary>When it was begun: a process begins one at its start.</summary>
    public DateTimeOffset Begun { get; }

    /// <summary>Bytes of frames.</summary>
    public long Length { get; set; }

    public long End => Start + Length;

    /// <summary>Segments of a directory, oldest first.</summary>
    /// <exception cref="InvalidDataException">A file is no segment of the same log, or one is missing.</exception>
    public static List<WalSegment> List(string directory)
    {
        var segments = new List<WalSegment>();
        foreach (string path in Directory.EnumerateFiles(directory, "*" + Suffix).Order(StringComparer.Ordinal))
        {
            if (new FileInfo(path).Length < HeaderBytes)
            {
                // The process died while it made the file: nothing was in it.
                File.Delete(path);
                continue;
            }
            WalSegment segment = Read(path);
            if (segments.Count > 0 && (segments[^1].Log != segment.Log || segments[^1].End != segment.Start))
            {
                throw new InvalidDataException($"{path} does not go on where {segments[^1].Path} ends; put the missing segment back, or move the segments away");
            }
            segments.Add(segment);
        }
        return segments;
    }

    /// <summary>Makes a segment's file with its header, which is what <paramref name="stage"/> is to hold for it.</summary>
    public static (WalSegment Segment, SafeFileHandle File) Create(string directory, Guid log, long start, DateTimeOffset now, bool bypassesCache, WalStage stage)
    {
        string path = System.IO.Path.Combine(directory, start.ToString("D20", CultureInfo.InvariantCulture) + Suffix);
        using var block = new WalStage(WalStage.BlockBytes);
        Span<byte> header = block.Stage(HeaderBytes);
        header.Clear();
        Magic.CopyTo(header);
        log.TryWriteBytes(header[8..]);
        BinaryPrimitives.WriteInt64LittleEndian(header[24..], start);
        BinaryPrimitives.WriteInt64LittleEndian(header[32..], now.ToUnixTimeMilliseconds());
        BinaryPrimitives.WriteUInt32LittleEndian(header[40..], WalFrame.Checksum(header[..40]));
        SafeFileHandle file = System.IO.File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite, FileShare.Read);
        try
        {
            if (bypassesCache)
            {
                DirectWrites.Enable(file);
            }
            DirectWrites.Write(file, block.Blocks, 0);
            RandomAccess.FlushToDisk(file);
            DirectorySync.Flush(directory);
            stage.Hold(header);
            return (new WalSegment(path, log, start, DateTimeOffset.FromUnixTimeMilliseconds(now.ToUnixTimeMilliseconds())), file);
        }
        catch
        {
            file.Dispose();
            System.IO.File.Delete(path);
            throw;
        }
    }

    /// <summary>
    /// Cuts what the process that died had not written to its end, and the zeros behind the last record. What the store is known to have reached was
    /// whole once: it is not torn but damaged, and stays, so that reading says so and no position is given out twice.
    /// </summary>
    /// <param name="reached">Position that the store has reached.</param>
    /// <returns>Bytes cut, without the zeros.</returns>
    public long CutTornTail(long reached)
    {
        long valid = 0;
        long torn;
        using (var reader = new WalSegmentReader(this, 0))
        {
            while (reader.TryRead(out _))
            {
                valid = reader.GoesWithNext ? valid : reader.Offset;
            }
            torn = reader.Offset - valid + reader.RestWithoutZeros();
        }
        if (Start + valid < reached)
        {
            valid = Math.Max(valid + torn, reached - Start);
            torn = 0;
        }
        if (Length != valid)
        {
            using SafeFileHandle file = System.IO.File.OpenHandle(Path, FileMode.Open, FileAccess.ReadWrite);
            Length = valid;
            Seal(file);
        }
        return torn;
    }

    /// <summary>Ends the file behind the last record; durable when this returns.</summary>
    public void Seal(SafeFileHandle file)
    {
        RandomAccess.SetLength(file, HeaderBytes + Length);
        RandomAccess.FlushToDisk(file);
    }

    private static WalSegment Read(string path)
    {
        using SafeFileHandle file = System.IO.File.OpenHandle(path);
        Span<byte> header = stackalloc byte[HeaderBytes];
        RandomAccess.Read(file, header, 0);
        if (!header.StartsWith(Magic) || BinaryPrimitives.ReadUInt32LittleEndian(header[40..]) != WalFrame.Checksum(header[..40]))
        {
            throw new InvalidDataException($"{path} is no segment of a write-ahead log, or its header is damaged");
        }
        return new WalSegment(
            path, new Guid(header[8..24]), BinaryPrimitives.ReadInt64LittleEndian(header[24..]),
            DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64LittleEndian(header[32..])))
        {
            Length = RandomAccess.GetLength(file) - HeaderBytes,
        };
    }
}
