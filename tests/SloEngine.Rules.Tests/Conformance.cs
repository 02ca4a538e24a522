using System.Text.Json;

namespace SloEngine.Rules.Tests;

/// <summary>Test material of other projects, where it is at hand beside the repository.</summary>
internal static class Conformance
{
    /// <summary>Path of a file or folder below the material on rules, or null where it is missing.</summary>
    public static string? Find(string path)
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            string candidate = Path.Combine(directory.FullName, "shared", "conformance", "rules", path);
            if (File.Exists(candidate) || Directory.Exists(candidate))
            {
                return candidate;
            }
        }
        return null;
    }

    /// <summary>Files in YAML below a folder; none where it is missing.</summary>
    public static IEnumerable<string> Yaml(string folder) => Find(folder) is { } found
        ? Directory.EnumerateFiles(found, "*.y*ml", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
        : [];

    /// <summary>Content of a file in JSON, or null where it is missing.</summary>
    public static JsonElement? Json(string path)
    {
        if (Find(path) is not { } found)
        {
            return null;
        }
        using var document = JsonDocument.Parse(File.ReadAllText(found));
        return document.RootElement.Clone();
    }
}
