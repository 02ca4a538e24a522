using SloEngine.Slo.Model;
using SloEngine.Slo.Native;
using SloEngine.Slo.OpenSlo;
using SloEngine.Slo.Pyrra;
using SloEngine.Slo.Sloth;

namespace SloEngine.Slo.Files;

/// <summary>What files define.</summary>
/// <param name="Slos">The SLOs.</param>
/// <param name="Maintenance">Maintenance windows, which have been applied to these SLOs already.</param>
/// <param name="Errors">What could not be read.</param>
public sealed record SloFiles(IReadOnlyList<ServiceLevelObjective> Slos, IReadOnlyList<MaintenanceWindow> Maintenance, IReadOnlyList<SloFileError> Errors)
{
    /// <summary>References to what stands nowhere that keep no SLO from being used: of alert policies, for example, that none names.</summary>
    public IReadOnlyList<SloFileError> Warnings { get; init; } = [];
}

/// <summary>
/// Reads SLO files of every format into one model: SloEngine's own, OpenSLO v1alpha, v1 and v2alpha, Sloth <c>prometheus/v1</c> and its Kubernetes resources,
/// Pyrra. Formats may be mixed, also within a file; references go across all files that are read together.
/// </summary>
public static class SloFileReader
{
    private const string Expected =
        "expected sloengine/v1, openslo/v1, openslo/v1alpha, openslo.com/v2alpha, sloth.slok.dev/v1 or pyrra.dev/v1alpha1 (or version: prometheus/v1 of Sloth)";

    /// <summary>Reads files, by name and text, into SLOs and errors.</summary>
    public static (IReadOnlyList<ServiceLevelObjective> Slos, IReadOnlyList<SloFileError> Errors) Read(IEnumerable<(string Name, string Text)> files)
    {
        SloFiles read = ReadAll(files);
        return (read.Slos, read.Errors);
    }

    /// <summary>Reads files, by name and text.</summary>
    public static SloFiles ReadAll(IEnumerable<(string Name, string Text)> files)
    {
        var definitions = new SloDefinitions();
        foreach ((string name, string text) in files)
        {
            definitions.Try(() =>
            {
                foreach (YamlPlace document in YamlPlace.Documents(name, text))
                {
                    Collect(document, definitions);
                }
            });
        }
        IReadOnlyList<ServiceLevelObjective> slos = definitions.Resolve();
        return new SloFiles(slos, definitions.Maintenance, InOrder(definitions.Errors)) { Warnings = InOrder(definitions.Warnings.Except(definitions.Errors)) };
    }

    private static SloFileError[] InOrder(IEnumerable<SloFileError> found) =>
        [.. found.Distinct().OrderBy(error => error.File, StringComparer.Ordinal).ThenBy(error => error.Line)];

    private static void Collect(YamlPlace document, SloDefinitions definitions)
    {
        if (document.IsEmpty)
        {
            return;
        }
        if (document.IsList)
        {
            foreach (YamlPlace item in document.Items)
            {
                Collect(item, definitions);
            }
            return;
        }
        definitions.Try(() => CollectOne(document, definitions));
    }

    private static void CollectOne(YamlPlace document, SloDefinitions definitions)
    {
        if (document.Optional("version") is { } sloth && document.Optional("apiVersion") is null)
        {
            if (sloth.Text != SlothReader.Version)
            {
                throw sloth.Fail($"version is '{sloth.Text}', expected {SlothReader.Version}");
            }
            SlothReader.Collect(document, document, definitions);
            return;
        }
        YamlPlace version = document.Required("apiVersion");
        switch (version.Text)
        {
            case NativeSloReader.Version when document.Required("kind").Text == "SliPlugin":
                definitions.Plugins.Add(document);
                break;
            case NativeSloReader.Version:
                NativeSloReader.Collect(document, definitions);
                break;
            case "openslo/v1" or "openslo/v1alpha" or "openslo.com/v2alpha":
                new OpenSloReader(definitions, OpenSloDialect.Of(version.Text)).Collect(document);
                break;
            case "sloth.slok.dev/v1":
                SlothReader.CollectResource(document, definitions);
                break;
            case "pyrra.dev/v1alpha1":
                PyrraReader.Collect(document, definitions);
                break;
            default:
                throw version.Fail($"apiVersion is '{version.Text}', {Expected}");
        }
    }
}
