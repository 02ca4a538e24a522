namespace SloEngine.Otlp.Common;

/// <summary>What became of the items of a well-formed request (OTLP specification, "Partial Success").</summary>
/// <param name="Accepted">Items decoded.</param>
/// <param name="Rejected">Items that cannot be stored; the sender must not send them again.</param>
/// <param name="ErrorMessage">Why the first of them was rejected, and where it stands; null when none was.</param>
public readonly record struct DecodeResult(int Accepted, int Rejected, string? ErrorMessage)
{
    /// <summary>How many of the accepted items are histograms; told for remote write only.</summary>
    public int Histograms { get; init; }
}
