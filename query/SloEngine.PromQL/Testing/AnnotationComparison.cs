using System.Globalization;
using SloEngine.PromQL.Evaluation;

namespace SloEngine.PromQL.Testing;

/// <summary>Compares annotations with those a script expects.</summary>
internal static class AnnotationComparison
{
    /// <summary>What differs, or null.</summary>
    public static string? Compare(EvalCommand command, string query, IReadOnlyList<Annotation> annotations)
    {
        string[] warnings = Texts(annotations, AnnotationKind.Warning, query);
        string[] infos = Texts(annotations, AnnotationKind.Info, query);
        string line = command.Line.ToString(CultureInfo.InvariantCulture);
        if (command.Warns && warnings.Length == 0)
        {
            return $"expected warnings evaluating query \"{query}\" (line {line}) but got none";
        }
        if (command.Informs && infos.Length == 0)
        {
            return $"expected info annotations evaluating query \"{query}\" (line {line}) but got none";
        }
        return Compare(command.ExpectedWarnings, warnings, "warn", query, line)
            ?? Compare(command.ExpectedInfos, infos, "info", query, line)
            ?? (command.NoWarnings && warnings.Length > 0
                ? $"unexpected warning annotations evaluating query \"{query}\" (line {line}): [{string.Join(' ', warnings)}]" : null)
            ?? (command.NoInfos && infos.Length > 0
                ? $"unexpected info annotations evaluating query \"{query}\" (line {line}): [{string.Join(' ', infos)}]" : null);
    }

    private static string? Compare(List<TextExpectation> expected, string[] actual, string kind, string query, string line)
    {
        if (expected.Count == 0)
        {
            return null;
        }
        if (actual.Length == 0)
        {
            return $"expected {kind} annotations but none were found for query \"{query}\" (line {line})";
        }
        TextExpectation? missing = expected.Find(one => !Array.Exists(actual, one.Matches));
        if (missing is not null)
        {
            return $"expected {kind} annotation matching {missing.Type} \"{missing.Text}\" but no matching annotation was found "
                + $"for query \"{query}\" (line {line}), found: [{string.Join(' ', actual)}]";
        }
        string? surplus = Array.Find(actual, text => !expected.Exists(one => one.Matches(text)));
        return surplus is null ? null : $"unexpected {kind} annotation \"{surplus}\" found for query {query} (line {line})";
    }

    private static string[] Texts(IReadOnlyList<Annotation> annotations, AnnotationKind kind, string query) =>
        [.. annotations.Where(annotation => annotation.Kind == kind).Select(annotation => annotation.Describe(query))];
}
