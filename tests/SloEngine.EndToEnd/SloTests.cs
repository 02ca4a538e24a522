using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace SloEngine.EndToEnd;

public sealed class SloTests
{
    private const string Slo = """
        apiVersion: openslo/v1
        kind: SLO
        metadata:
          name: app-availability
          displayName: App availability
          annotations:
            sloengine/runbook: https://runbooks.example.com/app
        spec:
          service: app
          indicator:
            metadata: {name: app-success}
            spec:
              ratioMetric:
                counter: true
                good:
                  metricSource: {type: Prometheus, spec: {query: 'sum(rate(app_requests_total{service_name="app",code!~"5.."}[5m]))'}}
                total:
                  metricSource: {type: Prometheus, spec: {query: 'sum(rate(app_requests_total{service_name="app"}[5m]))'}}
          timeWindow: [{duration: 30d, isRolling: true}]
          budgetingMethod: Occurrences
          alertPolicies:
            - kind: AlertPolicy
              metadata: {name: outage}
              spec:
                conditions:
                  - kind: AlertCondition
                    metadata: {name: outage}
                    spec:
                      severity: page
                      condition: {kind: burnrate, op: gte, threshold: 14.4, lookbackWindow: 1m, alertAfter: 0s}
          objectives: [{target: 0.999}]
        """;

