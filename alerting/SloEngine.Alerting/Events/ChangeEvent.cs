using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace SloEngine.Alerting.Events;

/// <summary>What kind of change an event tells of.</summary>
public enum ChangeKind
{
    /// <summary>A version of a service was brought out, or back.</summary>
    Deployment,
    /// <summary>A secret or certificate was rotated.</summary>
    Rotation,
    /// <summary>Replicas were added or removed.</summary>
    Scaling,
    /// <summary>A configuration was changed.</summary>
    Configuration,
    /// <summary>A policy was changed: admission, network, quota.</summary>
    Policy,
    /// <summary>A service was seen for the first time.</summary>
    Discovery,
    /// <summary>Anything else worth a mark.</summary>
    Other,
}

/// <summary>A change that may be why an SLO burns.</summary>
public sealed record ChangeEvent
{
    /// <summary>Name, unique within the tenant: an event with the same one replaces it.</summary>
    public required string Id { get; init; }

    /// <summary>Whose it is.</summary>
    public required string Tenant { get; init; }

    /// <summary>When it happened.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>What kind of change.</summary>
    public required ChangeKind Kind { get; init; }

    /// <summary>Service that was changed; empty for the platform.</summary>
    public string Service { get; init; } = "";

    /// <summary>Environment, such as production.</summary>
    public string Environment { get; init; } = "";

    /// <summary>Version that was brought out.</summary>
    public string Version { get; init; } = "";

    /// <summary>Revision of the source.</summary>
    public string Commit { get; init; } = "";

    /// <summary>In a line, for people.</summary>
    public string Title { get; init; } = "";

    /// <summary>Where to read on.</summary>
    public string Link { get; init; } = "";

    /// <summary>Who told of it: api, log, span or service.version.</summary>
    public required string Source { get; init; }

    /// <summary>What else is known.</summary>
    public IReadOnlyDictionary<string, string> Attributes { get; init; } = new Dictionary<string, string>();

    /// <summary>Of rows with one id the one with the highest is kept: the latest that was told, the earliest that was seen.</summary>
    public ulong Revision { get; init; }

    /// <summary>Whether a text is an address that people may be sent to: pages make links of it.</summary>
    public static bool IsLink(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https"
            && !text.Any(static letter => letter is '<' or '>' or '"' or '\\' || char.IsWhiteSpace(letter));

    /// <summary>The revision of something that is seen again and again, and happened when it was seen first.</summary>
    public static ulong EarliestWins(DateTimeOffset time) => ulong.MaxValue - (ulong)time.ToUnixTimeMilliseconds();

    /// <summary>An id that is equal when all of the parts are.</summary>
    public static string IdOf(params ReadOnlySpan<string> parts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string part in parts)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{part.Length}:{part}")));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..32];
    }
}
