namespace SloEngine.Slo.Ledger;

/// <summary>
/// What is on its way from a ledger into the store: whoever counts anew reads what is there, and knows what is not yet. One append or reading at a time.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="gate">The <see cref="Ledger"/>'s gate, which guards what is said to be.</param>
/// <param name="time">The clock.</param>
internal sealed class LedgerAppends(ILedgerStore store, Lock gate, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(100);

    /// <summary>Held while something is appended, and while the store is read to count anew: what is read is what has been appended until then.</summary>
    private readonly SemaphoreSlim _appends = new(1);

    /// <summary>What has been taken and is not known to be in the store, and whether an attempt has failed, so that it may be there.</summary>
    private readonly Dictionary<IReadOnlyList<LedgerIncrement>, bool> _taken = new(ReferenceEqualityComparer.Instance);

    /// <summary>What ledgers that are gone had counted and nobody has taken yet.</summary>
    private readonly List<LedgerIncrement> _left = [];

    /// <summary>Keeps what a ledger that is about to go has counted until somebody takes it, and gives it. Guarded by the gate.</summary>
    public IReadOnlyList<LedgerIncrement> Leave(SloLedger gone)
    {
        int first = _left.Count;
        gone.TakeUnsaved(_left);
        return _left[first..];
    }

    /// <summary>Gives what was left. Guarded by the gate.</summary>
    public void TakeLeft(List<LedgerIncrement> increments)
    {
        increments.AddRange(_left);
        _left.Clear();
    }

    /// <summary>Notes what somebody has taken to save it. Guarded by the gate.</summary>
    public void NoteTaken(IReadOnlyList<LedgerIncrement> taken) => _taken.Add(taken, false);

    /// <summary>Stores what was taken.</summary>
    public async Task SaveAsync(IReadOnlyList<LedgerIncrement> taken, string token, CancellationToken cancellation)
    {
        await _appends.WaitAsync(cancellation);
        try
        {
            lock (gate)
            {
                _taken[taken] = true;
            }
            await store.AppendAsync(taken, token, cancellation);
            lock (gate)
            {
                _taken.Remove(taken);
            }
        }
        finally
        {
            _appends.Release();
        }
    }

    /// <summary>Stores what nobody took from the ledger, and takes it in there before anybody reads it from the store.</summary>
    public async Task AppendAsync(IReadOnlyList<LedgerIncrement> increments, string token, Action takeIn, CancellationToken cancellation)
    {
        await _appends.WaitAsync(cancellation);
        try
        {
            await store.AppendAsync(increments, token, cancellation);
            takeIn();
        }
        finally
        {
            _appends.Release();
        }
    }

    /// <summary>Shows what has been taken of a key, in the store or on its way there, and what other nodes have stored: meanwhile nothing is appended, and nothing counted.</summary>
    public async Task WithCountedAsync(string key, TimeSpan reach, Action<LedgerHistory> use, CancellationToken cancellation)
    {
        while (true)
        {
            await _appends.WaitAsync(cancellation);
            try
            {
                DateTimeOffset began = time.GetUtcNow();
                IReadOnlyList<LedgerIncrement> stored = await store.ReadAsync(key, began - reach, cancellation);
                IReadOnlyList<LedgerIncrement> others = await store.ReadOthersAsync(key, began - reach, cancellation);
                lock (gate)
                {
                    // After a failed attempt it may be there or not, until it has been repeated.
                    if (!_taken.ContainsValue(true))
                    {
                        use(new LedgerHistory([.. stored, .. _taken.Keys.SelectMany(taken => taken).Concat(_left).Where(increment => increment.Key == key)], others, began));
                        return;
                    }
                }
            }
            finally
            {
                _appends.Release();
            }
            await Task.Delay(RetryDelay, time, cancellation);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _appends.Dispose();
}
