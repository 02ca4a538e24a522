namespace SloEngine.Collector.Gateway;

/// <summary>An engine node that a gateway forwards to.</summary>
/// <param name="Name">What ownership goes by: it stays when the node moves to another address.</param>
/// <param name="Url">Address of its OTLP/HTTP.</param>
public sealed record GatewayNode(string Name, Uri Url)
{
    /// <summary>User and password, <c>user:password</c>, of a node that asks for credentials; they need its right <c>admin</c>, since forwards name any tenant.</summary>
    public string? UserInfo { get; init; }
}

/// <summary>Where a gateway forwards to, and how patiently.</summary>
public sealed record GatewayOptions
{
    /// <summary>Most nodes.</summary>
    public const int MaxNodes = 256;

    /// <summary>The nodes; the same set for every gateway.</summary>
    public required IReadOnlyList<GatewayNode> Nodes { get; init; }

    /// <summary>Bytes of slices after which a forward is sent, where nodes take bodies that large.</summary>
    public const int MostForwardBytes = 4 << 20;

    /// <summary>Bytes of slices after which a forward is sent, no more than nodes take; a larger slice goes alone.</summary>
    public int MaxForwardBytes { get; init; } = MostForwardBytes;

    /// <summary>How long an answer may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Delay before the first retry; each further one waits up to twice as long.</summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Longest delay between retries, unless the node asks for more.</summary>
    public TimeSpan LongestRetry { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a slice that a node refuses for what it is is sent again, before it is kept apart: time to give the node a larger limit, or a newer program.</summary>
    public TimeSpan RefusalPatience { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>How often it is made durable how far each node is, and the log trimmed.</summary>
    public TimeSpan CheckpointPeriod { get; init; } = TimeSpan.FromSeconds(1);
}
