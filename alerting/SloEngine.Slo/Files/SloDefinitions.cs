using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;
using SloEngine.Slo.Sloth;

namespace SloEngine.Slo.Files;

/// <summary>What files that are read together define: references are resolved when all have been seen.</summary>
internal sealed class SloDefinitions
{
    private readonly List<(YamlPlace Name, Func<ServiceLevelObjective> Read)> _slos = [];
    private readonly List<Action> _checks = [];

    /// <summary>Objects that OpenSLO documents refer to.</summary>
    public OpenSloObjects Objects { get; } = new();

    /// <summary>Alert windows of Sloth.</summary>
    public AlertWindows Windows { get; } = new();

    /// <summary>SLI plugins of Sloth's files.</summary>
    public SliPlugins Plugins { get; } = new();

    /// <summary>Maintenance of several SLOs.</summary>
    public List<MaintenanceWindow> Maintenance { get; } = [];

    /// <summary>Definitions that cannot be used.</summary>
    public List<SloFileError> Errors { get; } = [];

    /// <summary>References of what no SLO uses to what stands nowhere.</summary>
    public List<SloFileError> Warnings { get; } = [];

    /// <summary>Adds an SLO.</summary>
    /// <param name="name">Where its name stands.</param>
    /// <param name="read">Reads it.</param>
    public void Add(YamlPlace name, Func<ServiceLevelObjective> read) => _slos.Add((name, read));

    /// <summary>Adds what is to hold when all has been seen.</summary>
    public void AddCheck(Action check) => _checks.Add(check);

    /// <summary>Runs a step; what it fails with becomes one of the errors.</summary>
    public void Try(Action step)
    {
        try
        {
            step();
        }
        catch (SloFileException failure)
        {
            Errors.Add(failure.Error);
        }
    }

    /// <summary>The SLOs that read.</summary>
    public IReadOnlyList<ServiceLevelObjective> Resolve()
    {
        var slos = new Dictionary<string, ServiceLevelObjective>(StringComparer.Ordinal);
        foreach (Action check in _checks)
        {
            Try(check);
        }
        foreach ((YamlPlace name, Func<ServiceLevelObjective> read) in _slos)
        {
            Try(() =>
            {
                ServiceLevelObjective slo = read();
                if (!slos.TryAdd(slo.Id, slo))
                {
                    throw name.Fail($"{name.Path} '{slo.Id}' is taken by {slos[slo.Id].Source}");
                }
            });
        }
        return [.. slos.Values.Select(slo => MaintenanceWindow.Apply(Maintenance, slo))];
    }
}
