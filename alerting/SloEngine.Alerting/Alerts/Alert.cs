using System.Security.Cryptography;
using System.Text;
using SloEngine.Slo.Model;

namespace SloEngine.Alerting.Alerts;

/// <summary>Where an alert stands.</summary>
public enum AlertState
{
    /// <summary>Its condition holds, not yet for long enough.</summary>
    Pending,
    /// <summary>It fires.</summary>
    Firing,
    /// <summary>It is over.</summary>
    Resolved,
}

/// <summary>One episode of an SLO's alert: from the moment its condition first held.</summary>
public sealed record Alert
{
    /// <summary>SLO.</summary>
    public required string Slo { get; init; }

    /// <summary>Whose it is.</summary>
    public string Tenant { get; init; } = TenantScope.DefaultTenant;

    /// <summary>Policy that began it.</summary>
    public required string Policy { get; init; }

    /// <summary>page or ticket: there is one alert an SLO and severity.</summary>
    public required string Severity { get; init; }

    /// <summary>State.</summary>
    public required AlertState State { get; init; }

    /// <summary>Labels, for routing and grouping.</summary>
    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    /// <summary>Texts for people.</summary>
    public required IReadOnlyDictionary<string, string> Annotations { get; init; }

    /// <summary>When the condition first held.</summary>
    public required DateTimeOffset ActiveSince { get; init; }

    /// <summary>When it began to fire.</summary>
    public DateTimeOffset? FiredAt { get; init; }

    /// <summary>When it resolved.</summary>
    public DateTimeOffset? ResolvedAt { get; init; }

    /// <summary>Burn rate over the long window of the policy.</summary>
    public required double Value { get; init; }

    /// <summary>The same for every episode of the alert; if not given a hash of SLO and severity.</summary>
    public string Fingerprint { get => field ?? HashOfSlo; init; }

    /// <summary>Labels by which notifications of it are grouped; if not given SLO and severity.</summary>
    public IReadOnlyDictionary<string, string> GroupLabels
    {
        get => field ?? new Dictionary<string, string> { ["slo"] = Slo, ["severity"] = Severity };
        init;
    }

    /// <summary>Where people see what it is about; if not given the annotation <c>dashboard</c>.</summary>
    public string GeneratorUrl { get => field ?? Annotations.GetValueOrDefault("dashboard", ""); init; }

    private string HashOfSlo => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{Slo}\0{Severity}")))[..16];
}
