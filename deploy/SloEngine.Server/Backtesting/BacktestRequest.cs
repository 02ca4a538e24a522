using SloEngine.Alerting.Backtests;
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

    public IReadOnlyList<SloText>? Files { get; init; }
}

/// <summary>What a backtest is asked for, by command or over HTTP.</summary>
internal sealed record BacktestRequest
{
    public required IReadOnlyList<SloText> Files { get; init; }

    /// <summary>Policies in place of those of the files; null for those of the files.</summary>
    public string? Preset { get; init; }

    public IReadOnlyList<BacktestSide> Against { get; init; } = [];

    public required DateTimeOffset From { get; init; }

    public required DateTimeOffset To { get; init; }

    public double StepSeconds { get; init; } = BacktestRange.ShortestStep.TotalSeconds;

    /// <summary>A file of incidents; null for none.</summary>
    public SloText? Incidents { get; init; }

    public double GraceSeconds { get; init; } = 300;

    /// <summary>The sets of SLOs to test, by name.</summary>
    /// <exception cref="FormatException">A file does not read, or a preset is not known.</exception>
    public IReadOnlyList<(string Name, IReadOnlyList<ServiceLevelObjective> Slos)> Sides()
    {
        IReadOnlyList<ServiceLevelObjective> own = Read(Files);
        var sides = new List<(string, IReadOnlyList<ServiceLevelObjective>)> { Preset is null ? ("as written", own) : (Preset, With(own, Preset)) };
        foreach (BacktestSide side in Against)
        {
            sides.Add(side.Preset is { } preset ? (preset, With(own, preset))
                : side.Files is { Count: > 0 } files ? (string.Join(", ", files.Select(file => file.Name)), Read(files))
                : throw new FormatException("what to compare with is to be a preset or files"));
        }
        return sides;
    }

    /// <exception cref="FormatException">The range does not fit.</exception>
    public BacktestRange Range() => StepSeconds is > 0 and < 1e6 ? new BacktestRange(From, To, TimeSpan.FromSeconds(StepSeconds))
        : throw new FormatException($"the step is {StepSeconds} s, expected whole seconds from 10 s to 5 min");

    /// <exception cref="FormatException">The file does not read.</exception>
    public IReadOnlyList<Incident> IncidentList()
    {
        if (GraceSeconds is not (>= 0 and <= 86_400))
        {
            throw new FormatException($"the grace is {GraceSeconds} s, expected up to a day");
        }
        try
        {
            return Incidents is null ? [] : Incident.Read(Incidents.Name, Incidents.Text);
        }
        catch (SloFileException wrong)
        {
            throw new FormatException(wrong.Message);
        }
    }

    /// <summary>Whether a text names a preset.</summary>
    public static bool IsPreset(string text) => Enum.GetNames<BurnPreset>().Contains(text, StringComparer.OrdinalIgnoreCase);

    private static IReadOnlyList<ServiceLevelObjective> Read(IReadOnlyList<SloText> files)
    {
        (IReadOnlyList<ServiceLevelObjective> slos, IReadOnlyList<SloFileError> errors) = SloFileReader.Read(files.Select(file => (file.Name, file.Text)));
        return errors.Count > 0 ? throw new FormatException(string.Join('\n', errors))
            : slos.Count > 0 ? slos : throw new FormatException($"{string.Join(", ", files.Select(file => file.Name))}: expected at least one SLO");
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
