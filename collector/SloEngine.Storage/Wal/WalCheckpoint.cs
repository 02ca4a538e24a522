using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace SloEngine.Storage.Wal;

/// <summary>
/// How far the store has taken the log: everything before <see cref="Stored"/>, and perhaps, as one insert, what lies before
/// <see cref="Intent"/>. After a crash that stretch is inserted again under the token it had, so that nothing is stored twice. The file has
/// two slots that are written in turn: a torn write leaves the other.
/// </summary>
public sealed class WalCheckpoint : IDisposable
{
    private const int SlotBytes = 64;
    private const string FileName = "checkpoint";

    private readonly SafeFileHandle _file;
    private readonly Guid _log;
    private long _sequence;

    private WalCheckpoint(SafeFileHandle file, Guid log) => (_file, _log) = (file, log);

    /// <summary>Everything before this position is in the store.</summary>
    public long Stored { get; private set; }

    /// <summary>End of the insert that was begun at <see cref="Stored"/>; equal to it when there was none.</summary>
    public long Intent { get; private set; }

    /// <summary>Opens the checkpoint of a log.</summary>
    public static WalCheckpoint Open(string directory, WriteAheadLog log) => Open(directory, log, FileName, log.Start);

    /// <summary>Opens the checkpoint of a further reader of a log.</summary>
    /// <param name="directory">The log's directory.</param>
    /// <param name="log">The log.</param>
    /// <param name="name">Name of its file.</param>
    /// <param name="start">Where the reader begins that has no checkpoint yet.</param>
    public static WalCheckpoint Open(string directory, WriteAheadLog log, string name, long start)
    {
        string path = Path.Combine(directory, name);
        SafeFileHandle file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite);
        DirectorySync.Flush(directory);
        var checkpoint = new WalCheckpoint(file, log.Id);
        checkpoint.Load();
        if (checkpoint._sequence == 0)
        {
            checkpoint.Save(start, start);
        }
        return checkpoint;
    }

    /// <summary>Where the last checkpoint of a directory stands, for a log that has to be begun anew; 0 without one.</summary>
    public static long LastIntent(string directory)
    {
        string path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
        {
            return 0;
        }
        using SafeFileHandle file = File.OpenHandle(path);
        Span<byte> slot = stackalloc byte[SlotBytes];
        long last = 0;
        for (int index = 0; index < 2; index++)
        {
            if (RandomAccess.Read(file, slot, index * SlotBytes) == SlotBytes && IsWhole(slot))
            {
                last = Math.Max(last, BinaryPrimitives.ReadInt64LittleEndian(slot[32..]));
            }
        }
        return last;
    }

    /// <summary>Writes the checkpoint and flushes it to the disk.</summary>
    /// <exception cref="IOException">It could not be written; the one before holds.</exception>
    public void Save(long stored, long intent)
    {
        Span<byte> slot = stackalloc byte[SlotBytes];
        slot.Clear();
        _log.TryWriteBytes(slot);
        BinaryPrimitives.WriteInt64LittleEndian(slot[16..], _sequence + 1);
        BinaryPrimitives.WriteInt64LittleEndian(slot[24..], stored);
        BinaryPrimitives.WriteInt64LittleEndian(slot[32..], intent);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[40..], WalFrame.Checksum(slot[..40]));
        RandomAccess.Write(_file, slot, (_sequence + 1) % 2 * SlotBytes);
        RandomAccess.FlushToDisk(_file);
        _sequence++;
        (Stored, Intent) = (stored, intent);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static bool IsWhole(ReadOnlySpan<byte> slot) => BinaryPrimitives.ReadUInt32LittleEndian(slot[40..]) == WalFrame.Checksum(slot[..40]);

    private void Load()
    {
        Span<byte> slot = stackalloc byte[SlotBytes];
        for (int index = 0; index < 2; index++)
        {
            if (RandomAccess.Read(_file, slot, index * SlotBytes) < SlotBytes || !IsWhole(slot) || new Guid(slot[..16]) != _log)
            {
                continue;
            }
            long sequence = BinaryPrimitives.ReadInt64LittleEndian(slot[16..]);
            if (sequence > _sequence)
            {
                _sequence = sequence;
                (Stored, Intent) = (BinaryPrimitives.ReadInt64LittleEndian(slot[24..]), BinaryPrimitives.ReadInt64LittleEndian(slot[32..]));
            }
        }
    }
}
