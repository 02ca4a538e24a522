using System.Buffers.Binary;
using SloEngine.Collector.Ingest;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Gateway;

/// <summary>
/// What this node has taken of each gateway's log, so that a request which a gateway repeats is stored once. The records of this node's own log
/// say it; of what is trimmed from that, a file beside it. Marks only grow.
/// </summary>
internal sealed class ForwardMarks
{
    /// <summary>Gateways remembered at once: each keeps its id as long as its log.</summary>
    private const int Most = 1000;
    private const int EntryBytes = ForwardMark.Bytes + 8;
    private const int HeadBytes = 24;
    private const string FileName = "forwards";

    /// <summary>After this time without a forward a gateway is taken to be gone for good.</summary>
    private static readonly TimeSpan Forgotten = TimeSpan.FromDays(30);

    private readonly Lock _lock = new();
    private readonly Lock _saving = new();
    private readonly Dictionary<Guid, Known> _gateways = [];
    private readonly WriteAheadLog _log;
    private readonly TimeProvider _time;
    private bool _changed;

    private ForwardMarks(WriteAheadLog log, TimeProvider time) => (_log, _time) = (log, time);

    /// <summary>Reads the marks of a log.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, or a later program wrote the log.</exception>
    public static ForwardMarks Open(WriteAheadLog log, TimeProvider time)
    {
        var marks = new ForwardMarks(log, time);
        long from = Math.Max(log.Start, marks.ReadFile());
        long end = log.End;
        while (from < end)
        {
            try
            {
                foreach (WalRecord record in log.Read(from, end))
                {
                    if (LogRecord.Read(record.Payload).Forwarded is { } mark)
                    {
                        marks.Advance(mark);
                    }
                }
                break;
            }
            catch (WalCorruptionException damage)
            {
                // Told by whoever stores the log; later records of the same gateway say how far it got.
                from = damage.ResumeAt;
            }
        }
        return marks;
    }

    /// <summary>The gateway's turn: its requests are taken one after the other, also a repeated one while the first is still at work.</summary>
    /// <exception cref="IngestUnavailableException">There are too many gateways.</exception>
    public SemaphoreSlim Turn(Guid gateway, TimeSpan retryAfter)
    {
        lock (_lock)
        {
            return _gateways.ContainsKey(gateway) || _gateways.Count < Most
                ? KnownAs(gateway).Turn
                : throw new IngestUnavailableException($"this node takes part in the logs of {Most} gateways already", retryAfter, "gateways");
        }
    }

    /// <summary>How far a gateway's log was taken; 0 for one that is not known.</summary>
    public long Position(Guid gateway)
    {
        lock (_lock)
        {
            return _gateways.TryGetValue(gateway, out Known? known) ? known.Position : 0;
        }
    }

    /// <summary>Remembers that a log was taken so far.</summary>
    public void Advance(ForwardMark mark)
    {
        lock (_lock)
        {
            Known known = KnownAs(mark.Gateway);
            known.Position = Math.Max(known.Position, mark.Position);
            known.Seen = _time.GetUtcNow();
            _changed = true;
        }
    }

    /// <summary>Makes durable what the log says before a position, which may then be trimmed.</summary>
    /// <exception cref="IOException">The file could not be written; the one before holds.</exception>
    public void Save(long upTo)
    {
        // The log's readers trim it side by side.
        lock (_saving)
        {
            byte[] file;
            lock (_lock)
            {
                if (!_changed)
                {
                    return;
                }
                DateTimeOffset oldest = _time.GetUtcNow() - Forgotten;
                foreach ((Guid gone, _) in _gateways.Where(gateway => gateway.Value.Seen < oldest).ToList())
                {
                    _gateways.Remove(gone);
                }
                file = Encode(upTo);
                _changed = false;
            }
            try
            {
                WalFile.Replace(_log.Directory, FileName, file);
            }
            catch
            {
                lock (_lock)
                {
                    _changed = true;
                }
                throw;
            }
        }
    }

    private Known KnownAs(Guid gateway)
    {
        if (!_gateways.TryGetValue(gateway, out Known? known))
        {
            known = new Known { Seen = _time.GetUtcNow() };
            _gateways.Add(gateway, known);
        }
        return known;
    }

    private byte[] Encode(long upTo)
    {
        byte[] file = new byte[HeadBytes + (_gateways.Count * EntryBytes)];
        _log.Id.TryWriteBytes(file);
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(16), upTo);
        Span<byte> entry = file.AsSpan(HeadBytes);
        foreach ((Guid gateway, Known known) in _gateways)
        {
            new ForwardMark(gateway, known.Position).Write(entry);
            BinaryPrimitives.WriteInt64LittleEndian(entry[ForwardMark.Bytes..], known.Seen.ToUnixTimeSeconds());
            entry = entry[EntryBytes..];
        }
        return file;
    }

    /// <summary>Returns the position in the log up to which the file says everything.</summary>
    private long ReadFile()
    {
        if (WalFile.Read(_log.Directory, FileName) is not { } file)
        {
            return 0;
        }
        for (ReadOnlySpan<byte> entry = file.AsSpan(HeadBytes); entry.Length >= EntryBytes; entry = entry[EntryBytes..])
        {
            var mark = ForwardMark.Read(entry);
            Known known = KnownAs(mark.Gateway);
            (known.Position, known.Seen) = (mark.Position, DateTimeOffset.FromUnixTimeSeconds(BinaryPrimitives.ReadInt64LittleEndian(entry[ForwardMark.Bytes..])));
        }
        // The marks hold whatever became of the log; its positions are those of this log only.
        return new Guid(file.AsSpan(0, 16)) == _log.Id ? BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan(16)) : 0;
    }

    private sealed class Known
    {
        public SemaphoreSlim Turn { get; } = new(1, 1);

        public long Position { get; set; }

        public DateTimeOffset Seen { get; set; }
    }
}
