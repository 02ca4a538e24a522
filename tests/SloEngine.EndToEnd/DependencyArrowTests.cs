using System.Xml.Linq;

namespace SloEngine.EndToEnd;

/// <summary>Libraries know only those that docs/architecture.md lets them know.</summary>
public sealed class DependencyArrowTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Otlp"] = [],
        ["PromQL"] = [],
        ["Slo"] = ["PromQL"],
        ["Rules"] = ["Otlp", "Storage", "PromQL", "Slo"],
        ["Storage"] = ["Otlp"],
        ["Collector"] = ["Otlp", "Storage"],
        ["Query"] = ["Storage", "PromQL"],
        ["Alerting"] = ["Slo", "Query"],
        ["Scaling"] = ["Otlp", "Slo"],
        ["Dashboards"] = [],
        ["Server"] = ["Otlp", "Storage", "Collector", "PromQL", "Query", "Slo", "Rules", "Alerting", "Scaling", "Dashboards"],
    };

    [Fact]
    public void Every_project_reference_is_an_allowed_arrow()
    {
        DirectoryInfo root = new(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "SloEngine.sln")))
        {
            root = root.Parent!;
        }
        string[] projects = [.. ((string[])["collector", "query", "alerting", "dashboards", "deploy"])
            .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(root.FullName, folder), "SloEngine.*.csproj", SearchOption.AllDirectories))];
        Assert.Equal(Allowed.Keys.Order(), projects.Select(Name).Order());
        foreach (string project in projects)
        {
            IEnumerable<string> known = XDocument.Load(project).Descendants("ProjectReference").Select(reference => Name(reference.Attribute("Include")!.Value));
            Assert.All(known, other => Assert.Contains(other, Allowed[Name(project)]));
        }

        static string Name(string path) => Path.GetFileNameWithoutExtension(path.Replace('\\', '/'))["SloEngine.".Length..];
    }
}
