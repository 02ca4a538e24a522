namespace SloEngine.Collector.Ingest;

/// <summary>
/// Keeps from the store what was shown to the taps after a moment: whoever reads the store meanwhile sees what came before it and nothing else. What is
/// acknowledged waits in memory and in the log until this is disposed.
/// </summary>
/// <param name="position">The log up to that moment.</param>
/// <param name="release">Lets it through.</param>
public sealed class StoreHold(long position, Action release) : IDisposable
{
    private Action? _release = release;

    internal long Position { get; } = position;

    /// <inheritdoc/>
    public void Dispose() => Interlocked.Exchange(ref _release, null)?.Invoke();
}
