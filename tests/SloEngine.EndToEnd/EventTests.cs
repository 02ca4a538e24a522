using System.Globalization;
using System.Net;
using System.Text;

namespace SloEngine.EndToEnd;

/// <summary>Events that are told, and those that telemetry tells of, in the real program.</summary>
public sealed class EventTests
{
    [Fact]
    public async Task Events_of_telemetry_are_found_once_over_a_kill_and_listed_with_those_that_are_told()
    {
        using var files = new TemporaryDirectory();
        string data = Path.Combine(files.Path, "data");
        ServerProcess server = await ServerProcess.StartAsync(data, "--self-telemetry", "off");
        DateTimeOffset now = DateTimeOffset.UtcNow;
        // A service that comes up, a new version of it, an event by name, the same sent again, another event that is no change, and a deployment's spans.
        await SendAsync(server, "logs", Logs("shop", "1.0", Log(now.AddMinutes(-50), "", "up")));
        await SendAsync(server, "logs", Logs("shop", "1.1", Log(now.AddMinutes(-40), "", "up"), Log(now.AddMinutes(-40), "", "still up")));
        string rotated = Logs("vault", null, Log(now.AddMinutes(-30), "secret.rotation.completed", "database password rotated"), Log(now.AddMinutes(-30), "session.start", "hello"));
        await SendAsync(server, "logs", rotated);
        await SendAsync(server, "traces", Spans("ci", "deploy-77", now.AddMinutes(-20)));
        await TellAsync(server, HttpStatusCode.Created, $$"""{"kind":"policy","title":"images are to be signed","time":"{{now.AddMinutes(-10):O}}","link":"https://git.example.com/1"}""");
        Assert.Contains("kind is 'deploy', expected deployment, rotation", await TellAsync(server, HttpStatusCode.BadRequest, """{"kind":"deploy"}"""), StringComparison.Ordinal);
        Assert.Contains("the body is not JSON", await TellAsync(server, HttpStatusCode.BadRequest, "hello"), StringComparison.Ordinal);
        await server.KillAsync();
        await server.DisposeAsync();

        await using ServerProcess restarted = await ServerProcess.StartAsync(data, "--self-telemetry", "off");
        await SendAsync(restarted, "logs", rotated);
        await SendAsync(restarted, "logs", Logs("shop", "1.1", Log(now, "", "up")));
        await SendAsync(restarted, "traces", Spans("ci", "deploy-77", now.AddMinutes(-19)));
        await restarted.StoredAsync();
        string[] all = await ListAsync(restarted, "");
        Assert.Equal(
            [
                "policy  images are to be signed api",
                "deployment ci deploy-77 span",
                "rotation vault database password rotated log",
                "deployment shop shop 1.1 service.version",
                "discovery shop shop seen for the first time, version 1.0 service.version",
            ],
            all);
        Assert.Equal([all[0], all[3], all[4]], await ListAsync(restarted, "&service=shop"));
        Assert.Equal([all[1], all[3]], await ListAsync(restarted, "&kind=deployment"));
        Assert.Equal([all[1]], await ListAsync(restarted, string.Create(CultureInfo.InvariantCulture, $"&start={now.AddMinutes(-25).ToUnixTimeSeconds()}&end={now.AddMinutes(-15).ToUnixTimeSeconds()}")));
        Assert.Equal(5, await restarted.SqlNumberAsync("SELECT toFloat64(count()) FROM events FINAL"));
    }

    [Fact]
    public async Task A_tenant_that_is_none_is_refused_and_a_store_that_is_away_is_told_with_when_to_ask_again()
    {
        using var files = new TemporaryDirectory();
        await using var store = new StoreProcess(Path.Combine(files.Path, "store"));
        await store.StartAsync();
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--self-telemetry", "off", "--store", store.Url.ToString());
        const string Event = """{"kind":"policy"}""";

        Assert.Equal((HttpStatusCode.BadRequest, null), await AskAsync(HttpMethod.Get, "/api/v1/events", tenant: "a/b"));
        Assert.Equal((HttpStatusCode.BadRequest, null), await AskAsync(HttpMethod.Post, "/api/v1/events", tenant: "a/b"));
        Assert.Equal((HttpStatusCode.Created, null), await AskAsync(HttpMethod.Post, "/api/v1/events", tenant: "acme"));
        Assert.Equal((HttpStatusCode.BadRequest, null), await AskAsync(HttpMethod.Get, "/api/v1/events?start=0001-01-01T00:00:00Z", tenant: "acme"));
        await store.KillAsync();
        Assert.Equal((HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(5)), await AskAsync(HttpMethod.Get, "/api/v1/events", tenant: "acme"));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(5)), await AskAsync(HttpMethod.Post, "/api/v1/events", tenant: "acme"));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(5)), await AskAsync(HttpMethod.Get, "/api/v1/slos/suggestions", tenant: "acme"));

        async Task<(HttpStatusCode, TimeSpan?)> AskAsync(HttpMethod method, string path, string tenant)
        {
            using var http = new HttpClient();
            using var request = new HttpRequestMessage(method, new Uri(server.Http, path)) { Content = method == HttpMethod.Post ? new StringContent(Event, Encoding.UTF8, "application/json") : null };
            request.Headers.Add("X-Scope-OrgID", tenant);
            using HttpResponseMessage response = await http.SendAsync(request);
            return (response.StatusCode, response.Headers.RetryAfter?.Delta);
        }
    }

    private static async Task<string[]> ListAsync(ServerProcess server, string filter) =>
        [.. (await server.GetAsync("/api/v1/events?limit=50" + filter)).GetProperty("events").EnumerateArray().Select(one =>
            $"{one.GetProperty("kind").GetString()} {one.GetProperty("service").GetString()} {one.GetProperty("title").GetString()} {one.GetProperty("source").GetString()}")];

    private static async Task<string> TellAsync(ServerProcess server, HttpStatusCode expected, string body)
    {
        using var http = new HttpClient { BaseAddress = server.Http };
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await http.PostAsync(new Uri("/api/v1/events", UriKind.Relative), content);
        Assert.Equal(expected, response.StatusCode);
        return await response.Content.ReadAsStringAsync();
    }

    private static async Task SendAsync(ServerProcess server, string signal, string body)
    {
        using var http = new HttpClient { BaseAddress = server.OtlpHttp };
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await http.PostAsync(new Uri("/v1/" + signal, UriKind.Relative), content);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    private static string Logs(string service, string? version, params string[] records) =>
        "{\"resourceLogs\":[{" + Resource(service, version) + ",\"scopeLogs\":[{\"logRecords\":[" + string.Join(',', records) + "]}]}]}";

    private static string Log(DateTimeOffset time, string name, string body) =>
        $$$"""{"timeUnixNano":"{{{Nanos(time)}}}","eventName":"{{{name}}}","severityNumber":9,"body":{"stringValue":"{{{body}}}"}}""";

    private static string Spans(string service, string deployment, DateTimeOffset time) => "{\"resourceSpans\":[{" + Resource(service, null) + $$$"""
        ,"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"{{{deployment}}}","kind":1,
        "startTimeUnixNano":"{{{Nanos(time)}}}","endTimeUnixNano":"{{{Nanos(time)}}}","attributes":[{"key":"deployment.id","value":{"stringValue":"{{{deployment}}}"} }]}]}]}]}
        """;

    private static string Resource(string service, string? version)
    {
        string attribute = version is null ? "" : $$$""",{"key":"service.version","value":{"stringValue":"{{{version}}}"}}""";
        return "\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"" + service + "\"}}" + attribute + "]}";
    }

    private static long Nanos(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks * 100;
}
