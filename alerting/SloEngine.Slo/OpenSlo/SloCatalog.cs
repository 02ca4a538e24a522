using SloEngine.Slo.Files;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.OpenSlo;

/// <summary>The SLOs of a directory. Of a file that does not read, what was read of it before stays in use until it is mended.</summary>
public sealed class SloCatalog(string? directory)
{
    private string _seen = "";

    /// <summary>The SLOs, by name.</summary>
    public IReadOnlyList<ServiceLevelObjective> Slos { get; private set; } = [];

    /// <summary>Definitions that did not read.</summary>
    public IReadOnlyList<SloFileError> Errors { get; private set; } = [];

    /// <summary>Reads the directory again when a file in it has changed; true when it had.</summary>
    public bool Reload()
    {
        if (directory is null)
        {
            return false;
        }
        FileInfo[] files = [.. new DirectoryInfo(directory).EnumerateFiles("*", SearchOption.AllDirectories)
            .Where(file => file.Extension is ".yaml" or ".yml").OrderBy(file => file.FullName, StringComparer.Ordinal)];
        string now = string.Join("|", files.Select(file => $"{file.FullName}:{file.Length}:{file.LastWriteTimeUtc.Ticks}"));
        if (now == _seen)
        {
            return false;
        }
        (IReadOnlyList<ServiceLevelObjective> slos, IReadOnlyList<SloFileError> errors) =
            SloFileReader.Read(files.Select(file => (Path.GetRelativePath(directory, file.FullName), File.ReadAllText(file.FullName))));
        // An SLO whose file does not read at the moment stands as it was: a slip of the pen ends no alert.
        HashSet<string> broken = [.. errors.Select(error => error.File)];
        HashSet<string> read = [.. slos.Select(slo => slo.Id)];
        slos = [.. slos, .. Slos.Where(slo => broken.Contains(slo.Source[..slo.Source.LastIndexOf(':')]) && !read.Contains(slo.Id))];
        (Slos, Errors, _seen) = ([.. slos.OrderBy(slo => slo.Id, StringComparer.Ordinal)], errors, now);
        return true;
    }

    /// <summary>Reads one file on its own.</summary>
    public static (IReadOnlyList<ServiceLevelObjective> Slos, IReadOnlyList<SloFileError> Errors) ReadFiles(IEnumerable<string> paths) =>
        SloFileReader.Read(paths.Select(path => (path, File.ReadAllText(path))));
}
