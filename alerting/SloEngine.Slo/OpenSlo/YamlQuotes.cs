using YamlDotNet.Core;

namespace SloEngine.Slo.OpenSlo;

/// <summary>
/// Texts in quotes over several lines: YAML wants their lines indented deeper than what they belong to, which readers based on libyaml
/// never ask for, so that real files do not always have it. What lines begin with is folded away, so it may be put in.
/// </summary>
internal static class YamlQuotes
{
    private const string Complaint = "found wrong indentation";

    /// <summary>The text with the lines of one quoted text indented, or null if that is not what is wrong.</summary>
    public static string? Indent(string text, YamlException wrong)
    {
        if (!wrong.Message.Contains(Complaint, StringComparison.Ordinal))
        {
            return null;
        }
        int position = 0;
        for (int line = 1; line < wrong.Start.Line; line++)
        {
            position = text.IndexOf('\n', position) + 1;
        }
        position += (int)wrong.Start.Column - 1;
        char quote = position < text.Length ? text[position] : '\0';
        if (quote is not ('"' or '\''))
        {
            return null;
        }
        int end = position + 1;
        while (end < text.Length && text[end] != quote)
        {
            end += text[end] == '\\' && quote == '"' ? 2 : 1;
        }
        end = Math.Min(end, text.Length);
        string indentation = new(' ', (int)wrong.Start.Column);
        string quoted = text[position..end];
        return quoted.Contains('\n', StringComparison.Ordinal)
            ? text[..position] + quoted.Replace("\n", "\n" + indentation, StringComparison.Ordinal) + text[end..]
            : null;
    }
}
