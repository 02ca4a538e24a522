namespace SloEngine.Slo.Ledger;

/// <summary>Takes the events that taps count.</summary>
internal abstract class EventSink
{
    /// <summary>Whether what happened before a time is still being read from the store.</summary>
    public virtual bool AwaitsPast => false;

    /// <summary>Adds part and total events as the indicator counts them, together or apart.</summary>
    public abstract void Add(long nanos, double part, double total);
}
