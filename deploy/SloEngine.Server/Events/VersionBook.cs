using SloEngine.Alerting.Events;

namespace SloEngine.Server.Events;

/// <summary>
/// Which versions of services run, as far as telemetry tells, so that one that comes up anew, or comes back, is known as a deployment. What it knows is in
/// the events that it made: after a crash it makes those again that are not stored.
/// </summary>
internal sealed class VersionBook
{
    /// <summary>Services, by tenant and environment, that are followed.</summary>
    public const int MaxServices = 10_000;

    /// <summary>Versions of a service that are remembered; of more the one not seen for longest is forgotten.</summary>
    private const int MaxVersions = 100;

    /// <summary>A version that was not seen for so long while another one was, was replaced: when it comes back it was brought back.</summary>
    private static readonly TimeSpan Absence = TimeSpan.FromHours(1);

    private readonly Dictionary<(string Tenant, string Service, string Environment), Dictionary<string, DateTimeOffset>> _versions = [];

    /// <summary>Begins with what earlier events told. Whether a version has run meanwhile is not known, so it counts as seen at the start.</summary>
    public VersionBook(IEnumerable<ChangeEvent> told, DateTimeOffset start)
    {
        foreach (ChangeEvent one in told)
        {
            Of((one.Tenant, one.Service, one.Environment))?.TryAdd(one.Version, start);
        }
    }

    /// <summary>Notes that a version ran at a time. Null when that is no news; else whether the service is new, the version is, or it is back.</summary>
    public Sighting? See(string tenant, string service, string environment, string version, DateTimeOffset time)
    {
        if (Of((tenant, service, environment)) is not { } versions)
        {
            return null;
        }
        bool isKnown = versions.TryGetValue(version, out DateTimeOffset last);
        Sighting? news = versions.Count == 0 ? Sighting.NewService : !isKnown ? Sighting.NewVersion
            : time - last > Absence && HasOtherSince(versions, version, last) ? Sighting.Return : null;
        if (news is not null || time > last)
        {
            versions[version] = time;
        }
        if (versions.Count > MaxVersions)
        {
            versions.Remove(versions.MinBy(entry => entry.Value).Key);
        }
        return news;
    }

    /// <summary>Whether another version was seen meanwhile: a service that was silent, or whose telemetry was, goes on as it was.</summary>
    private static bool HasOtherSince(Dictionary<string, DateTimeOffset> versions, string version, DateTimeOffset last)
    {
        foreach ((string other, DateTimeOffset seen) in versions)
        {
            if (other != version && seen > last)
            {
                return true;
            }
        }
        return false;
    }

    private Dictionary<string, DateTimeOffset>? Of((string, string, string) service)
    {
        if (!_versions.TryGetValue(service, out Dictionary<string, DateTimeOffset>? versions) && _versions.Count < MaxServices)
        {
            _versions.Add(service, versions = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal));
        }
        return versions;
    }
}

/// <summary>What is new about a version.</summary>
internal enum Sighting
{
    /// <summary>The service was not seen before.</summary>
    NewService,
    /// <summary>The version was not.</summary>
    NewVersion,
    /// <summary>It was, and then not for a while.</summary>
    Return,
}
