using System.Text.RegularExpressions;

namespace SloEngine.Server.Catalogue;

/// <summary>What a template is.</summary>
internal enum TemplateKind
{
    /// <summary>An SLO.</summary>
    Slo,
    /// <summary>Rules of Prometheus, where what is to be told is no burn of a budget.</summary>
    Rules,
}

/// <summary>A place in a template that is filled in.</summary>
/// <param name="Name">Name; stands as <c>${name}</c>.</param>
/// <param name="Default">Value when none is given.</param>
/// <param name="Description">What it says.</param>
internal sealed record TemplateParameter(string Name, string Default, string Description);

/// <summary>An indicator or detector of the catalogue, with its runbook.</summary>
internal sealed partial record CatalogueTemplate
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required TemplateKind Kind { get; init; }

    public required string Title { get; init; }

    public required string Description { get; init; }

    public required IReadOnlyList<TemplateParameter> Parameters { get; init; }

    public required string Text { get; init; }

    public required string RunbookText { get; init; }

    /// <summary>The file, with values in place of its parameters.</summary>
    /// <param name="values">Values by name; the others have their defaults.</param>
    public string File(IReadOnlyDictionary<string, string> values) => Fill(Text, values);

    /// <summary>The runbook, likewise.</summary>
    public string Runbook(IReadOnlyDictionary<string, string> values) => Fill(RunbookText, values);

    private string Fill(string text, IReadOnlyDictionary<string, string> values) => Parameter().Replace(
        text, match => values.TryGetValue(match.Groups[1].Value, out string? value) ? value : Parameters.First(parameter => parameter.Name == match.Groups[1].Value).Default);

    [GeneratedRegex(@"\$\{(\w+)\}")]
    private static partial Regex Parameter();
}
