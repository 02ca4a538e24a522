using System.CommandLine;
using System.Globalization;
using System.Text.Json;

namespace SloEngine.Server.Commands.Querying;

/// <summary><c>sloengine promql query</c> and <c>range</c>: ask a server, this one or any that speaks Prometheus' API.</summary>
internal static class PromqlQueryCommands
{
    private const string DefaultServer = "http://127.0.0.1:7070";

    /// <summary>Steps of a range that names none.</summary>
    private const int DefaultSteps = 120;

    private static readonly Argument<string> Expression = new("expression") { Description = "A PromQL expression" };
    private static readonly Option<string> Server = new("--server") { Description = "Address of the server", HelpName = "URL", DefaultValueFactory = _ => DefaultServer };
    private static readonly Option<string?> Tenant = new("--tenant") { Description = "Whose data to read", HelpName = "NAME" };
    private static readonly Option<bool> Json = new("--json") { Description = "Print the result as JSON" };
    private static readonly Option<bool> Csv = new("--csv") { Description = "Print the result as CSV: time, labels, value" };

    public static Command Query()
    {
        var time = new Option<string?>("--time") { Description = "Time: Unix seconds, RFC 3339, or how long ago, such as 5m; default now", HelpName = "TIME" };
        var query = new Command("query", "Evaluate an expression at one time") { Expression, time, Server, Tenant, Json, Csv };
        query.SetAction((parsed, cancellation) => RunAsync(parsed, "query", Answered, form =>
        {
            long now = Now();
            form["time"] = Seconds(TimeText.Read(parsed.GetValue(time), now, now));
        }, cancellation));
        return query;

        static void Answered(QueryAnswer answer) => QueryOutput.Table(answer, Console.Out);
    }

    public static Command Range()
    {
        var start = new Option<string?>("--start") { Description = "Start: Unix seconds, RFC 3339, or how long ago; default 1h", HelpName = "TIME" };
        var end = new Option<string?>("--end") { Description = "End, likewise; default now", HelpName = "TIME" };
        var step = new Option<string?>("--step") { Description = "Time between points: seconds or such as 30s; default a 120th of the range", HelpName = "DURATION" };
        var range = new Command("range", "Evaluate an expression over a range of time, and plot it") { Expression, start, end, step, Server, Tenant, Json, Csv };
        range.SetAction((parsed, cancellation) =>
        {
            long now = Now();
            return RunAsync(parsed, "query_range", Answered, form =>
            {
                long from = TimeText.Read(parsed.GetValue(start), now - 3_600_000, now);
                long to = TimeText.Read(parsed.GetValue(end), now, now);
                form["start"] = Seconds(from);
                form["end"] = Seconds(to);
                form["step"] = parsed.GetValue(step) ?? Seconds(Math.Max(1, (to - from) / DefaultSteps / 1000) * 1000);
            }, cancellation);
        });
        return range;

        static void Answered(QueryAnswer answer)
        {
            int width = Console.IsOutputRedirected ? AsciiPlot.DefaultWidth : Math.Max(AsciiPlot.LeastWidth, Console.WindowWidth);
            Console.Write(AsciiPlot.Draw(answer.Series, width));
            QueryOutput.Summary(answer, Console.Out);
        }
    }

    private static async Task<int> RunAsync(
        ParseResult parsed, string path, Action<QueryAnswer> print, Action<Dictionary<string, string>> ask, CancellationToken cancellation)
    {
        if (parsed.GetValue(Json) && parsed.GetValue(Csv))
        {
            await Console.Error.WriteLineAsync("sloengine: choose one of --json and --csv");
            return ExitCodes.Usage;
        }
        if (!Uri.TryCreate(parsed.GetValue(Server)!.TrimEnd('/') + "/api/v1/" + path, UriKind.Absolute, out Uri? address) || !address.Scheme.StartsWith("http", StringComparison.Ordinal))
        {
            await Console.Error.WriteLineAsync($"sloengine: --server {parsed.GetValue(Server)}: expected an address such as {DefaultServer}");
            return ExitCodes.Usage;
        }
        var form = new Dictionary<string, string> { ["query"] = parsed.GetValue(Expression)! };
        try
        {
            ask(form);
            QueryAnswer answer = await AskAsync(address, form, parsed.GetValue(Tenant), cancellation);
            foreach (string remark in answer.Remarks)
            {
                await Console.Error.WriteLineAsync(remark);
            }
            Print(parsed, answer, print);
            return ExitCodes.Done;
        }
        catch (FormatException wrong)
        {
            await Console.Error.WriteLineAsync("sloengine: " + wrong.Message);
            return ExitCodes.Usage;
        }
        catch (Exception failure) when (failure is HttpRequestException or QueryRefusedException or JsonException)
        {
            await Console.Error.WriteLineAsync($"sloengine: {address.GetLeftPart(UriPartial.Authority)}: {failure.Message}");
            return ExitCodes.Failed;
        }
    }

    private static void Print(ParseResult parsed, QueryAnswer answer, Action<QueryAnswer> print)
    {
        if (parsed.GetValue(Json))
        {
            Console.WriteLine(answer.Json);
        }
        else if (parsed.GetValue(Csv))
        {
            QueryOutput.Csv(answer, Console.Out);
        }
        else
        {
            print(answer);
        }
    }

    private static async Task<QueryAnswer> AskAsync(Uri address, Dictionary<string, string> form, string? tenant, CancellationToken cancellation)
    {
        // The server has a time limit of its own.
        using var http = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };
        using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = new FormUrlEncodedContent(form) };
        ServerClient.Authorize(request);
        if (tenant is not null)
        {
            request.Headers.Add("X-Scope-OrgID", tenant);
        }
        using HttpResponseMessage response = await http.SendAsync(request, cancellation);
        return QueryAnswer.Read(await response.Content.ReadAsStringAsync(cancellation));
    }

    private static string Seconds(long milliseconds) => (milliseconds / 1000m).ToString(CultureInfo.InvariantCulture);

    private static long Now() => TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
}
