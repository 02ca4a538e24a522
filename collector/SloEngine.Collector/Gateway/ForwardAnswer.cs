using System.Text.Json.Serialization;

namespace SloEngine.Collector.Gateway;

/// <summary>What a node says to a forward.</summary>
/// <param name="Position">How far it has now taken the gateway's log.</param>
/// <param name="Accepted">Items stored of this forward; 0 when it was a repeated one.</param>
/// <param name="Rejected">Items that cannot be stored.</param>
/// <param name="Message">Why the first of them cannot, or why the forward was not taken; null when all is well.</param>
internal sealed record ForwardAnswer(
    [property: JsonPropertyName("position")] long Position,
    [property: JsonPropertyName("accepted")] long Accepted,
    [property: JsonPropertyName("rejected")] long Rejected,
    [property: JsonPropertyName("message")] string? Message)
{
    /// <summary>Whether the forward begins before what this node has taken, and ends behind it: it is to be cut anew, from there on.</summary>
    [JsonIgnore]
    public bool IsOverlap { get; init; }
}
