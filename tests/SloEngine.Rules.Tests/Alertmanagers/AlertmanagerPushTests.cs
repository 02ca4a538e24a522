using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.Rules.Alertmanagers;
using SloEngine.Rules.Evaluation;
using SloEngine.Rules.Files;

namespace SloEngine.Rules.Tests.Alertmanagers;

public sealed class AlertmanagerPushTests
{
    private const long Began = 1_800_000_000_000;

    private static readonly Dictionary<string, string> None = [];

    [Fact]
    public async Task What_an_Alertmanager_has_not_taken_comes_with_the_next_sending()
    {
        using HttpListener alertmanager = Listen(out Uri url);
        using var push = new AlertmanagerPush(new AlertmanagerOptions { Addresses = [url] }, NullLogger<AlertmanagerPush>.Instance);
        await push.StartAsync(default);
        AlertingState rule = Firing();

        push.Evaluated("acme", rule, Began, TimeSpan.FromSeconds(15), "http://here/graph", None);
        Assert.Equal(Began + 240_000, EndsAt(await AnswerAsync(alertmanager, 503)));
        // Too early to be sent again.
        push.Evaluated("acme", rule, Began + 60_000, TimeSpan.FromSeconds(15), "http://here/graph", None);
        push.Evaluated("acme", rule, Began + 61_000, TimeSpan.FromSeconds(15), "http://here/graph", None);

        Assert.Equal(Began + 61_000 + 240_000, EndsAt(await AnswerAsync(alertmanager, 200)));
        await push.StopAsync(default);
    }

    [Fact]
    public async Task Tenants_are_never_mixed_in_one_request_and_one_Alertmanager_holds_up_no_other()
    {
        using HttpListener silent = Listen(out Uri away);
        using HttpListener alertmanager = Listen(out Uri url);
        using var push = new AlertmanagerPush(new AlertmanagerOptions { Addresses = [away, url] }, NullLogger<AlertmanagerPush>.Instance);
        foreach (string tenant in (string[])["acme", "acme", "other"])
        {
            push.Evaluated(tenant, Firing(), Began, TimeSpan.FromHours(1), "http://here/graph", None);
        }
        await push.StartAsync(default);

        (string? tenant, JsonElement alerts) first = await AnswerAsync(alertmanager, 200);
        (string? tenant, JsonElement alerts) second = await AnswerAsync(alertmanager, 200);

        Assert.Equal(("acme", 2), (first.tenant, first.alerts.GetArrayLength()));
        Assert.Equal(("other", 1), (second.tenant, second.alerts.GetArrayLength()));
        // An interval that is longer than the time between sendings decides.
        Assert.Equal(Began + (4 * 3_600_000), EndsAt(second));
        await push.StopAsync(default);
    }

    private static AlertingState Firing()
    {
        var rule = new AlertingState(new AlertingRule("Fires", PromQLParser.Parse("vector(1)"), [], 1));
        rule.Restore([new RuleAlert { Labels = Labels.Of([new("alertname", "Fires")]), Annotations = [], Value = 1, State = RuleAlertState.Firing, ActiveSinceMs = Began - 1000 }]);
        return rule;
    }

    private static long EndsAt((string? Tenant, JsonElement Alerts) request) => request.Alerts[0].GetProperty("endsAt").GetDateTimeOffset().ToUnixTimeMilliseconds();

    private static async Task<(string? Tenant, JsonElement Alerts)> AnswerAsync(HttpListener listener, int status)
    {
        HttpListenerContext context = await listener.GetContextAsync().WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal("/api/v2/alerts", context.Request.Url!.AbsolutePath);
        using JsonDocument body = await JsonDocument.ParseAsync(context.Request.InputStream);
        context.Response.StatusCode = status;
        context.Response.Close();
        return (context.Request.Headers["X-Scope-OrgID"], body.RootElement.Clone());
    }

    private static HttpListener Listen(out Uri url)
    {
        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        url = new Uri($"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}/");
        free.Stop();
        var listener = new HttpListener { Prefixes = { url.ToString() } };
        listener.Start();
        return listener;
    }
}
