namespace SloEngine.Otlp.Common;

/// <summary>What became of the items of a well-formed request (OTLP specification, "Partial Success").</summary>
/// <param name="Accepted">Items decoded.</param>
/// <param name="Rejected">Items that cannot be stored; the sender must not send them again.</param>
/// <param name="ErrorMessage">Why the first of them was rejected, and where it stands; null when none was.</param>
public readonly record struct DecodeResult(int Accepted, int Rejected, string? ErrorMessage)
{
    /// <summary>How many of the accepted items are histograms; told for remote write only.</summary>
    public int Histograms { get; init; }

    /// <summary>What filters left out before the rest was decoded, and is done with as what was accepted is; told for remote write only.</summary>
    public RemoteWriteItems Filtered { get; init; }

    /// <summary>Exemplars decoded.</summary>
    public int Exemplars { get; init; }

    /// <summary>Exemplars that cannot be stored; the points that they came with are.</summary>
    public int DroppedExemplars { get; init; }

    /// <summary>What the sender is told although nothing was rejected: how many exemplars were dropped, and why; null when none was.</summary>
    public string? Warning { get; init; }
}

/// <summary>What a sender of remote write 2.0 wants to know of: it takes what is missing in the answer for lost.</summary>
/// <param name="Samples">Samples but histograms.</param>
/// <param name="Histograms">Histogram samples.</param>
/// <param name="Exemplars">Exemplars.</param>
public readonly record struct RemoteWriteItems(int Samples, int Histograms, int Exemplars);
