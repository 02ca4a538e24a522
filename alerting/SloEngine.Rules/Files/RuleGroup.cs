using SloEngine.PromQL.Syntax;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Rules.Files;

/// <summary>Rules that are evaluated one after the other at the same time.</summary>
/// <param name="File">File it is from.</param>
/// <param name="Name">Name, unique within the file.</param>
/// <param name="Rules">The rules, in order.</param>
public sealed record RuleGroup(string File, string Name, IReadOnlyList<Rule> Rules)
{
    /// <summary>Whose series its rules read and write.</summary>
    public string Tenant { get; init; } = "default";

    /// <summary>Time between evaluations; null for the default.</summary>
    public TimeSpan? Interval { get; init; }

    /// <summary>How far in the past queries look; null for the default.</summary>
    public TimeSpan? QueryOffset { get; init; }

    /// <summary>Alerts or series one rule may give; 0 for any number.</summary>
    public int Limit { get; init; }
}

/// <summary>A rule of a group.</summary>
/// <param name="Name">Name of the series or of the alert.</param>
/// <param name="Expression">What it evaluates.</param>
/// <param name="Labels">Labels that its results get, those of the group included.</param>
/// <param name="Line">Line in its file.</param>
public abstract record Rule(string Name, Expr Expression, IReadOnlyList<KeyValuePair<string, string>> Labels, long Line);

/// <summary>Writes what its expression gives as a series.</summary>
/// <param name="Name">Name of the series.</param>
/// <param name="Expression">What it evaluates.</param>
/// <param name="Labels">Labels of the series.</param>
/// <param name="Line">Line in its file.</param>
public sealed record RecordingRule(string Name, Expr Expression, IReadOnlyList<KeyValuePair<string, string>> Labels, long Line)
    : Rule(Name, Expression, Labels, Line);

/// <summary>Alerts for each sample that its expression gives.</summary>
/// <param name="Name">Name of the alert.</param>
/// <param name="Expression">What it evaluates.</param>
/// <param name="Labels">Labels of the alerts: templates.</param>
/// <param name="Line">Line in its file.</param>
public sealed record AlertingRule(string Name, Expr Expression, IReadOnlyList<KeyValuePair<string, string>> Labels, long Line)
    : Rule(Name, Expression, Labels, Line)
{
    /// <summary>How long there has to be a sample before the alert fires.</summary>
    public TimeSpan For { get; init; }

    /// <summary>How long it goes on firing without a sample.</summary>
    public TimeSpan KeepFiringFor { get; init; }

    /// <summary>Annotations of the alerts: templates.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Annotations { get; init; } = [];
}

/// <summary>What a file holds, and what is wrong with it.</summary>
/// <param name="File">The file.</param>
/// <param name="Groups">Its groups; none where there is an error.</param>
/// <param name="Errors">Why it is refused, each with file, line and column.</param>
/// <param name="Warnings">What is suspicious but accepted.</param>
public sealed record RuleFile(string File, IReadOnlyList<RuleGroup> Groups, IReadOnlyList<SloFileError> Errors, IReadOnlyList<SloFileError> Warnings);
