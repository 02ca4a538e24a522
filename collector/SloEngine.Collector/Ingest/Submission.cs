namespace SloEngine.Collector.Ingest;

/// <summary>A decoded request on its way into the log and from there into a batch.</summary>
/// <param name="kind">What it is.</param>
/// <param name="tenant">Owner.</param>
/// <param name="arrivalNanos">When it came, in Unix nanoseconds.</param>
/// <param name="body">The request's bytes, which stay as they are until it is logged.</param>
/// <param name="block">Its columns.</param>
/// <param name="rows">Rows in them.</param>
/// <param name="release">Takes the columns back once they are gathered.</param>
internal sealed class Submission(
    RequestKind kind, string tenant, long arrivalNanos, ReadOnlyMemory<byte> body, IDisposable block, int rows, Action<IDisposable> release)
{
    private readonly TaskCompletionSource _logged = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public RequestKind Kind { get; } = kind;

    public string Tenant { get; } = tenant;

    public long ArrivalNanos { get; } = arrivalNanos;

    public ReadOnlyMemory<byte> Body { get; } = body;

    public IDisposable Block { get; } = block;

    public int Rows { get; } = rows;

    /// <summary>Whether the next one is of the same request, so that the log gets both or neither.</summary>
    public bool JoinsNext { get; set; }

    /// <summary>Generation of the lease on the references in its columns.</summary>
    public int Lease { get; init; }

    /// <summary>Position of its record in the log.</summary>
    public long Position { get; set; }

    /// <summary>Position behind its record.</summary>
    public long End { get; set; }

    /// <summary>Completes when the log holds it.</summary>
    public Task Logged => _logged.Task;

    public void Acknowledge() => _logged.SetResult();

    public void Refuse(IngestUnavailableException why)
    {
        release(Block);
        _logged.SetException(why);
    }

    public void Release() => release(Block);
}
