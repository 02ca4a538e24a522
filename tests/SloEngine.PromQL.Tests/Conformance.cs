namespace SloEngine.PromQL.Tests;

/// <summary>Test material of other projects, where it is at hand beside the repository.</summary>
internal static class Conformance
{
    /// <summary>Path of a file or folder, or null where the material is missing.</summary>
    public static string? Find(string path)
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            string candidate = Path.Combine(directory.FullName, "shared", "conformance", path);
            if (File.Exists(candidate) || Directory.Exists(candidate))
            {
                return candidate;
            }
        }
        return null;
    }

    /// <summary>Where a test leaves its details, if wanted.</summary>
    public static string? Report(string name) =>
        Environment.GetEnvironmentVariable("SLOENGINE_CONFORMANCE_REPORT") is { Length: > 0 } folder ? Path.Combine(folder, name) : null;
}
