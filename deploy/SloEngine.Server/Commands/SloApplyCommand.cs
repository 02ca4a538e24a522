using System.CommandLine;
using SloEngine.Slo.Export;
using SloEngine.Slo.Files;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine slo apply</c>: saves the SLOs of a file on a running server, or says what that would change.</summary>
internal static class SloApplyCommand
{
    public static Command Create()
    {
        var file = new Argument<FileInfo>("file") { Description = "SLO file (YAML or JSON, of any format)" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Change nothing; say what would change" };
        var author = new Option<string?>("--author") { Description = "Who changes it, for the versions' list; the credential's name without it" };
        Option<Uri> server = StoreCommand.Server();
        var apply = new Command("apply", "Save the SLOs of a file on a running server: new ones are created, others replaced") { file, dryRun, author, server };
        apply.SetAction((parsed, cancellation) => StoreCommand.RunAsync(() => ApplyAsync(
            parsed.GetValue(file)!, parsed.GetValue(dryRun), parsed.GetValue(author), parsed.GetValue(server)!, cancellation)));
        return apply;
    }

    private static async Task ApplyAsync(FileInfo file, bool isDryRun, string? author, Uri server, CancellationToken cancellation)
    {
        if (!file.Exists)
        {
            throw new CommandException($"{file.Name}: there is no such file");
        }
        string text = await File.ReadAllTextAsync(file.FullName, cancellation);
        SloFiles read = SloFileReader.ReadAll([(file.ToString(), text)]);
        if (read.Errors.Count > 0)
        {
            throw new CommandException(string.Join("\n", read.Errors.Select((SloFileError error) => error.ToString())));
        }
        if (read.Maintenance.Count > 0)
        {
            throw new CommandException($"{read.Maintenance[0].Source}: a MaintenanceWindow stands in a file of the SLOs' directory; give the SLOs exclusions of their own");
        }
        using var client = new ServerClient(server);
        string query = $"dry_run={(isDryRun ? "true" : "false")}" + (author is null ? "" : "&author=" + Uri.EscapeDataString(author));
        string[] known = [.. ServerClient.Parse<Listed>(await client.GetAsync("/api/v1/slos", cancellation)).Slos.Select(slo => slo.Id)];
        if (read.Slos.All(slo => !known.Contains(slo.Id)))
        {
            await WriteAsync(await client.SendTextAsync(HttpMethod.Post, "/api/v1/slos?" + query, text, null, cancellation), isDryRun);
            return;
        }
        string[] texts = [.. read.Slos.Select(slo => read.Slos.Count == 1 ? text : TextOf(slo))];
        foreach ((ServiceLevelObjective slo, string own) in read.Slos.Zip(texts))
        {
            string? match = known.Contains(slo.Id) ? "*" : null;
            await WriteAsync(await client.SendTextAsync(HttpMethod.Put, $"/api/v1/slos/{slo.Id}?{query}", own, match, cancellation), isDryRun);
        }
    }

    /// <summary>One of several SLOs by itself, as the server keeps it.</summary>
    private static string TextOf(ServiceLevelObjective slo)
    {
        try
        {
            return NativeSloWriter.Write([slo]);
        }
        catch (SloExportException impossible)
        {
            throw new CommandException($"{impossible.Message}; give '{slo.Id}' a file of its own");
        }
    }

    private static async Task WriteAsync(string answer, bool isDryRun)
    {
        foreach (Change change in ServerClient.Parse<Answer>(answer).Changes)
        {
            Console.WriteLine($"{change.Id}: {(isDryRun ? "would be " : "")}{change.Action}, version {change.Version}");
            foreach (Past past in change.Past)
            {
                Console.WriteLine($"  {past.Id}: {past.CountedMinutes} minutes counted already{(past.BackfilledFrom is { } from ? $", with stored telemetry counted since {from:u}" : "")}");
            }
            foreach (string warning in change.Warnings)
            {
                await Console.Error.WriteLineAsync($"{change.Id}: {warning} (warning)");
            }
        }
    }

    private sealed record Listed(Named[] Slos);

    private sealed record Named(string Id);

    private sealed record Answer(Change[] Changes);

    private sealed record Change(string Id, string Action, uint Version, Past[] Past, string[] Warnings);

    private sealed record Past(string Id, int CountedMinutes, DateTimeOffset? BackfilledFrom);
}
