namespace SloEngine.Slo.Tests;

/// <summary>SLO files of other projects, where they are at hand beside the repository.</summary>
internal static class Conformance
{
    /// <summary>Path of a file or folder, or null where the material is missing.</summary>
    public static string? Find(string path = "")
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            string candidate = Path.Combine(directory.FullName, "shared", "conformance", "slo", path);
            if (File.Exists(candidate) || Directory.Exists(candidate))
            {
                return candidate;
            }
        }
        return null;
    }

    /// <summary>Files of a folder and those below that match, by path within the material.</summary>
    public static IEnumerable<string> Files(string folder, string pattern) => Find(folder) is { } found
        ? Directory.EnumerateFiles(found, pattern, SearchOption.AllDirectories).Select(file => Path.GetRelativePath(Find()!, file)).Order(StringComparer.Ordinal)
        : [];
}
