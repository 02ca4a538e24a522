using System.CommandLine;
using System.Globalization;
using SloEngine.Storage.Stats;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine store stats</c>: asks a running server what its store holds.</summary>
internal static class StoreStatsCommand
{
    public static Command Create()
    {
        Option<Uri> server = StoreCommand.Server();
        var json = new Option<bool>("--json") { Description = "Print the server's JSON" };
        var command = new Command("stats", "Rows, bytes on disk and span of time of each table, and the free disk") { server, json };
        command.SetAction((parsed, cancellation) => StoreCommand.RunAsync(async () =>
        {
            using var client = new ServerClient(parsed.GetValue(server)!);
            string answer = await client.GetAsync("/api/v1/status/store", cancellation);
            Console.Write(parsed.GetValue(json) ? answer + "\n" : Table(ServerClient.Parse<StoreStats>(answer)));
        }));
        return command;
    }

    internal static string Table(StoreStats stats)
    {
        var text = new StringWriter(CultureInfo.InvariantCulture);
        text.WriteLine($"{"table",-24}{"rows",15}{"bytes",17}{"B/row",8}{"parts",7}  {"oldest",-22}{"newest",-20}");
        foreach (TableStats table in stats.Tables)
        {
            text.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{table.Table,-24}{table.Rows,15:N0}{table.Bytes,17:N0}{table.BytesPerRow,8:0.0}{table.Parts,7}  {Time(table.Oldest),-22}{Time(table.Newest),-20}"));
        }
        text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{"total",-24}{stats.Rows,15:N0}{stats.Bytes,17:N0}"));
        text.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"disk: {stats.Disk.FreeBytes / 1e9:N1} GB free of {stats.Disk.TotalBytes / 1e9:N1} GB"));
        return text.ToString();
    }

    private static string Time(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture) ?? "";
}
