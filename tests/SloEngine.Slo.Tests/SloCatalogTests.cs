using SloEngine.Slo.Files;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Slo.Tests;

/// <summary>SLOs of files and saved ones, together.</summary>
public sealed class SloCatalogTests : IDisposable
{
    private const string Maintenance = """
        apiVersion: sloengine/v1
        kind: MaintenanceWindow
        metadata: {name: nights}
        spec: {slos: ["*"], exclusions: [{cron: "0 3 * * *", timeZone: UTC, duration: 1h}]}
        """;

    private readonly DirectoryInfo _files = Directory.CreateTempSubdirectory("sloengine-catalog-");

    [Fact]
    public void Saved_SLOs_stand_beside_those_of_files_which_are_in_use_where_both_define_one()
    {
        Write("a.yaml", Slo("a", 0.9));
        var catalog = new SloCatalog(_files.FullName);
        catalog.SetSaved([new SavedSlo("a", 4, Slo("a", 0.5)), new SavedSlo("b", 2, Slo("b", 0.8)), new SavedSlo("c", 1, "kind: SLO")]);

        Assert.True(catalog.Reload());
        Assert.Equal([("a", 0.9), ("b", 0.8)], catalog.Slos.Select(slo => (slo.Id, slo.Objective)));
        Assert.Equal((null, 2u, null), (catalog.SavedVersion("a"), catalog.SavedVersion("b"), catalog.SavedVersion("c")));
        Assert.Equal(("a.yaml:1", null), (catalog.FileOf("a"), catalog.FileOf("b")));
        Assert.Equal(
            ["a@4:1:1: SLO 'a' is also defined in a.yaml:1, which is in use; remove one of them", "c@1:1:1: apiVersion is missing"], catalog.Errors.Select(error => error.ToString()));

        Assert.False(catalog.Reload());
        catalog.SetSaved([new SavedSlo("b", 3, Slo("b", 0.7))]);
        File.Delete(Path.Combine(_files.FullName, "a.yaml"));
        Assert.True(catalog.Reload());
        Assert.Equal([("b", 0.7)], catalog.Slos.Select(slo => (slo.Id, slo.Objective)));
        Assert.Empty(catalog.Errors);
    }

    [Fact]
    public void Maintenance_is_about_all_SLOs_and_goes_on_while_its_file_does_not_read()
    {
        Write("a.yaml", Slo("a", 0.9));
        Write("maintenance.yaml", Maintenance);
        var catalog = new SloCatalog(_files.FullName);
        catalog.SetSaved([new SavedSlo("b", 1, Slo("b", 0.8))]);
        catalog.Reload();
        Assert.All(catalog.Slos, slo => Assert.IsType<ScheduledExclusion>(Assert.Single(slo.Exclusions)));

        Write("maintenance.yaml", Maintenance.Replace("0 3 * * *", "0 3 * *", StringComparison.Ordinal));
        Write("a.yaml", Slo("a", 0.95));
        Assert.True(catalog.Reload());
        Assert.Equal("maintenance.yaml", Assert.Single(catalog.Errors).File);
        Assert.Equal(0.95, catalog.Slos[0].Objective);
        Assert.All(catalog.Slos, slo => Assert.Single(slo.Exclusions));

        File.Delete(Path.Combine(_files.FullName, "maintenance.yaml"));
        Assert.True(catalog.Reload());
        Assert.All(catalog.Slos, slo => Assert.Empty(slo.Exclusions));
    }

    [Fact]
    public void Maintenance_beside_an_SLO_that_does_not_read_stands_once_and_goes_on_when_it_does_not_read_either()
    {
        Write("all.yaml", Maintenance + "\n---\n" + Slo("a", 0.9));
        Write("b.yaml", Slo("b", 0.8));
        var catalog = new SloCatalog(_files.FullName);
        catalog.Reload();
        Exclusion[] before = [.. catalog.Slos.SelectMany(slo => slo.Exclusions)];
        Assert.Equal(2, before.Length);

        foreach (double wrong in (double[])[2, 30, 400])
        {
            Write("all.yaml", "# another line\n" + Maintenance + "\n---\n" + Slo("a", wrong));
            Assert.True(catalog.Reload());
            Assert.Single(catalog.Errors);
            Assert.Equal(["a", "b"], catalog.Slos.Select(slo => slo.Id));
            Assert.Equal(before.Length, catalog.Slos.Sum(slo => slo.Exclusions.Count));
        }

        Write("all.yaml", Maintenance.Replace("0 3 * * *", "0 4 * * *", StringComparison.Ordinal) + "\n---\n" + Slo("a", 5000));
        Assert.True(catalog.Reload());
        Assert.Contains("0 4 * * *", Assert.Single(catalog.Slos[1].Exclusions).Describe(), StringComparison.Ordinal);

        Write("all.yaml", Maintenance.Replace("0 3 * * *", "0 3 *", StringComparison.Ordinal) + "\n---\n" + Slo("a", 60000));
        Assert.True(catalog.Reload());
        Assert.Contains("0 4 * * *", Assert.Single(catalog.Slos[1].Exclusions).Describe(), StringComparison.Ordinal);
    }

    public void Dispose() => _files.Delete(recursive: true);

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_files.FullName, name), text);

    private static string Slo(string id, double target) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $$"""
        apiVersion: sloengine/v1
        kind: SLO
        metadata: {name: {{id}}}
        spec: {service: app, indicator: {good: a, total: b}, objectives: [{target: {{target}}}]}
        """);
}
