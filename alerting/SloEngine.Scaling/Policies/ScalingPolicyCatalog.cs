using SloEngine.Slo.OpenSlo;

namespace SloEngine.Scaling.Policies;

/// <summary>The scaling policies of a directory. Of a file that does not read, what was read of it before stays in use until it is mended.</summary>
internal sealed class ScalingPolicyCatalog(string? directory)
{
    private string _seen = "";

    /// <summary>The policies, by name.</summary>
    public IReadOnlyList<ScalingPolicy> Policies { get; private set; } = [];

    /// <summary>What did not read.</summary>
    public IReadOnlyList<string> Errors { get; private set; } = [];

    /// <summary>Reads the directory again when something in it has changed, be it that it cannot be read now; true when it had.</summary>
    public bool Reload()
    {
        if (directory is null)
        {
            return false;
        }
        try
        {
            string[] paths = [.. Directory.EnumerateFiles(directory, "*.y*ml").Order(StringComparer.Ordinal)];
            return Changed(string.Join("|", paths.Select(Version))) && Read(paths);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            if (!Changed("unreadable: " + unreadable.Message))
            {
                return false;
            }
            Errors = [unreadable.Message];
            return true;
        }
    }

    private bool Read(string[] paths)
    {
        (IReadOnlyList<ScalingPolicy> policies, IReadOnlyList<SloFileError> errors) =
            ScalingPolicyFile.Read(paths.Select(path => (Path.GetFileName(path), File.ReadAllText(path))));
        HashSet<string> broken = [.. errors.Select(error => error.File)];
        HashSet<string> read = [.. policies.Select(policy => policy.Name)];
        Policies = [.. policies.Concat(Policies.Where(policy => broken.Contains(policy.File) && !read.Contains(policy.Name)))
            .OrderBy(policy => policy.Name, StringComparer.Ordinal)];
        Errors = [.. errors.Select(error => error.ToString())];
        return true;
    }

    private bool Changed(string now)
    {
        bool changed = now != _seen;
        _seen = now;
        return changed;
    }

    /// <summary>Of a link what it points to: a mounted ConfigMap changes its links' target, never the files.</summary>
    private static string Version(string path)
    {
        var file = new FileInfo(path);
        file = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
        return $"{file.FullName}:{file.Length}:{file.LastWriteTimeUtc.Ticks}";
    }
}
