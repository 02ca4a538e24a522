using SloEngine.PromQL.Syntax;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Rules.Files;

/// <summary>
/// The rule files of a directory. Those below <c>tenants/NAME</c> are of that tenant, all others of <c>default</c>. A file that does not read
/// leaves the groups that it had: a slip of the pen ends no alert.
/// </summary>
/// <param name="directory">The directory, or null for no rules.</param>
/// <param name="options">What expressions may use.</param>
/// <param name="isTenant">Whether a tenant may be called so.</param>
public sealed class RuleCatalog(string? directory, ParserOptions options, Func<string, bool> isTenant)
{
    private const string TenantsDirectory = "tenants";

    private Dictionary<string, (string Seen, RuleFile File)> _files = new(StringComparer.Ordinal);

    /// <summary>The groups, by file and in its order. A group of a file that has not changed is the same object as before.</summary>
    public IReadOnlyList<RuleGroup> Groups { get; private set; } = [];

    /// <summary>Why files were refused.</summary>
    public IReadOnlyList<SloFileError> Errors { get; private set; } = [];

    /// <summary>Reads files that have changed; true when there were any.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public bool Reload()
    {
        if (directory is null)
        {
            return false;
        }
        var files = new Dictionary<string, (string Seen, RuleFile File)>(StringComparer.Ordinal);
        bool changed = false;
        IEnumerable<FileInfo> found = new DirectoryInfo(directory).EnumerateFiles("*", SearchOption.AllDirectories)
            .Where(static file => file.Extension is ".yaml" or ".yml" or ".rules").OrderBy(static file => file.FullName, StringComparer.Ordinal);
        foreach (FileInfo file in found)
        {
            string name = Path.GetRelativePath(directory, file.FullName);
            string seen = $"{file.Length}:{file.LastWriteTimeUtc.Ticks}";
            bool known = _files.TryGetValue(name, out (string Seen, RuleFile File) before);
            if (known && before.Seen == seen)
            {
                files.Add(name, before);
                continue;
            }
            changed = true;
            RuleFile read = Read(name, File.ReadAllText(file.FullName));
            files.Add(name, (seen, known && read.Errors.Count > 0 ? read with { Groups = before.File.Groups } : read));
        }
        changed |= _files.Keys.Any(name => !files.ContainsKey(name));
        _files = files;
        Groups = [.. files.Values.SelectMany(static file => file.File.Groups)];
        Errors = [.. files.Values.SelectMany(static file => file.File.Errors)];
        return changed;
    }

    private RuleFile Read(string name, string text)
    {
        string[] parts = name.Split(Path.DirectorySeparatorChar);
        if (parts[0] != TenantsDirectory)
        {
            return RuleFileReader.Read(name, text, options);
        }
        if (parts.Length < 3 || !isTenant(parts[1]))
        {
            string wrong = parts.Length < 3
                ? $"a file directly below {TenantsDirectory} belongs to nobody; expected {TenantsDirectory}/TENANT/{parts[^1]}"
                : $"'{parts[1]}' is no valid tenant name: letters, digits and !-_.*'(), at most 150";
            return new RuleFile(name, [], [new SloFileError(name, 1, 1, wrong)], []);
        }
        RuleFile read = RuleFileReader.Read(name, text, options);
        return read with { Groups = [.. read.Groups.Select(group => group with { Tenant = parts[1] })] };
    }
}
