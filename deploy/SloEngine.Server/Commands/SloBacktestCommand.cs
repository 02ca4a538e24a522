using System.CommandLine;
using System.Text.Json;
using SloEngine.Alerting.Backtests;
using SloEngine.Collector.Receivers;
using SloEngine.Otlp.Naming;
using SloEngine.PromQL;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Syntax;
using SloEngine.Query;
using SloEngine.Query.Metrics;
using SloEngine.Server.Backtesting;
using SloEngine.Server.Commands.Querying;
using SloEngine.Slo.Model;
using SloEngine.Slo.Queries;
using SloEngine.Storage;
using SloEngine.Storage.Chdb;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine slo backtest</c>: what alerts would have fired.</summary>
internal static class SloBacktestCommand
{
    private static readonly Argument<FileInfo[]> Files = new("files") { Description = "SLO files (YAML); references go across all of them", Arity = ArgumentArity.OneOrMore };
    private static readonly Option<string?> From = new("--from") { Description = "Start: a time such as 2026-01-02T15:04:05Z, Unix seconds, or how long ago; default 30d", HelpName = "TIME" };
    private static readonly Option<string?> To = new("--to") { Description = "End, likewise; default now", HelpName = "TIME" };
    private static readonly Option<string?> Preset = new("--preset") { Description = "Alert policies in place of those of the files: workbook, sloth, pyrra or datadog", HelpName = "NAME" };
    private static readonly Option<string[]> Against = new("--against")
    {
        Description = "Compare with a preset, or with the SLOs of another file; may be given up to ten times",
        HelpName = "PRESET|FILE",
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<FileInfo?> Incidents = new("--incidents") { Description = "What went wrong: incidents: [{name, start, end, slos}]", HelpName = "FILE" };
    private static readonly Option<string> Grace = new("--grace") { Description = "How long after an incident's end alerts still tell of it", HelpName = "DURATION", DefaultValueFactory = _ => "5m" };
    private static readonly Option<string> Step = new("--step") { Description = "Time between evaluations, 10s to 5m", HelpName = "DURATION", DefaultValueFactory = _ => "10s" };
    private static readonly Option<DirectoryInfo?> Data = new("--data") { Description = "Read the store in the data directory of a server that is stopped", HelpName = "DIR" };
    private static readonly Option<string?> Telemetry = new("--telemetry") { Description = "Read telemetry from files: OTLP in JSON, a request a line, as the file exporter writes", HelpName = "PATH" };
    private static readonly Option<string> Tenant = new("--tenant") { Description = "Whose telemetry", HelpName = "NAME", DefaultValueFactory = _ => Tenants.Default };
    private static readonly Option<string> QueryDelay = new("--query-delay")
    {
        Description = "With --data and --telemetry: how long after its end a minute is evaluated for SLOs that queries count, as slo.query_delay of a server",
        HelpName = "DURATION",
        DefaultValueFactory = _ => "1m",
    };

    private static readonly Option<Uri> Server = StoreCommand.Server();
    private static readonly Option<string> Output = Outputs();

    public static Command Create()
    {
        var command = new Command(
            "backtest",
            """
            Replay history, and say what alerts would have fired.

            History is what the store of a running server has (--server), that of a stopped one (--data), or telemetry in files (--telemetry). It passes
            through the ledger, the evaluator and the alert rules that run in a server, at the time of each point. Budgets are those of a window that
            reaches back before --from. --against compares policies side by side, over one pass of the history.
            """)
        {
            Files, From, To, Preset, Against, Incidents, Grace, Step, Data, Telemetry, Tenant, QueryDelay, Server, Output,
        };
        command.SetAction((parsed, cancellation) => RunAsync(parsed, cancellation));
        return command;
    }

    private static Option<string> Outputs()
    {
        var output = new Option<string>("--output") { Description = "text or json", DefaultValueFactory = _ => "text" };
        output.AcceptOnlyFromAmong("text", "json");
        return output;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        try
        {
            BacktestReport report = await ReportAsync(parsed, cancellation);
            Console.Write(parsed.GetValue(Output) == "json" ? JsonSerializer.Serialize(report, BacktestLine.Json) + "\n" : BacktestText.Of(report));
            return ExitCodes.Done;
        }
        catch (FormatException wrong)
        {
            await Console.Error.WriteLineAsync("sloengine: " + wrong.Message);
            return ExitCodes.Usage;
        }
        catch (Exception failure) when (failure is StoreException or PromQLEvaluationException or CommandException or TimeoutException or DllNotFoundException
            or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync("sloengine: " + failure.Message);
            return ExitCodes.Failed;
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("sloengine: stopped");
            return ExitCodes.Failed;
        }
    }

    private static BacktestRequest Request(ParseResult parsed)
    {
        if (!Tenants.IsValid(parsed.GetValue(Tenant)!))
        {
            throw new FormatException($"--tenant: '{parsed.GetValue(Tenant)}', expected letters, digits and !-_.*'(), at most 150");
        }
        if (parsed.GetValue(Data) is not null && parsed.GetValue(Telemetry) is not null)
        {
            throw new FormatException("choose one of --data and --telemetry");
        }
        long now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        long to = TimeText.Read(parsed.GetValue(To), now, now);
        return new BacktestRequest
        {
            Files = [.. parsed.GetValue(Files)!.Select(Text)],
            Preset = parsed.GetValue(Preset),
            Against = [.. parsed.GetValue(Against)!.Select(side => BacktestRequest.IsPreset(side) ? new BacktestSide { Preset = side } : new BacktestSide { Files = [Text(new FileInfo(side))] })],
            From = DateTimeOffset.FromUnixTimeMilliseconds(TimeText.Read(parsed.GetValue(From), to - (long)TimeSpan.FromDays(30).TotalMilliseconds, now)),
            To = DateTimeOffset.FromUnixTimeMilliseconds(to),
            StepSeconds = Seconds("--step", parsed.GetValue(Step)!),
            Incidents = parsed.GetValue(Incidents) is { } incidents ? Text(incidents) : null,
            GraceSeconds = Seconds("--grace", parsed.GetValue(Grace)!),
        };
    }

    private static double Seconds(string option, string text) => PromQLParser.TryParseDuration(text, out long milliseconds) ? milliseconds / 1000d
        : throw new FormatException($"{option}: '{text}', expected a duration such as 30s or 5m");

    private static SloText Text(FileInfo file) => file.Exists ? new SloText(file.ToString(), File.ReadAllText(file.FullName))
        : throw new FormatException($"{file}: there is no such file");

    private static async Task<BacktestReport> ReportAsync(ParseResult parsed, CancellationToken cancellation)
    {
        BacktestRequest request = Request(parsed);
        // What is wrong with it is told before anything is read.
        BacktestPlan plan = request.Plan(parsed.GetValue(Tenant)!);
        var queries = new QueryCounterOptions { Delay = TimeSpan.FromSeconds(Seconds("--query-delay", parsed.GetValue(QueryDelay)!)) };
        var progress = new BacktestProgress(Console.Error, !Console.IsErrorRedirected, TimeProvider.System);
        try
        {
            return await (parsed switch
            {
                _ when parsed.GetValue(Telemetry) is { } path => OfFilesAsync(path, plan, queries, progress, cancellation),
                _ when parsed.GetValue(Data) is { } data => OfDataAsync(data, plan, queries, progress, cancellation),
                _ => OfServerAsync(parsed.GetValue(Server)!, request, plan.Tenant, progress, cancellation),
            });
        }
        finally
        {
            progress.End();
        }
    }

    private static async Task<BacktestReport> OfFilesAsync(string path, BacktestPlan plan, QueryCounterOptions queries, BacktestProgress progress, CancellationToken cancellation)
    {
        if (plan.Sides.SelectMany(side => side.Slos).FirstOrDefault(slo => slo.Each().Any(one => one.Indicator.Total is IntervalMeasure)) is { } heartbeat)
        {
            throw new FormatException(
                $"{heartbeat.Source}: SLO '{heartbeat.Id}' is a heartbeat: files do not tell when telemetry could be taken in, without which none is known to be missing; use --server or --data");
        }
        IReadOnlyList<string> files = TelemetryFiles.Find(path);
        DirectoryInfo temporary = Directory.CreateTempSubdirectory("sloengine-backtest-");
        try
        {
            await using IColumnStore loaded = await OpenAsync(Path.Combine(temporary.FullName, "store"), cancellation);
            await TelemetryFiles.LoadAsync(files, plan.Tenant, loaded, Path.Combine(temporary.FullName, "log"), cancellation);
            return await RunOnAsync(loaded, plan, queries, progress, cancellation);
        }
        finally
        {
            temporary.Delete(recursive: true);
        }
    }

    private static async Task<BacktestReport> OfDataAsync(DirectoryInfo data, BacktestPlan plan, QueryCounterOptions queries, BacktestProgress progress, CancellationToken cancellation)
    {
        await using IColumnStore store = data.Exists ? await OpenAsync(data.FullName, cancellation) : throw new FormatException($"--data: there is no directory {data}");
        return await RunOnAsync(store, plan, queries, progress, cancellation);
    }

    private static async Task<BacktestReport> OfServerAsync(Uri server, BacktestRequest request, string tenant, BacktestProgress progress, CancellationToken cancellation)
    {
        using var client = new ServerClient(server, tenant);
        await foreach (string text in client.PostForLinesAsync("/api/v1/slos/backtest", request, cancellation))
        {
            BacktestLine line = ServerClient.Parse<BacktestLine>(text);
            if (line.Error is not null)
            {
                throw new CommandException(line.Error);
            }
            if (line.Report is not null)
            {
                return line.Report;
            }
            progress.Report(line.Progress ?? 0);
        }
        throw new CommandException("the server's answer has ended without a report");
    }

    private static async Task<IColumnStore> OpenAsync(string path, CancellationToken cancellation) =>
        await EmbeddedColumnStore.OpenAsync(new EmbeddedStoreOptions { Path = path }, cancellation);

    private static Task<BacktestReport> RunOnAsync(IColumnStore store, BacktestPlan plan, QueryCounterOptions queries, BacktestProgress progress, CancellationToken cancellation) =>
        new BacktestRun(store, new PromQLEngine(new EngineOptions { OtherLabel = PrometheusName.Translated }), new StoredSeriesSources(store, new QueryOptions()).Of, queries).RunAsync(plan, progress, cancellation);
}
