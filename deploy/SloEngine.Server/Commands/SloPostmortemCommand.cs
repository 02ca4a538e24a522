using System.CommandLine;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine slo postmortem</c>: asks a running server for the draft of a postmortem.</summary>
internal static class SloPostmortemCommand
{
    public static Command Create()
    {
        var slo = new Argument<string>("slo") { Description = "Name of the SLO, or of one of its objectives or groups" };
        var from = new Option<string>("--from") { Description = "When the incident began: RFC 3339 or Unix seconds (default: when the SLO's latest alert began)" };
        var to = new Option<string>("--to") { Description = "When it ended (default: when that alert resolved, or now)" };
        var json = new Option<bool>("--json") { Description = "Print what is known as JSON" };
        Option<Uri> server = StoreCommand.Server();
        var command = new Command("postmortem", "Draft a postmortem in Markdown: timeline, budget spent, changes, errors, open questions") { slo, from, to, json, server };
        command.SetAction((parsed, cancellation) => StoreCommand.RunAsync(async () =>
        {
            using var client = new ServerClient(parsed.GetValue(server)!);
            string query = parsed.GetValue(json) ? "format=json" : "format=markdown";
            query += Parameter("from", parsed.GetValue(from)) + Parameter("to", parsed.GetValue(to));
            string answer = await client.GetAsync($"/api/v1/slos/{Uri.EscapeDataString(parsed.GetValue(slo)!)}/postmortem?{query}", cancellation);
            Console.Write(answer.EndsWith('\n') ? answer : answer + "\n");
        }));
        return command;
    }

    private static string Parameter(string name, string? value) => value is null ? "" : $"&{name}={Uri.EscapeDataString(value)}";
}
