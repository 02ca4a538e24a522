using SloEngine.Collector.Receivers;

namespace SloEngine.Server.Authentication;

/// <summary>What a credential may do.</summary>
[Flags]
internal enum Rights
{
    None = 0,
    /// <summary>Send telemetry of its tenants.</summary>
    Write = 1,
    /// <summary>Read telemetry, SLOs, alerts, rules and scaling of its tenants; and dashboards, which are of the server.</summary>
    Read = 2,
    /// <summary>What concerns all tenants: backups, the state of the store, the server's own metrics; and save dashboards, and SLOs of its tenants.</summary>
    Admin = 4,
}

/// <summary>Who may do what for which tenants. Of its secret only the hash is known.</summary>
/// <param name="Name">Its name, for messages and the log.</param>
/// <param name="User">User of basic authentication; null for a bearer token.</param>
/// <param name="SecretHash">SHA-256 of the token or password.</param>
/// <param name="Tenants">Its tenants, of which the first is that of requests that name none; null for all.</param>
/// <param name="Rights">What it may do.</param>
internal sealed record Credential(string Name, string? User, byte[] SecretHash, IReadOnlyList<string>? Tenants, Rights Rights) : ITenantAccess
{
    /// <summary>The tenant of requests that name none.</summary>
    public string DefaultTenant => Tenants?[0] ?? Collector.Receivers.Tenants.Default;

    public bool AllowsAll => Tenants is null;

    public bool Allows(string tenant) => Tenants is null || Tenants.Contains(tenant);

    /// <summary>Says as much as may be logged.</summary>
    public override string ToString() => Name;
}
