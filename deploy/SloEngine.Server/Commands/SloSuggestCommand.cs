using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using SloEngine.Server.Suggestions;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine slo suggest</c>: SLOs for the services that a server has seen.</summary>
internal static class SloSuggestCommand
{
    public static Command Create()
    {
        var service = new Option<string?>("--service") { Description = "Look at this service alone", HelpName = "NAME" };
        var days = new Option<int>("--days") { Description = $"How far back, 1 to {SuggestionsApi.MostDays}", DefaultValueFactory = _ => 28 };
        var tenant = new Option<string?>("--tenant") { Description = "Whose services", HelpName = "NAME" };
        var json = new Option<bool>("--json") { Description = "Print the server's JSON" };
        Option<Uri> server = StoreCommand.Server();
        var command = new Command(
            "suggest", "Propose SLOs for the services that a running server has seen, from their own history, as OpenSLO; what is passed over goes to standard error") { service, days, tenant, json, server };
        command.SetAction((parsed, cancellation) => StoreCommand.RunAsync(async () =>
        {
            using var client = new ServerClient(parsed.GetValue(server)!, parsed.GetValue(tenant));
            string query = string.Create(CultureInfo.InvariantCulture, $"?days={parsed.GetValue(days)}") + (parsed.GetValue(service) is { } name ? "&service=" + Uri.EscapeDataString(name) : "");
            string answer = await client.GetAsync("/api/v1/slos/suggestions" + query, cancellation);
            if (parsed.GetValue(json))
            {
                Console.WriteLine(answer);
                return;
            }
            JsonElement found = ServerClient.Parse<JsonElement>(answer);
            foreach (JsonElement passed in found.GetProperty("passedOver").EnumerateArray())
            {
                await Console.Error.WriteLineAsync($"{passed.GetProperty("service")}: {passed.GetProperty("what")}: {passed.GetProperty("reason")}");
            }
            Console.Write(string.Join("---\n", found.GetProperty("suggestions").EnumerateArray().Select(one => one.GetProperty("yaml").GetString())));
        }));
        return command;
    }
}
