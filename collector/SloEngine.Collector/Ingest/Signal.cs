namespace SloEngine.Collector.Ingest;

/// <summary>The three OTLP signals.</summary>
public enum Signal
{
    /// <summary>Metrics.</summary>
    Metrics,
    /// <summary>Logs.</summary>
    Logs,
    /// <summary>Traces.</summary>
    Traces,
}
