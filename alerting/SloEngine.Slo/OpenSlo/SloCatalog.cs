using SloEngine.Slo.Files;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.OpenSlo;

/// <summary>
/// The SLOs of a directory, and those that were saved. Of a file that does not read, what was read of it before stays in use until it is mended.
/// </summary>
public sealed class SloCatalog(string? directory)
{
    private string _seen = "";
    private SloFiles _files = new([], [], []);
    private IReadOnlyList<SavedSlo> _saved = [];
    private bool _isSavedNew;
    private Dictionary<string, uint> _versions = [];

    /// <summary>The SLOs, by name.</summary>
    public IReadOnlyList<ServiceLevelObjective> Slos { get; private set; } = [];

    /// <summary>Definitions that did not read.</summary>
    public IReadOnlyList<SloFileError> Errors { get; private set; } = [];

    /// <summary>Version of an SLO that was saved and is in use; null for one of a file.</summary>
    public uint? SavedVersion(string id) => _versions.TryGetValue(id, out uint version) ? version : null;

    /// <summary>Where a file defines an SLO; null when none does.</summary>
    public string? FileOf(string id) => _files.Slos.FirstOrDefault(slo => slo.Id == id)?.Source;

    /// <summary>Gives it the SLOs that are saved, which the next <see cref="Reload"/> takes in.</summary>
    public void SetSaved(IReadOnlyList<SavedSlo> saved)
    {
        if (!_saved.SequenceEqual(saved))
        {
            (_saved, _isSavedNew) = (saved, true);
        }
    }

    /// <summary>Reads the directory again when a file in it has changed; true when that, or what is saved, had.</summary>
    public bool Reload()
    {
        if (!ReloadFiles() && !_isSavedNew)
        {
            return false;
        }
        Dictionary<string, ServiceLevelObjective> slos = _files.Slos.ToDictionary(slo => slo.Id, StringComparer.Ordinal);
        var errors = new List<SloFileError>(_files.Errors);
        var versions = new Dictionary<string, uint>(StringComparer.Ordinal);
        foreach (SavedSlo saved in _saved)
        {
            SloFiles read = SloFileReader.ReadAll([(saved.Name, saved.Text)]);
            if (read.Slos.FirstOrDefault(slo => slo.Id == saved.Id) is not { } slo)
            {
                errors.AddRange(read.Errors);
            }
            else if (slos.TryGetValue(saved.Id, out ServiceLevelObjective? other))
            {
                errors.Add(new SloFileError(saved.Name, 1, 1, $"SLO '{saved.Id}' is also defined in {other.Source}, which is in use; remove one of them"));
            }
            else
            {
                slos.Add(saved.Id, MaintenanceWindow.Apply(_files.Maintenance, slo));
                versions.Add(saved.Id, saved.Version);
            }
        }
        (Slos, Errors, _versions, _isSavedNew) = ([.. slos.Values.OrderBy(slo => slo.Id, StringComparer.Ordinal)], errors, versions, false);
        return true;
    }

    /// <summary>Reads some files on their own.</summary>
    public static SloFiles ReadFiles(IEnumerable<string> paths) => SloFileReader.ReadAll(paths.Select(path => (path, File.ReadAllText(path))));

    private bool ReloadFiles()
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
        SloFiles read = SloFileReader.ReadAll(files.Select(file => (Path.GetRelativePath(directory, file.FullName), File.ReadAllText(file.FullName))));
        // What a file defines that does not read at the moment stands as it was: a slip of the pen ends no alert, and no maintenance.
        HashSet<string> broken = [.. read.Errors.Select(error => error.File)];
        HashSet<string> known = [.. read.Slos.Select(slo => slo.Id)];
        HashSet<(string, string)> knownWindows = [.. read.Maintenance.Select(NameAndFile)];
        MaintenanceWindow[] keptWindows = [.. _files.Maintenance.Where(window => broken.Contains(FileName(window.Source)) && !knownWindows.Contains(NameAndFile(window)))];
        IEnumerable<ServiceLevelObjective> kept = _files.Slos.Where(slo => broken.Contains(FileName(slo.Source)) && !known.Contains(slo.Id));
        _files = new SloFiles([.. read.Slos.Select(slo => MaintenanceWindow.Apply(keptWindows, slo)), .. kept], [.. read.Maintenance, .. keptWindows], read.Errors);
        _seen = now;
        return true;

        static string FileName(string source) => source[..source.LastIndexOf(':')];

        static (string, string) NameAndFile(MaintenanceWindow window) => (window.Name, FileName(window.Source));
    }
}
