using System.Text;
using System.Text.Json.Nodes;
using SloEngine.Dashboards.Catalog;

namespace SloEngine.Dashboards.Tests;

/// <summary>What dashboards there are, and what a save keeps or refuses.</summary>
public sealed class DashboardCatalogTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("sloengine-dashboards-");
    private readonly DashboardCatalog _catalog;

    public DashboardCatalogTests() => _catalog = new DashboardCatalog(Files, TimeProvider.System);

    private string Files => Path.Combine(_directory.FullName, "dashboards");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void Templates_are_there_from_the_start_and_each_panel_of_a_layout_exists()
    {
        IReadOnlyList<DashboardSummary> all = _catalog.List();

        Assert.Equal(["on-call", "overview", "service", "sloengine"], all.Select(dashboard => dashboard.Name).Order());
        Assert.All(all, dashboard => Assert.Equal(("template", null), (dashboard.Source, dashboard.Error)));
        foreach (DashboardSummary dashboard in all)
        {
            JsonObject spec = _catalog.Find(dashboard.Name)!["spec"]!.AsObject();
            IEnumerable<string> placed = spec["layouts"]!.AsArray().SelectMany(layout => layout!["spec"]!["items"]!.AsArray())
                .Select(item => item!["content"]!["$ref"]!.GetValue<string>()["#/spec/panels/".Length..]);
            Assert.Equal(spec["panels"]!.AsObject().Select(panel => panel.Key).Order(), placed.Order());
        }
    }

    [Fact]
    public void A_saved_dashboard_is_found_again_by_another_catalog()
    {
        _catalog.Save("mine", Dashboard("mine", "My dashboard"));

        var reopened = new DashboardCatalog(Files, TimeProvider.System);
        Assert.Equal("My dashboard", reopened.Find("mine")!["spec"]!["display"]!["name"]!.GetValue<string>());
        Assert.Contains(new DashboardSummary("mine", "My dashboard", "", "file", null), reopened.List());
    }

    [Fact]
    public void A_file_stands_in_for_a_template_until_it_is_removed()
    {
        _catalog.Save("service", Dashboard("service", "Ours"));
        Assert.Equal("file", _catalog.List().Single(dashboard => dashboard.Name == "service").Source);

        Assert.True(_catalog.Remove("service"));

        Assert.Equal("template", _catalog.List().Single(dashboard => dashboard.Name == "service").Source);
        Assert.False(_catalog.Remove("service"));
    }

    [Fact]
    public void A_save_over_someone_elses_is_refused_and_nothing_is_lost()
    {
        JsonObject first = _catalog.Save("mine", Dashboard("mine", "First"));
        _catalog.Save("mine", Bytes(first));

        Assert.Throws<DashboardConflictException>(() => _catalog.Save("mine", Bytes(first)));

        Assert.Equal(2, _catalog.Find("mine")!["metadata"]!["version"]!.GetValue<int>());
    }

    [Theory]
    [InlineData("mine", "{", "line 1")]
    [InlineData("mine", "[]", "kind")]
    [InlineData("mine", """{"kind":"Panel"}""", "kind")]
    [InlineData("mine", """{"kind":"Dashboard","metadata":{"name":"other"},"spec":{"panels":{},"layouts":[]}}""", "metadata.name")]
    [InlineData("mine", """{"kind":"Dashboard","metadata":{"name":"mine"},"spec":{"panels":[],"layouts":[]}}""", "spec")]
    [InlineData("../mine", """{"kind":"Dashboard","metadata":{"name":"../mine"},"spec":{"panels":{},"layouts":[]}}""", "no name")]
    [InlineData("Mine", """{"kind":"Dashboard","metadata":{"name":"Mine"},"spec":{"panels":{},"layouts":[]}}""", "no name")]
    public void What_is_no_dashboard_is_refused_with_the_reason(string name, string json, string reason)
    {
        DashboardException refused = Assert.Throws<DashboardException>(() => _catalog.Save(name, Encoding.UTF8.GetBytes(json)));

        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Files));
    }

    [Fact]
    public void A_broken_file_is_listed_with_its_fault_and_the_others_are_shown()
    {
        Directory.CreateDirectory(Files);
        File.WriteAllText(Path.Combine(Files, "broken.json"), "{\n \"kind\": }");

        Assert.Contains("line 2", _catalog.List().Single(dashboard => dashboard.Name == "broken").Error, StringComparison.Ordinal);
        Assert.Equal(5, _catalog.List().Count);
    }

    private static byte[] Dashboard(string name, string title) =>
        Encoding.UTF8.GetBytes($$"""{"kind":"Dashboard","metadata":{"name":"{{name}}","project":"sloengine"},"spec":{"display":{"name":"{{title}}"},"duration":"1h","variables":[],"panels":{},"layouts":[] } }""");

    private static byte[] Bytes(JsonObject dashboard) => Encoding.UTF8.GetBytes(dashboard.ToJsonString());
}
