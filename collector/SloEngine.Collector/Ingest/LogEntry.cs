namespace SloEngine.Collector.Ingest;

/// <summary>What is on its way into the log, to be one record there.</summary>
/// <param name="body">The record's bytes behind its head, which stay as they are until it is logged.</param>
internal abstract class LogEntry(ReadOnlyMemory<byte> body)
{
    private readonly TaskCompletionSource _logged = new();

    public ReadOnlyMemory<byte> Body { get; } = body;

    /// <summary>Whether the log takes it together with the entry behind it, or neither.</summary>
    public bool GoesWithNext { get; set; }

    /// <summary>Position of its record in the log.</summary>
    public long Position { get; set; }

    /// <summary>Position behind its record.</summary>
    public long End { get; set; }

    /// <summary>Completes when the log holds it, and what awaits it goes on at once: on a thread that is free for it.</summary>
    public Task Logged => _logged.Task;

    /// <summary>What the record's head may take at most, in bytes.</summary>
    public abstract int MaxHeadBytes { get; }

    /// <summary>Writes the record's head; returns its length.</summary>
    public abstract int WriteHead(Span<byte> head);

    public void Acknowledge() => _logged.SetResult();

    public virtual void Refuse(IngestUnavailableException why) => _logged.SetException(why);
}
