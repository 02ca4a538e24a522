using System.Text.RegularExpressions;

namespace SloEngine.Rules.Testing;

/// <summary>Files that a path with <c>*</c>, <c>?</c> and <c>[...]</c> stands for; a star stays within one folder.</summary>
internal static class RuleFileGlob
{
    public static IReadOnlyList<string> Find(string pattern)
    {
        string root = Path.GetPathRoot(Path.GetFullPath(pattern))!;
        string[] segments = Path.GetFullPath(pattern)[root.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries);
        List<string> found = [root];
        for (int index = 0; index < segments.Length; index++)
        {
            bool isLast = index == segments.Length - 1;
            found = [.. found.SelectMany(folder => Children(folder, segments[index], isLast))];
        }
        return found;
    }

    private static IEnumerable<string> Children(string folder, string segment, bool isLast)
    {
        if (!segment.AsSpan().ContainsAny('*', '?', '['))
        {
            string path = Path.Combine(folder, segment);
            return (isLast ? File.Exists(path) : Directory.Exists(path)) ? [path] : [];
        }
        string expression = Regex.Escape(segment).Replace("\\*", ".*", StringComparison.Ordinal).Replace("\\?", ".", StringComparison.Ordinal)
            .Replace("\\[", "[", StringComparison.Ordinal);
        var matches = new Regex($"^{expression}$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        IEnumerable<string> children = isLast ? Directory.EnumerateFiles(folder) : Directory.EnumerateDirectories(folder);
        return children.Where(child => matches.IsMatch(Path.GetFileName(child))).Order(StringComparer.Ordinal);
    }
}
