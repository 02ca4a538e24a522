using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace SloEngine.Dashboards.Catalog;

/// <summary>A dashboard that cannot be kept as it was sent; the message says why.</summary>
public sealed class DashboardException(string message) : Exception(message);

/// <summary>A dashboard that someone else has changed in the meantime.</summary>
public sealed class DashboardConflictException(string message) : Exception(message);

/// <summary>A dashboard as the list of dashboards shows it.</summary>
/// <param name="Name">Name in addresses.</param>
/// <param name="Title">Title for people.</param>
/// <param name="Description">What it is for; may be empty.</param>
/// <param name="Source"><c>template</c> when it comes with the program, <c>file</c> when it lies in the directory.</param>
/// <param name="Error">Why the file cannot be shown, or null.</param>
public sealed record DashboardSummary(string Name, string Title, string Description, string Source, string? Error);

/// <summary>
/// Dashboards in Perses' format (<c>kind: Dashboard</c>): templates that come with the program and JSON files in a directory. A file stands in
/// for the template of its name; once it is removed the template is back.
/// </summary>
public sealed partial class DashboardCatalog
{
    /// <summary>Largest dashboard, in bytes.</summary>
    public const int MaxBytes = 1 << 20;

    private const string TemplateSuffix = ".json";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private readonly string _directory;
    private readonly TimeProvider _time;
    private readonly Lock _writing = new();

    /// <summary>Opens the catalog.</summary>
    /// <param name="directory">Where the files lie; made by the first save.</param>
    /// <param name="time">The time of saves.</param>
    public DashboardCatalog(string directory, TimeProvider time) => (_directory, _time) = (directory, time);

    /// <summary>Every dashboard, by title.</summary>
    public IReadOnlyList<DashboardSummary> List()
    {
        IEnumerable<string> files = Directory.Exists(_directory) ? Directory.EnumerateFiles(_directory, "*.json").Select(file => Path.GetFileNameWithoutExtension(file)) : [];
        return [.. files.Where(name => Name().IsMatch(name)).Union(Templates()).Select(Summary).OrderBy(dashboard => dashboard.Title, StringComparer.OrdinalIgnoreCase)];
    }

    /// <summary>The dashboard of that name, or null.</summary>
    /// <exception cref="DashboardException">Its file cannot be read.</exception>
    public JsonObject? Find(string name)
    {
        if (!Name().IsMatch(name))
        {
            return null;
        }
        string file = FileOf(name);
        if (!File.Exists(file))
        {
            return Template(name);
        }
        try
        {
            return Parse(File.ReadAllBytes(file), name);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or DashboardException)
        {
            throw new DashboardException($"{file}: {failure.Message}");
        }
    }

    /// <summary>Keeps a dashboard as a file.</summary>
    /// <returns>The dashboard as kept, with its new version.</returns>
    /// <exception cref="DashboardException">It is no dashboard, or the directory cannot be written.</exception>
    /// <exception cref="DashboardConflictException">Its version is not the one that it was made from.</exception>
    public JsonObject Save(string name, ReadOnlySpan<byte> json)
    {
        if (!Name().IsMatch(name))
        {
            throw new DashboardException($"'{name}' is no name of a dashboard: lower-case letters, digits and hyphens, at most 63");
        }
        JsonObject dashboard = Parse(json, name);
        JsonObject metadata = dashboard["metadata"]!.AsObject();
        lock (_writing)
        {
            int current = File.Exists(FileOf(name)) ? Version(Find(name)!) : 0;
            if (Version(dashboard) != current)
            {
                throw new DashboardConflictException($"{name} has been saved by someone else since it was opened (version {current}): open it again and repeat the change");
            }
            metadata["version"] = current + 1;
            metadata["updatedAt"] = _time.GetUtcNow().ToString("O");
            Write(name, dashboard);
        }
        return dashboard;
    }

    /// <summary>Removes the file of a dashboard; false when there is none.</summary>
    /// <exception cref="DashboardException">It cannot be removed.</exception>
    public bool Remove(string name)
    {
        if (!Name().IsMatch(name) || !File.Exists(FileOf(name)))
        {
            return false;
        }
        try
        {
            File.Delete(FileOf(name));
            return true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new DashboardException($"{FileOf(name)} cannot be removed: {failure.Message}");
        }
    }

    [GeneratedRegex("^[a-z0-9][a-z0-9-]{0,62}$")]
    private static partial Regex Name();

    private static int Version(JsonObject dashboard) =>
        dashboard["metadata"]!["version"] is JsonValue value && value.TryGetValue(out int version) ? version : 0;

    private static IEnumerable<string> Templates() =>
        typeof(DashboardCatalog).Assembly.GetManifestResourceNames().Where(name => name.EndsWith(TemplateSuffix, StringComparison.Ordinal)).Select(name => name[..^TemplateSuffix.Length]);

    private static JsonObject? Template(string name)
    {
        using Stream? stream = typeof(DashboardCatalog).Assembly.GetManifestResourceStream(name + TemplateSuffix);
        return stream is null ? null : JsonNode.Parse(stream)!.AsObject();
    }

    /// <summary>Checks the frame that the pages and this catalog rely on; what a panel holds is between it and its plugin.</summary>
    private static JsonObject Parse(ReadOnlySpan<byte> json, string name)
    {
        JsonNode? parsed;
        try
        {
            parsed = JsonNode.Parse(json);
        }
        catch (JsonException wrong)
        {
            throw new DashboardException($"not valid JSON at line {wrong.LineNumber + 1}, byte {wrong.BytePositionInLine + 1}");
        }
        if (parsed is not JsonObject dashboard || Text(dashboard["kind"]) != "Dashboard")
        {
            throw new DashboardException("a dashboard is an object with kind: \"Dashboard\"");
        }
        if (dashboard["metadata"] is not JsonObject metadata || Text(metadata["name"]) != name)
        {
            throw new DashboardException($"metadata.name is to be \"{name}\", as in the address or the file's name");
        }
        if (dashboard["spec"] is not JsonObject spec || spec["panels"] is not JsonObject || spec["layouts"] is not JsonArray)
        {
            throw new DashboardException("spec is to have panels (an object) and layouts (an array)");
        }
        return dashboard;
    }

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    private DashboardSummary Summary(string name)
    {
        string source = File.Exists(FileOf(name)) ? "file" : "template";
        try
        {
            JsonNode? display = Find(name)?["spec"]?["display"];
            return new DashboardSummary(name, Text(display?["name"]) ?? name, Text(display?["description"]) ?? "", source, null);
        }
        catch (DashboardException wrong)
        {
            return new DashboardSummary(name, name, "", source, wrong.Message);
        }
    }

    private string FileOf(string name) => Path.Combine(_directory, name + ".json");

    /// <summary>Writes beside the file and moves: a reader, or a crash, never sees half of it.</summary>
    private void Write(string name, JsonObject dashboard)
    {
        string temporary = FileOf(name) + ".new";
        try
        {
            Directory.CreateDirectory(_directory);
            File.WriteAllText(temporary, dashboard.ToJsonString(Indented) + "\n");
            File.Move(temporary, FileOf(name), overwrite: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new DashboardException($"{FileOf(name)} cannot be written: {failure.Message}");
        }
    }
}