    [Fact]
    public async Task An_SLO_by_the_names_of_OpenTelemetry_counts_what_comes_in_and_what_came_before_it()
    {
        string byOtelNames = Slo.Replace("app_requests_total{service_name=", "{\"app.requests\",\"service.name\"=", StringComparison.Ordinal)
            .Replace("sloengine/runbook: https://runbooks.example.com/app", "sloengine/group-by: service.name", StringComparison.Ordinal);
        using var files = new TemporaryDirectory();
        files.Write("slos/app.yaml", byOtelNames);
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--slos", Path.Combine(files.Path, "slos"), "--self-telemetry", "off");
        using var sender = new OtlpJsonSender(server.OtlpHttp, "app");

        for (int export = 0; export < 5; export++)
        {
            Assert.True(await sender.SendAsync(7, 1));
        }
        JsonElement slo = await server.GetAsync("/api/v1/slos/app-availability");
        Assert.Equal((35, 40), (slo.GetProperty("goodEvents").GetDouble(), slo.GetProperty("totalEvents").GetDouble()));
        JsonElement group = await server.GetAsync("/api/v1/slos/" + Uri.EscapeDataString("app-availability{service.name=\"app\"}"));
        Assert.Equal(40, group.GetProperty("totalEvents").GetDouble());

        await server.StoredAsync();
        files.Write("slos/later.yaml", byOtelNames.Replace("name: app-availability", "name: later", StringComparison.Ordinal));
        await ServerProcess.UntilAsync(
            async () => (await server.GetAsync("/api/v1/slos")).ToString().Contains("\"later\"", StringComparison.Ordinal) ? (await server.GetAsync("/api/v1/slos/later")).GetProperty("totalEvents").GetDouble() : 0,
            static total => total == 40, TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task A_known_error_rate_is_counted_exactly_and_an_outage_pages_then_resolves_even_over_a_kill()
    {
        using var files = new TemporaryDirectory();
        files.Write("slos/app.yaml", Slo);
        await using WebhookListener webhook = await WebhookListener.StartAsync();
        files.Write("receivers.yaml", $"receivers: [{{name: oncall, webhook: \"{webhook.Url}\"}}]\n");
        string[] arguments = ["--slos", Path.Combine(files.Path, "slos"), "--receivers", Path.Combine(files.Path, "receivers.yaml"), "--self-telemetry", "off"];
        string data = Path.Combine(files.Path, "data");
        ServerProcess server = await ServerProcess.StartAsync(data, arguments);
        using var sender = new OtlpJsonSender(server.OtlpHttp, "app");

        // One failure in 400: a burn of 2.5 for an objective of 99.9 %, below the page.
        for (int export = 0; export < 20; export++)
        {
            Assert.True(await sender.SendAsync(399, 1));
        }
        JsonElement slo = await server.GetAsync("/api/v1/slos/app-availability");
        Assert.Equal(sender.Good, slo.GetProperty("goodEvents").GetDouble());
        Assert.Equal(sender.Good + sender.Bad, slo.GetProperty("totalEvents").GetDouble());
        JsonElement hour = slo.GetProperty("burnRates").EnumerateArray().Single(rate => rate.GetProperty("window").GetString() == "1h");
        Assert.InRange(hour.GetProperty("burnRate").GetDouble(), 2.5 * 0.99, 2.5 * 1.01);
        await server.StoredAsync();
        Assert.Equal(sender.Good + sender.Bad, await server.PromqlNumberAsync("sum(app_requests_total)"));

        // A total outage.
        Task outage = Task.Run(async () =>
        {
            for (int export = 0; export < 10; export++)
            {
                Assert.True(await sender.SendAsync(0, 400));
                await Task.Delay(200);
            }
        });
        JsonElement page = await webhook.NextAsync(TimeSpan.FromSeconds(60));
        await outage;
        Assert.Equal("4", page.GetProperty("version").GetString());
        Assert.Equal("firing", page.GetProperty("status").GetString());
        JsonElement annotations = page.GetProperty("alerts")[0].GetProperty("annotations");
        Assert.Equal("page", page.GetProperty("commonLabels").GetProperty("severity").GetString());
        Assert.Equal("https://runbooks.example.com/app", annotations.GetProperty("runbook_url").GetString());
        string description = annotations.GetProperty("description").GetString()!;
        Assert.Contains("app-availability", description, StringComparison.Ordinal);
        Assert.Contains("Budget left", description, StringComparison.Ordinal);

        // The process dies and comes back: the ledger and the alert are as they were.
        await server.KillAsync();
        await server.DisposeAsync();
        await using ServerProcess restarted = await ServerProcess.StartAsync(data, arguments);
        slo = await restarted.GetAsync("/api/v1/slos/app-availability");
        Assert.Equal(sender.Good, slo.GetProperty("goodEvents").GetDouble());
        Assert.Equal(sender.Good + sender.Bad, slo.GetProperty("totalEvents").GetDouble());
        Assert.Equal("firing", (await restarted.GetAsync("/api/v1/alerts")).GetProperty("data").GetProperty("alerts")[0].GetProperty("state").GetString());

        // What the counter grew by over the restart counts once, and with good traffic the alert resolves.
        Task<JsonElement> next = webhook.NextAsync(TimeSpan.FromSeconds(90));
        using OtlpJsonSender healthy = sender.MoveTo(restarted.OtlpHttp);
        while (!next.IsCompleted)
        {
            Assert.True(await healthy.SendAsync(400, 0));
            await Task.WhenAny(next, Task.Delay(500));
        }
        Assert.Equal("resolved", (await next).GetProperty("status").GetString());
        slo = await restarted.GetAsync("/api/v1/slos/app-availability");
        Assert.Equal(healthy.Good, slo.GetProperty("goodEvents").GetDouble());
        Assert.Equal(healthy.Good + healthy.Bad, slo.GetProperty("totalEvents").GetDouble());
    }
}

/// <summary>A receiver of webhooks on the loopback.</summary>
internal sealed class WebhookListener : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly BlockingCollection<JsonElement> _bodies = [];
    private readonly ConcurrentDictionary<string, bool> _seen = new();

    private WebhookListener(WebApplication app) => _app = app;

    public Uri Url { get; private set; } = null!;

    public static async Task<WebhookListener> StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var listener = new WebhookListener(builder.Build());
        listener._app.MapPost("/hook", async (HttpRequest request) =>
        {
            using JsonDocument body = await JsonDocument.ParseAsync(request.Body);
            string key = request.Headers["Idempotency-Key"].ToString();
            Assert.NotEmpty(key);
            // After a crash somebody is told twice rather than never, under one key.
            if (listener._seen.TryAdd(key, true))
            {
                listener._bodies.Add(body.RootElement.Clone());
            }
        });
        await listener._app.StartAsync();
        string address = listener._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        listener.Url = new Uri(address + "/hook");
        return listener;
    }

    public Task<JsonElement> NextAsync(TimeSpan most) => Task.Run(() =>
    {
        Assert.True(_bodies.TryTake(out JsonElement body, most), $"no notification within {most.TotalSeconds:0} s");
        return body;
    });

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _bodies.Dispose();
    }
}
