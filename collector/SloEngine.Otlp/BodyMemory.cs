using System.IO.Pipelines;

namespace SloEngine.Otlp;

/// <summary>
/// Bounds the memory of request bodies of all connections, from the first byte that arrives until the request is answered. Beyond it the body that has been
/// arriving for longest is given up, so that slow senders cannot keep the others out; where none is arriving, the newcomer is. Safe for concurrent use.
/// </summary>
/// <param name="maxBytes">Bytes of all bodies together; a single one may be larger.</param>
public sealed class BodyMemory(long maxBytes)
{
    /// <summary>What senders are told whose body is given up.</summary>
    public const string UsedUp = "bodies of requests take all of the memory that they may (limits.memory_budget_bytes): send this one again later";

    /// <summary>When they are to send it again.</summary>
    public static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly LinkedList<Lease> _arriving = new();
    private long _bytes;

    /// <summary>Bytes that bodies take now.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Begins with a body of which nothing has arrived yet.</summary>
    /// <param name="reader">What it arrives through; reading from it is cancelled when the body is given up.</param>
    public Lease Begin(PipeReader reader)
    {
        var lease = new Lease(this, reader);
        lock (_lock)
        {
            lease.Place = _arriving.AddLast(lease);
        }
        return lease;
    }

    private bool TryResize(Lease lease, long bytes)
    {
        lock (_lock)
        {
            if (lease.IsGivenUp)
            {
                return false;
            }
            while (_bytes - lease.Bytes + bytes > maxBytes && _bytes > lease.Bytes)
            {
                Lease? oldest = _arriving.First?.Value == lease && _arriving.Count == 1 ? null : _arriving.First?.Value;
                GiveUp(oldest ?? lease);
                if (lease.IsGivenUp)
                {
                    return false;
                }
            }
            _bytes += bytes - lease.Bytes;
            lease.Bytes = bytes;
            return true;
        }
    }

    private void GiveUp(Lease lease)
    {
        lease.IsGivenUp = true;
        Leave(lease);
        lease.Reader.CancelPendingRead();
    }

    private void Leave(Lease lease)
    {
        Arrive(lease);
        _bytes -= lease.Bytes;
        lease.Bytes = 0;
    }

    private void Arrive(Lease lease)
    {
        if (lease.Place is { } place)
        {
            _arriving.Remove(place);
            lease.Place = null;
        }
    }

    /// <summary>The memory of one body.</summary>
    public sealed class Lease : IDisposable
    {
        private readonly BodyMemory _memory;

        internal Lease(BodyMemory memory, PipeReader reader) => (_memory, Reader) = (memory, reader);

        internal PipeReader Reader { get; }

        internal long Bytes { get; set; }

        internal bool IsGivenUp { get; set; }

        internal LinkedListNode<Lease>? Place { get; set; }

        /// <summary>Takes so many bytes in all from now on; false when the body is given up, for the memory is used up.</summary>
        public bool TryResize(long bytes) => _memory.TryResize(this, bytes);

        /// <summary>All of the body is here: it is not given up for others any more. False when it has been.</summary>
        public bool TryComplete()
        {
            lock (_memory._lock)
            {
                _memory.Arrive(this);
                return !IsGivenUp;
            }
        }

        /// <summary>Gives the memory back.</summary>
        public void Dispose()
        {
            lock (_memory._lock)
            {
                _memory.Leave(this);
            }
        }
    }
}
