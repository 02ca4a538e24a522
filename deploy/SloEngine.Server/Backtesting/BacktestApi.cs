using System.Text.Json;
using SloEngine.Alerting.Backtests;
using SloEngine.Collector.Receivers;
using SloEngine.Storage;

namespace SloEngine.Server.Backtesting;

/// <summary>Backtests over HTTP: one at a time, since each keeps a processor busy.</summary>
internal static class BacktestApi
{
    /// <summary>Maps <c>POST /api/v1/slos/backtest</c>: lines of JSON, <c>{"progress": 0.5}</c> now and then, the last one <c>{"report": ...}</c> or <c>{"error": ...}</c>.</summary>
    public static void MapBacktestApi(this IEndpointRouteBuilder endpoints)
    {
        BacktestRun run = endpoints.ServiceProvider.GetRequiredService<BacktestRun>();
        var gate = new SemaphoreSlim(1);
        endpoints.MapPost("/api/v1/slos/backtest", async (HttpContext http, BacktestRequest request, CancellationToken cancellation) =>
        {
            if (!Tenants.TryRead(http.Request, out string tenant))
            {
                return Results.Problem($"{Tenants.Header} holds no valid tenant name", statusCode: 400, title: "The request does not fit");
            }
            try
            {
                // What is wrong with it is told before the answer begins.
                request.Range();
                request.IncidentList();
                request.Sides();
            }
            catch (FormatException wrong)
            {
                return Results.Problem(wrong.Message, statusCode: 400, title: "The request does not fit");
            }
            if (!await gate.WaitAsync(TimeSpan.Zero, cancellation))
            {
                return Results.Problem("another backtest runs; try again when it is done", statusCode: 429, title: "Busy");
            }
            try
            {
                await AnswerAsync(http, run, request, tenant, cancellation);
                return Results.Empty;
            }
            finally
            {
                gate.Release();
            }
        });
    }

    private static async Task AnswerAsync(HttpContext http, BacktestRun run, BacktestRequest request, string tenant, CancellationToken cancellation)
    {
        http.Response.ContentType = "application/x-ndjson";
        var lines = new Lines(http.Response.Body);
        try
        {
            BacktestReport report = await Task.Run(() => run.RunAsync(request, tenant, lines, cancellation), cancellation);
            await lines.WriteAsync(new BacktestLine { Report = report }, cancellation);
        }
        catch (StoreException failure)
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
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public double? Progress { get; init; }

    public BacktestReport? Report { get; init; }

    public string? Error { get; init; }
}
