using System.CommandLine;
using System.Globalization;
using SloEngine.Alerting.Corrections;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine slo corrections</c>, <c>correct</c> and <c>revoke</c>: corrections of budgets on a running server.</summary>
internal static class SloCorrectionCommands
{
    public static Command List()
    {
        Argument<string> slo = Slo();
        Option<Uri> server = StoreCommand.Server();
        var json = new Option<bool>("--json") { Description = "Print the server's JSON" };
        var list = new Command("corrections", "List the corrections of an SLO's budget, revoked ones too: what, who, when and why") { slo, server, json };
        list.SetAction((parsed, cancellation) => StoreCommand.RunAsync(async () =>
        {
            using var client = new ServerClient(parsed.GetValue(server)!);
            string answer = await client.GetAsync(Path(parsed.GetValue(slo)!), cancellation);
            Console.Write(parsed.GetValue(json) ? answer + "\n" : string.Concat(ServerClient.Parse<Listed>(answer).Corrections.Select(Text)));
        }));
        return list;
    }

    public static Command Correct()
    {
        Argument<string> slo = Slo();
        var from = new Option<string?>("--from") { Description = "Start of the stretch, a whole minute: 2026-01-02T15:04:00Z or Unix seconds", HelpName = "TIME" };
        var to = new Option<string?>("--to") { Description = "End of the stretch", HelpName = "TIME" };
        var at = new Option<string?>("--at") { Description = "A minute, in place of --from and --to", HelpName = "TIME" };
        var exclude = new Option<string?>("--exclude") { Description = "What of the stretch does not count: bad or all" };
        exclude.AcceptOnlyFromAmong("bad", "all");
        var good = new Option<double?>("--good") { Description = "Good events to add; negative to take away" };
        var bad = new Option<double?>("--bad") { Description = "Bad events to add; negative to give back" };
        var objective = new Option<string?>("--objective") { Description = "Objective, where it counts events of its own" };
        var group = new Option<string[]>("--group") { Description = "Group: a label of it, once for each", HelpName = "LABEL=VALUE" };
        var reference = new Option<string?>("--reference") { Description = "Ticket, incident or the like" };
        var key = new Option<string?>("--idempotency-key") { Description = "Name of the correction: one that was sent before under it counts once; without it, one that no other has", HelpName = "KEY" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Say what the budget would be, and change nothing" };
        Option<string> reason = Reason();
        Option<string?> author = Author();
        Option<Uri> server = StoreCommand.Server();
        var correct = new Command("correct", "Change what an SLO has counted: leave a stretch of time out, or add and take away events. Can be revoked, and stays in the list of corrections")
        {
            slo, from, to, at, exclude, good, bad, objective, group, reason, author, reference, key, dryRun, server,
        };
        correct.SetAction((parsed, cancellation) => StoreCommand.RunAsync(async () =>
        {
            using var client = new ServerClient(parsed.GetValue(server)!);
            var request = new CorrectionRequest
            {
                From = parsed.GetValue(from),
                To = parsed.GetValue(to),
                At = parsed.GetValue(at),
                Exclude = parsed.GetValue(exclude),
                Good = Number(good.Name, parsed.GetValue(good)),
                Bad = Number(bad.Name, parsed.GetValue(bad)),
                Objective = parsed.GetValue(objective),
                Group = Group(parsed.GetValue(group) ?? []),
                Reason = parsed.GetValue(reason),
                Author = parsed.GetValue(author),
                Reference = parsed.GetValue(reference),
            };
            bool isDryRun = parsed.GetValue(dryRun);
            Made made = ServerClient.Parse<Made>(await client.PostOnceAsync(Path(parsed.GetValue(slo)!) + (isDryRun ? "?dry_run=true" : ""), request, parsed.GetValue(key) ?? Guid.NewGuid().ToString(), cancellation));
            string left = string.Create(
                CultureInfo.InvariantCulture,
                $"budget left {made.BudgetRemaining.Before:P2} {(isDryRun ? "now" : "before")}, {made.BudgetRemaining.After:P2} {(isDryRun ? "with the correction" : "now")}");
            Console.WriteLine(isDryRun ? left : $"{made.Correction.Id}: {left}");
        }));
        return correct;
    }

    public static Command Revoke()
    {
        Argument<string> slo = Slo();
        var correction = new Argument<string>("correction") { Description = "Id of the correction, as corrections lists it" };
        Option<string> reason = Reason();
        Option<string?> author = Author();
        Option<Uri> server = StoreCommand.Server();
        var revoke = new Command("revoke", "Revoke a correction of an SLO's budget") { slo, correction, reason, author, server };
        revoke.SetAction((parsed, cancellation) => StoreCommand.RunAsync(async () =>
        {
            using var client = new ServerClient(parsed.GetValue(server)!);
            string by = parsed.GetValue(author) is { } name ? "&author=" + Uri.EscapeDataString(name) : "";
            await client.DeleteAsync(
                $"{Path(parsed.GetValue(slo)!)}/{Uri.EscapeDataString(parsed.GetValue(correction)!)}?reason={Uri.EscapeDataString(parsed.GetValue(reason)!)}{by}", cancellation);
            Console.WriteLine("revoked");
        }));
        return revoke;
    }

    private static Argument<string> Slo() => new("slo") { Description = "Id of the SLO" };

    private static Option<string> Reason() => new("--reason") { Description = "Why", Required = true };

    private static Option<string?> Author() => new("--author") { Description = "Who says so; the credential's name without it" };

    private static string Path(string slo) => $"/api/v1/slos/{Uri.EscapeDataString(slo)}/corrections";

    /// <summary>JSON has no number that is none, nor an infinite one.</summary>
    private static double? Number(string option, double? events) => events is null || double.IsFinite(events.Value) ? events
        : throw new CommandException(string.Create(CultureInfo.InvariantCulture, $"{option} is {events}, expected a number of events"));

    private static Dictionary<string, string?>? Group(string[] labels)
    {
        var group = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (string[] label in labels.Select(label => label.Split('=', 2)))
        {
            if (label.Length < 2)
            {
                throw new CommandException($"--group {label[0]}: expected LABEL=VALUE");
            }
            if (!group.TryAdd(label[0], label[1]))
            {
                throw new CommandException($"--group {label[0]}: given twice, as '{group[label[0]]}' and '{label[1]}'");
            }
        }
        return group.Count == 0 ? null : group;
    }

    private static string Text(Correction correction)
    {
        string what = correction.Exclude is { } excluded ? $"without {excluded} events" : string.Create(CultureInfo.InvariantCulture, $"{correction.Good:+0.##;-0.##;0} good, {correction.Bad:+0.##;-0.##;0} bad");
        string of = string.Concat(((string[])[correction.Objective, correction.Group]).Where(part => part.Length > 0).Select(part => $" of {part}"));
        string reference = correction.Reference.Length > 0 ? $" [{correction.Reference}]" : "";
        string revoked = correction.Revoked is { } by ? $"  revoked {by.At:u} by {by.Author}: {by.Reason}\n" : "";
        return $"{correction.Id}  {correction.From:u} to {correction.To:u}: {what}{of}{reference}\n  made {correction.Made.At:u} by {correction.Made.Author}: {correction.Made.Reason}\n{revoked}";
    }

    private sealed record Listed(Correction[] Corrections);

    private sealed record Made(Correction Correction, Budget BudgetRemaining);

    private sealed record Budget(double Before, double After);

    private sealed record Correction(
        string Id, string Objective, string Group, DateTimeOffset From, DateTimeOffset To, string? Exclude, double? Good, double? Bad, string Reference, Entry Made, Entry? Revoked);

    private sealed record Entry(string Author, string Reason, DateTimeOffset At);
}
