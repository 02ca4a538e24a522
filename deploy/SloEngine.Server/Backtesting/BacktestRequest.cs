using SloEngine.Alerting.Backtests;
using SloEngine.Collector.Receivers;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Files;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Server.Backtesting;

/// <summary>A file of SLOs.</summary>
/// <param name="Name">Its name, for errors.</param>
/// <param name="Text">Its text.</param>
internal sealed record SloText(string Name, string Text);

/// <summary>Policies to compare with: a preset for the same SLOs, or files with SLOs of their own.</summary>
internal sealed record BacktestSide
{
    public string? Preset { get; init; }

    public IReadOnlyList<SloText?>? Files { get; init; }
}

/// <summary>What a backtest is asked for, by command or over HTTP.</summary>
internal sealed record BacktestRequest
{
    /// <summary>Most to compare with: each is a ledger of its own in memory.</summary>
    private const int MostAgainst = 10;

    public required IReadOnlyList<SloText?>? Files { get; init; }

    /// <summary>Policies in place of those of the files; null for those of the files.</summary>
    public string? Preset { get; init; }

    public IReadOnlyList<BacktestSide?>? Against { get; init; } = [];

    public required DateTimeOffset From { get; init; }

    public required DateTimeOffset To { get; init; }

    public double StepSeconds { get; init; } = BacktestRange.ShortestStep.TotalSeconds;

    /// <summary>A file of incidents; null for none.</summary>
    public SloText? Incidents { get; init; }

    public double GraceSeconds { get; init; } = 300;

    /// <summary>What is to be done for a tenant.</summary>
    /// <param name="tenant">Whose telemetry is replayed.</param>
    /// <exception cref="FormatException">The request does not fit; the message says what is expected.</exception>
    public BacktestPlan Plan(string tenant) => new(tenant, Range(), Sides(tenant), IncidentList(), TimeSpan.FromSeconds(GraceSeconds));

    private List<BacktestSlos> Sides(string tenant)
    {
        IReadOnlyList<BacktestSide?> against = Against ?? throw new FormatException("against is null, expected a list, which may be empty");
        if (against.Count > MostAgainst)
        {
            throw new FormatException($"against has {against.Count} entries, expected at most {MostAgainst}");
        }
        IReadOnlyList<ServiceLevelObjective> own = Read("files", Files, tenant);
        var sides = new List<BacktestSlos> { Preset is null ? new("as written", own) : new(Preset, With(own, Preset)) };
        foreach (BacktestSide? side in against)
        {
            sides.Add(side switch
            {
                { Preset: { } preset } => new(preset, With(own, preset)),
                { Files: { } files } => new(string.Join(", ", files.Select(file => file?.Name)), Read("the files to compare with", files, tenant)),
                _ => throw new FormatException("what to compare with is to be a preset or files"),
            });
        }
        return sides;
    }

    private BacktestRange Range() => StepSeconds is > 0 and < 1e6 ? new BacktestRange(From, To, TimeSpan.FromSeconds(StepSeconds))
        : throw new FormatException($"the step is {StepSeconds} s, expected whole seconds from 10 s to 5 min");

    private IReadOnlyList<Incident> IncidentList()
    {
        if (GraceSeconds is not (>= 0 and <= 86_400))
        {
            throw new FormatException($"the grace is {GraceSeconds} s, expected up to a day");
        }
        try
        {
            return Incidents is null ? [] : IsWhole(Incidents) ? Incident.Read(Incidents.Name, Incidents.Text)
                : throw new FormatException("incidents is to have name and text");
        }
        catch (SloFileException wrong)
        {
            throw new FormatException(wrong.Message);
        }
    }

    /// <summary>Whether a text names a preset.</summary>
    public static bool IsPreset(string text) => Enum.GetNames<BurnPreset>().Contains(text, StringComparer.OrdinalIgnoreCase);

    private static IReadOnlyList<ServiceLevelObjective> Read(string what, IReadOnlyList<SloText?>? files, string tenant)
    {
        if (files is not { Count: > 0 } || !files.All(IsWhole))
        {
            throw new FormatException($"{what}: expected a list of at least one file, each with name and text");
        }
        (IReadOnlyList<ServiceLevelObjective> slos, IReadOnlyList<SloFileError> errors) = SloFileReader.Read(files.Select(file => (file!.Name, file.Text)));
        if (errors.Count > 0)
        {
            throw new FormatException(string.Join('\n', errors));
        }
        foreach (ServiceLevelObjective slo in slos)
        {
            Check(slo, tenant);
        }
        return slos.Count > 0 ? slos : throw new FormatException($"{string.Join(", ", files.Select(file => file!.Name))}: expected at least one SLO");
    }

    /// <summary>JSON may have null where it is not expected.</summary>
    private static bool IsWhole(SloText? file) => file is { Name: not null, Text: not null };

    /// <summary>Refuses an SLO of which the telemetry that is replayed has nothing.</summary>
    private static void Check(ServiceLevelObjective slo, string tenant)
    {
        if (!slo.IsOf(tenant))
        {
            throw new FormatException($"{slo.Source}: SLO '{slo.Id}' is about the telemetry of tenant '{slo.Tenant}', and that of '{tenant}' is replayed; name the tenant by --tenant, or {Tenants.Header}");
        }
        if (slo.ForeignSystems().FirstOrDefault() is { } system)
        {
            throw new FormatException($"{slo.Source}: SLO '{slo.Id}' is measured by {system}, of which there is no history here");
        }
    }

    private static IReadOnlyList<ServiceLevelObjective> With(IReadOnlyList<ServiceLevelObjective> slos, string name)
    {
        if (!IsPreset(name))
        {
            throw new FormatException($"the preset is '{name}', expected {string.Join(", ", Enum.GetNames<BurnPreset>()).ToLowerInvariant()}");
        }
        BurnPreset preset = Enum.Parse<BurnPreset>(name, ignoreCase: true);
        return [.. slos.Select(slo => slo with
        {
            Policies = BurnPresets.Of(preset, slo.Objective, slo.Window),
            Objectives = [.. slo.Objectives.Select(objective => objective.Policies is null ? objective
                : objective with { Policies = BurnPresets.Of(preset, objective.Target, slo.Window) })],
        })];
    }
}
