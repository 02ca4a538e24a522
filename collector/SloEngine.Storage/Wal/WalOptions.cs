namespace SloEngine.Storage.Wal;

/// <summary>Where a write-ahead log lies and how large it may become.</summary>
public sealed record WalOptions
{
    /// <summary>Directory of the segments; made when missing. One log, one process.</summary>
    public required string Directory { get; init; }

    /// <summary>Bytes after which a segment is closed and the next begun.</summary>
    public long SegmentBytes { get; init; } = 64 << 20;

    /// <summary>Age at which a segment is closed, at the next write, and the next begun: what the store has leaves the disk after it, however little comes.</summary>
    public TimeSpan SegmentAge { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Bytes the log may hold before appends are refused: how much may wait while the store is away.</summary>
    public long MaxBytes { get; init; } = 8L << 30;

    /// <summary>
    /// Whether writes go past the page cache, where the file system can: right for a log that is read after a fault alone, wrong for one whose
    /// every record is read again soon.
    /// </summary>
    public bool BypassesCache { get; init; } = true;
}

/// <summary>The log took nothing of what was appended: its limit or the disk is full. The same may be appended later.</summary>
public sealed class WalFullException(string message) : Exception(message);

/// <summary>A record in the middle of the log does not read as it was written.</summary>
public sealed class WalCorruptionException(string message, long resumeAt) : Exception(message)
{
    /// <summary>Position of the next segment, where reading can go on.</summary>
    public long ResumeAt { get; } = resumeAt;
}
