using System.Text.Json.Serialization;

namespace SloEngine.Collector.Gateway;

/// <summary>How a gateway stands with a node.</summary>
/// <param name="Node">Name.</param>
/// <param name="Url">Address.</param>
/// <param name="QueuedBytes">Bytes of the log that the node is behind; slices of other nodes among them.</param>
/// <param name="AgeSeconds">Since when the oldest slice waits that the node has not taken; 0 when it has all.</param>
/// <param name="Failure">Why the last forward was not taken; null when it was.</param>
public sealed record NodeStatus(
    [property: JsonPropertyName("node")] string Node,
    [property: JsonPropertyName("url")] Uri Url,
    [property: JsonPropertyName("queuedBytes")] long QueuedBytes,
    [property: JsonPropertyName("ageSeconds")] double AgeSeconds,
    [property: JsonPropertyName("failure")] string? Failure);
