using System.Text.Json;
using System.Text.Json.Serialization;
using SloEngine.Alerting.Backtests;
using SloEngine.Collector.Receivers;
using SloEngine.PromQL.Evaluation;
using SloEngine.Storage;

namespace SloEngine.Server.Backtesting;

/// <summary>Backtests over HTTP: one at a time, since each keeps a processor busy.</summary>
internal static class BacktestApi
{
    private static readonly JsonSerializerOptions Strict = new(JsonSerializerDefaults.Web) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow };

    /// <summary>Maps <c>POST /api/v1/slos/backtest</c>: lines of JSON, <c>{"progress": 0.5}</c> now and then, the last one <c>{"report": ...}</c> or <c>{"error": ...}</c>.</summary>
    public static void MapBacktestApi(this IEndpointRouteBuilder endpoints)
    {
        BacktestRun run = endpoints.ServiceProvider.GetRequiredService<BacktestRun>();
        var gate = new SemaphoreSlim(1);
        endpoints.MapPost("/api/v1/slos/backtest", async (HttpContext http, CancellationToken cancellation) =>
        {
            if (!Tenants.TryRead(http.Request, out string tenant))
            {
                return Refused($"{Tenants.Header} holds no valid tenant name");
            }
            BacktestPlan plan;
            try
            {
                // What is wrong with it is told before the answer begins.
                BacktestRequest? request = await JsonSerializer.DeserializeAsync<BacktestRequest>(http.Request.Body, Strict, cancellation);
                plan = request?.Plan(tenant) ?? throw new FormatException("the body is null, expected a backtest");
            }
            catch (JsonException wrong)
            {
                return Refused($"the body is no backtest: {wrong.Message}");
            }
            catch (FormatException wrong)
            {
                return Refused(wrong.Message);
            }
            if (!await gate.WaitAsync(TimeSpan.Zero, cancellation))
            {
                return Results.Problem("another backtest runs; try again when it is done", statusCode: 429, title: "Busy");
            }
            try
            {
                await AnswerAsync(http.Response, run, plan, cancellation);
                return Results.Empty;
            }
            finally
            {
                gate.Release();
            }
        });
    }

    private static IResult Refused(string reason) => Results.Problem(reason, statusCode: 400, title: "The request does not fit");

    private static async Task AnswerAsync(HttpResponse response, BacktestRun run, BacktestPlan plan, CancellationToken cancellation)
    {
        response.ContentType = "application/x-ndjson";
        // Who waits for the beginning of an answer does not do so for long, and the first line may take minutes.
        await response.StartAsync(cancellation);
        await response.Body.FlushAsync(cancellation);
        var lines = new Lines(response.Body);
        try
        {
            BacktestReport report = await Task.Run(() => run.RunAsync(plan, lines, cancellation), cancellation);
            await lines.WriteAsync(new BacktestLine { Report = report }, cancellation);
        }
        catch (Exception failure) when (failure is StoreException or PromQLEvaluationException or TimeoutException)
        {
            await lines.WriteAsync(new BacktestLine { Error = failure.Message }, cancellation);
        }
    }

    /// <summary>Progress goes out as it comes; the last line waits until it has gone.</summary>
    private sealed class Lines(Stream body) : IProgress<double>
    {
        private Task _written = Task.CompletedTask;

        public void Report(double value)
        {
            if (_written.IsCompletedSuccessfully)
            {
                _written = SendAsync(new BacktestLine { Progress = value }, CancellationToken.None);
            }
        }

        public async Task WriteAsync(BacktestLine line, CancellationToken cancellation)
        {
            await _written;
            await SendAsync(line, cancellation);
        }

        private async Task SendAsync(BacktestLine line, CancellationToken cancellation)
        {
            await JsonSerializer.SerializeAsync(body, line, BacktestLine.Json, cancellation);
            await body.WriteAsync("\n"u8.ToArray(), cancellation);
            await body.FlushAsync(cancellation);
        }
    }
}

/// <summary>A line of the answer.</summary>
internal sealed record BacktestLine
{
    /// <summary>How reports are written, here and by the command.</summary>
    public static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public double? Progress { get; init; }

    public BacktestReport? Report { get; init; }

    public string? Error { get; init; }
}
