namespace SloEngine.PromQL.Histograms;

/// <summary>What is known about a counter reset between a histogram and the one before it.</summary>
public enum CounterResetHint
{
    /// <summary>Nothing: it has to be found out by comparison.</summary>
    Unknown,
    /// <summary>There was a reset.</summary>
    Reset,
    /// <summary>There was none.</summary>
    NotReset,
    /// <summary>The histogram is no counter.</summary>
    Gauge,
}
