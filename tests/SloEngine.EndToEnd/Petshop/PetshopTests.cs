using System.Globalization;
using System.Text.Json;

namespace SloEngine.EndToEnd.Petshop;

/// <summary>Backtests of every preset on real incidents.</summary>
public sealed class PetshopTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>The table of docs/slo-backtest.md, as measured. Its differences to the document are what this test tells.</summary>
    [PetshopFact]
    public async Task The_document_has_what_backtests_come_to()
    {
        using var files = new TemporaryDirectory();
        (string incidents, DateTimeOffset end) = Write(files);
        var rows = new List<string>();
        foreach (string objectives in (string[])["monthly", "weekly", "weekly-with-room"])
        {
            (int exit, string output, string errors) = await Cli.RunAsync(
                "slo", "backtest", Path.Combine(AppContext.BaseDirectory, "Petshop", objectives + ".yaml"), "--telemetry", files.Path, "--incidents", incidents,
                "--from", Text(Start), "--to", Text(end), "--preset", "workbook", "--against", "sloth", "--against", "pyrra", "--against", "datadog", "--step", "30s", "--output", "json");
            Assert.True(exit == 0, errors);
            using JsonDocument report = JsonDocument.Parse(output);
            rows.AddRange(report.RootElement.GetProperty("policies").EnumerateArray().Select(policy => Row(objectives, policy)));
        }

        string table = string.Join('\n', rows);
        string document = await File.ReadAllTextAsync(Path.Combine(Root(), "docs", "slo-backtest.md"));
        Assert.True(document.Contains(table, StringComparison.Ordinal), "docs/slo-backtest.md is to have these rows:\n" + table);
    }

    private static (string Incidents, DateTimeOffset End) Write(TemporaryDirectory files)
    {
        string incidents = Path.Combine(files.Path, "incidents.yaml");
        using StreamWriter telemetry = File.CreateText(Path.Combine(files.Path, "petsite.jsonl"));
        using StreamWriter issues = File.CreateText(incidents);
        return (incidents, PetshopRecording.Write(Start, telemetry, issues));
    }

    private static string Row(string objectives, JsonElement policy)
    {
        JsonElement detection = policy.GetProperty("detection");
        int incidents = detection.GetProperty("incidents").GetArrayLength();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"| {objectives} | {policy.GetProperty("name")} | {detection.GetProperty("paged")} of {incidents} | {Minutes("medianPageDelaySeconds")} | {detection.GetProperty("detected")} of {incidents} | {Minutes("medianDelaySeconds")} | {detection.GetProperty("falsePages")} | {detection.GetProperty("falseTickets")} | {policy.GetProperty("pagesPerWeek").GetDouble():0.0} | {policy.GetProperty("ticketsPerWeek").GetDouble():0.0} |");

        string Minutes(string property) => detection.TryGetProperty(property, out JsonElement seconds)
            ? (seconds.GetDouble() / 60).ToString("0.0", CultureInfo.InvariantCulture) + " min" : "-";
    }

    private static string Root()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "SloEngine.sln")))
        {
            directory = directory.Parent;
        }
        return directory.FullName;
    }

    private static string Text(DateTimeOffset time) => time.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}

/// <summary>Runs where the data set is at hand.</summary>
internal sealed class PetshopFactAttribute : FactAttribute
{
    public PetshopFactAttribute() => Skip = PetshopRecording.Folder is null ? "NOT BACKTESTED ON PETSHOP: the data set does not lie beside the repository" : null;
}
