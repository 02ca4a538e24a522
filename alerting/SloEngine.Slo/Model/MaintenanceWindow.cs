using System.IO.Enumeration;

namespace SloEngine.Slo.Model;

/// <summary>Exclusions of several SLOs, whatever formats those are written in.</summary>
/// <param name="Name">Name.</param>
/// <param name="Slos">Ids of SLOs; <c>*</c> stands for any letters.</param>
/// <param name="Services">Services, likewise.</param>
/// <param name="Exclusions">When their events do not count.</param>
public sealed record MaintenanceWindow(string Name, IReadOnlyList<string> Slos, IReadOnlyList<string> Services, IReadOnlyList<Exclusion> Exclusions)
{
    /// <summary>File and line of the definition.</summary>
    public string Source { get; init; } = "";

    /// <summary>An SLO with the exclusions of those that are about it.</summary>
    public static ServiceLevelObjective Apply(IReadOnlyList<MaintenanceWindow> windows, ServiceLevelObjective slo)
    {
        Exclusion[] more = [.. windows.Where(window => window.IsAbout(slo)).SelectMany(window => window.Exclusions)];
        return more.Length == 0 ? slo : slo with { Exclusions = [.. slo.Exclusions, .. more] };
    }

    private bool IsAbout(ServiceLevelObjective slo) => Any(Slos, slo.Id) || Any(Services, slo.Service);

    private static bool Any(IReadOnlyList<string> patterns, string name) => patterns.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false));
}
