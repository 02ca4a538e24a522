using System.Net;
using System.Text;
using System.Text.Json;

namespace SloEngine.EndToEnd;

/// <summary>SLOs and corrections that are saved through the API, against the real server and over kill -9.</summary>
public sealed class SavedSloTests
{
    private const string Author = "author=jane";

    [Fact]
    public async Task SLOs_are_created_replaced_and_removed_with_versions_and_survive_a_kill()
    {
        using var files = new TemporaryDirectory();
        files.Write("slos/file.yaml", Slo("of-a-file", 0.99));
        files.Write("slos/maintenance.yaml", """
            apiVersion: sloengine/v1
            kind: MaintenanceWindow
            metadata: {name: nights}
            spec: {services: [app], exclusions: [{cron: "0 3 * * SUN", timeZone: Europe/Berlin, duration: 1m, reason: nightly}]}
            """);
        string[] arguments = ["--slos", Path.Combine(files.Path, "slos"), "--self-telemetry", "off"];
        string data = Path.Combine(files.Path, "data");
        ServerProcess server = await ServerProcess.StartAsync(data, arguments);
        using var sender = new OtlpJsonSender(server.OtlpHttp, "app");

        // A dry run says what would be, and changes nothing.
        Answer dry = await SendAsync(server, HttpMethod.Post, "/api/v1/slos?dry_run=true", Slo("app", 0.999));
        Assert.Equal((HttpStatusCode.OK, true), (dry.Status, dry.Body.GetProperty("dryRun").GetBoolean()));
        JsonElement would = dry.Body.GetProperty("changes")[0];
        Assert.Equal(("app", "created", 1), (would.GetProperty("id").GetString(), would.GetProperty("action").GetString(), would.GetProperty("version").GetInt32()));
        Assert.Equal("taps", would.GetProperty("explanation")[0].GetProperty("countedBy").GetString());
        Assert.Equal(0, would.GetProperty("past")[0].GetProperty("countedMinutes").GetInt32());
        Assert.InRange(would.GetProperty("past")[0].GetProperty("backfilledFrom").GetDateTimeOffset(), DateTimeOffset.UtcNow.AddDays(-30.1), DateTimeOffset.UtcNow.AddDays(-1));
        Assert.Equal(HttpStatusCode.NotFound, (await SendAsync(server, HttpMethod.Get, "/api/v1/slos/app")).Status);

        // What is wrong is told with its line, and all of it.
        Answer wrong = await SendAsync(server, HttpMethod.Post, "/api/v1/slos", Slo("app", 99));
        Assert.Equal(HttpStatusCode.BadRequest, wrong.Status);
        Assert.Equal("body:7:25: spec.objectives[0].target is 99, expected above 0 and below 1, such as 0.999 or 99.9%", wrong.Detail);
        Assert.Equal(7, wrong.Body.GetProperty("errors")[0].GetProperty("line").GetInt32());
        Assert.StartsWith("SLO 'of-a-file' is defined in the file file.yaml:1", (await SendAsync(server, HttpMethod.Post, "/api/v1/slos", Slo("of-a-file", 0.9))).Detail, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Conflict, (await SendAsync(server, HttpMethod.Delete, "/api/v1/slos/of-a-file", null, "*")).Status);

        Answer created = await SendAsync(server, HttpMethod.Post, "/api/v1/slos?" + Author, Slo("app", 0.999));
        Assert.Equal((HttpStatusCode.Created, "\"1\""), (created.Status, created.Tag));
        Assert.True(await sender.SendAsync(399, 1));
        Assert.True(await sender.SendAsync(399, 1));
        await AssertCountsAsync(server, sender.Good, sender.Bad);
        // What it measures has its past now.
        Answer again = await SendAsync(server, HttpMethod.Put, "/api/v1/slos/app?dry_run=true", Slo("app", 0.99), "\"1\"");
        Assert.Equal(JsonValueKind.Null, again.Body.GetProperty("changes")[0].GetProperty("past")[0].GetProperty("backfilledFrom").ValueKind);
        JsonElement detail = await server.GetAsync("/api/v1/slos/app");
        Assert.Equal((0.999, 1), (detail.GetProperty("objective").GetDouble(), detail.GetProperty("version").GetInt32()));

        // Nobody overwrites what he has not seen.
        Assert.Equal(HttpStatusCode.Conflict, (await SendAsync(server, HttpMethod.Post, "/api/v1/slos", Slo("app", 0.99))).Status);
        Assert.Equal(HttpStatusCode.PreconditionRequired, (await SendAsync(server, HttpMethod.Put, "/api/v1/slos/app", Slo("app", 0.99))).Status);
        Answer stale = await SendAsync(server, HttpMethod.Put, "/api/v1/slos/app", Slo("app", 0.99), "\"7\"");
        Assert.Equal((HttpStatusCode.PreconditionFailed, "SLO 'app' is of version 1, If-Match expects \"7\"; read it again"), (stale.Status, stale.Detail));
        Assert.Equal("the text defines 'other', expected 'app' alone", (await SendAsync(server, HttpMethod.Put, "/api/v1/slos/app", Slo("other", 0.99), "\"1\"")).Detail);
        Answer[] race = await Task.WhenAll(Enumerable.Range(0, 5).Select(index => SendAsync(server, HttpMethod.Put, "/api/v1/slos/app?" + Author, Slo("app", 0.99 + (index / 1000d)), "\"1\"")));
        Assert.Single(race, answer => answer.Status == HttpStatusCode.OK);
        Assert.Equal(4, race.Count(answer => answer.Status == HttpStatusCode.PreconditionFailed));
        Assert.Equal("\"2\"", race.Single(answer => answer.Status == HttpStatusCode.OK).Tag);

        // In JSON, as other formats; what is measured is the same, so its counts go on.
        Answer json = await SendAsync(server, HttpMethod.Put, "/api/v1/slos/app", OpenSloJson("app", 0.9), "\"2\"");
        Assert.Equal((HttpStatusCode.OK, "replaced"), (json.Status, json.Body.GetProperty("changes")[0].GetProperty("action").GetString()));
        Assert.Equal("unchanged", (await SendAsync(server, HttpMethod.Put, "/api/v1/slos/app", OpenSloJson("app", 0.9), "\"3\"")).Body.GetProperty("changes")[0].GetProperty("action").GetString());
        await AssertCountsAsync(server, sender.Good, sender.Bad);
        Assert.True(await sender.SendAsync(10, 10));

        await server.KillAsync();
        await server.DisposeAsync();
        await using ServerProcess restarted = await ServerProcess.StartAsync(data, arguments);
        await AssertCountsAsync(restarted, sender.Good, sender.Bad);
        using OtlpJsonSender going = sender.MoveTo(restarted.OtlpHttp);
        Assert.True(await going.SendAsync(5, 5));
        await AssertCountsAsync(restarted, going.Good, going.Bad);
        JsonElement versions = (await restarted.GetAsync("/api/v1/slos/app/versions")).GetProperty("versions");
        Assert.Equal([3, 2, 1], versions.EnumerateArray().Select(version => version.GetProperty("version").GetInt32()));
        Assert.Equal(["", "jane", "jane"], versions.EnumerateArray().Select(version => version.GetProperty("author").GetString()));
        Assert.Equal(Slo("app", 0.999), (await SendAsync(restarted, HttpMethod.Get, "/api/v1/slos/app/versions/1")).Text);
        Assert.Equal((OpenSloJson("app", 0.9), "\"3\""), await SendAsync(restarted, HttpMethod.Get, "/api/v1/slos/app/definition") is var definition ? (definition.Text, definition.Tag) : default);
        Assert.Contains("\nkind: SLO", (await SendAsync(restarted, HttpMethod.Get, "/api/v1/slos/of-a-file/definition")).Text, StringComparison.Ordinal);
        Assert.Contains(
            (await restarted.GetAsync("/api/v1/slos/app/history?start=" + DateTimeOffset.UtcNow.AddDays(-8).ToUnixTimeSeconds())).GetProperty("changed").EnumerateArray(),
            stretch => stretch.GetProperty("reason").GetString() == "nightly");

        Assert.Equal("removed", (await SendAsync(restarted, HttpMethod.Delete, "/api/v1/slos/app?dry_run=true", null, "\"3\"")).Body.GetProperty("changes")[0].GetProperty("action").GetString());
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(restarted, HttpMethod.Delete, "/api/v1/slos/app", null, "\"3\"")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await SendAsync(restarted, HttpMethod.Get, "/api/v1/slos/app")).Status);
        Assert.Equal("there is no SLO 'app'", (await SendAsync(restarted, HttpMethod.Get, "/api/v1/slos/app/definition")).Detail);
        Assert.Equal(4, (await restarted.GetAsync("/api/v1/slos/app/versions")).GetProperty("versions").GetArrayLength());

        // Who creates it again has its past again; from the command line, too.
        string file = files.Write("app.yaml", Slo("app", 0.95));
        (int exit, string output, string errors) = await Cli.RunAsync("slo", "apply", file, "--dry-run", "--server", restarted.Http.ToString());
        Assert.Equal((0, ""), (exit, errors));
        Assert.StartsWith("app: would be created, version 5\n  app: ", output, StringComparison.Ordinal);
        Assert.Equal("app: created, version 5", (await Cli.RunAsync("slo", "apply", file, "--server", restarted.Http.ToString())).Output.Split('\n')[0]);
        await AssertCountsAsync(restarted, going.Good, going.Bad);
        files.Write("app.yaml", Slo("app", 0.96));
        Assert.Equal("app: replaced, version 6", (await Cli.RunAsync("slo", "apply", file, "--server", restarted.Http.ToString())).Output.Split('\n')[0]);
        files.Write("app.yaml", Slo("app", 96));
        Assert.Equal((1, ""), await Cli.RunAsync("slo", "apply", file, "--server", restarted.Http.ToString()) is var refused ? (refused.Exit, refused.Output) : default);
    }

    [Fact]
    public async Task Of_SLOs_that_are_created_together_each_is_kept_and_replaced_by_itself()
    {
        using var files = new TemporaryDirectory();
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--self-telemetry", "off");
        string file = files.Write("both.yaml", Slo("one", 0.99) + "\n---\n" + Slo("two", 0.9));
        string[] apply = ["slo", "apply", file, "--server", server.Http.ToString()];

        Assert.Equal(["one: created, version 1", "two: created, version 1"], await ActionsAsync());
        Answer two = await SendAsync(server, HttpMethod.Get, "/api/v1/slos/two/definition");
        Assert.DoesNotContain("one", two.Text, StringComparison.Ordinal);
        Assert.Equal("unchanged", (await SendAsync(server, HttpMethod.Put, "/api/v1/slos/two", two.Text, two.Tag)).Body.GetProperty("changes")[0].GetProperty("action").GetString());

        Assert.Equal(["one: unchanged, version 1", "two: unchanged, version 1"], await ActionsAsync());
        files.Write("both.yaml", Slo("one", 0.99) + "\n---\n" + Slo("two", 0.95) + "\n---\n" + Slo("three", 0.9));
        Assert.Equal(["one: unchanged, version 1", "two: replaced, version 2", "three: created, version 1"], await ActionsAsync());

        async Task<string[]> ActionsAsync()
        {
            (int exit, string output, string errors) = await Cli.RunAsync(apply);
            Assert.Equal((0, ""), (exit, errors));
            return [.. output.Split('\n').Where(line => line.Contains(", version", StringComparison.Ordinal))];
        }
    }

    [Fact]
    public async Task A_correction_changes_the_budget_until_it_is_revoked_also_over_a_kill()
    {
        using var files = new TemporaryDirectory();
        files.Write("slos/app.yaml", Slo("app", 0.99));
        string[] arguments = ["--slos", Path.Combine(files.Path, "slos"), "--self-telemetry", "off"];
        string data = Path.Combine(files.Path, "data");
        ServerProcess server = await ServerProcess.StartAsync(data, arguments);
        using var sender = new OtlpJsonSender(server.OtlpHttp, "app");
        Assert.True(await sender.SendAsync(100, 40));
        Assert.True(await sender.SendAsync(100, 60));
        await AssertCountsAsync(server, 200, 100);

        const string Path1 = "/api/v1/slos/app/corrections";
        long minute = DateTimeOffset.UtcNow.ToUnixTimeSeconds() / 60 * 60;
        object stretch = new { from = $"{minute - 600}", to = $"{minute + 600}", exclude = "bad", reason = "load test", author = "jane", reference = "INC-7" };
        foreach ((object body, string message) in ((object, string)[])
            [
                (new { from = $"{minute - 600}", to = $"{minute}", exclude = "bad", author = "jane" }, "reason is missing: a budget is not changed without one"),
                (new { from = $"{minute - 600}", to = $"{minute}", exclude = "bad", reason = "x" }, "author is missing: say who changes the budget"),
                (new { from = $"{minute - 600}", to = $"{minute}", reason = "x", author = "jane" }, "expected either exclude (bad or all), or good and bad with the numbers of events to add"),
                (new { from = $"{minute - 600}", to = $"{minute}", exclude = "some", reason = "x", author = "jane" }, "exclude is 'some', expected bad or all"),
                (new { from = $"{minute - 599}", to = $"{minute}", exclude = "bad", reason = "x", author = "jane" }, $"from is {minute - 599}, expected a whole minute: the ledger keeps minutes"),
                (new { at = "yesterday", bad = -5, reason = "x", author = "jane" }, "at is 'yesterday', expected Unix seconds or a time such as 2026-01-02T15:04:00Z, from 1970 to 2200"),
                (new { at = "2150-01-01T00:00:00Z", exclude = "bad", reason = "x", author = "jane" }, "the stretch ends at 2150-01-01T00:01:00Z, expected at most a year ahead"),
                (new { at = $"{minute + 600}", bad = -5, reason = "x", author = "jane" }, "the stretch ends at"),
                (new { at = "2020-01-01T00:00:00Z", bad = -5, reason = "x", author = "jane" }, "2020-01-01T00:01:00Z lies before the window of 'app', which lasts 30 days: nothing would change"),
                (new { at = $"{minute}", bad = -5, reason = "x", author = "jane", objective = "fast" }, "'app' has no objective 'fast'; it has ''"),
                (new { at = $"{minute}", bad = -5, reason = "x", author = "jane", group = new { tenant = "a" } }, "group has tenant; 'app' is grouped by nothing"),
                (new { at = $"{minute}", bad = -5, reasn = "x" }, "the body is no correction: The JSON property 'reasn' could not be mapped"),
            ])
        {
            Answer refused = await SendAsync(server, HttpMethod.Post, Path1, JsonSerializer.Serialize(body));
            Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
            Assert.StartsWith(message, refused.Detail, StringComparison.Ordinal);
        }
        Assert.Empty((await server.GetAsync(Path1)).GetProperty("corrections").EnumerateArray());

        // What it would come to is known before.
        Answer dry = await SendAsync(server, HttpMethod.Post, Path1 + "?dry_run=true", JsonSerializer.Serialize(stretch));
        Assert.Equal((HttpStatusCode.OK, true, ""), (dry.Status, dry.Body.GetProperty("dryRun").GetBoolean(), dry.Body.GetProperty("correction").GetProperty("id").GetString()));
        Assert.True(dry.Body.GetProperty("budgetRemaining").GetProperty("before").GetDouble() < -30);
        Assert.Equal(1, dry.Body.GetProperty("budgetRemaining").GetProperty("after").GetDouble());
        Assert.Equal(HttpStatusCode.BadRequest, (await SendAsync(server, HttpMethod.Post, Path1 + "?dry_run=true", """{"at":"yesterday","bad":-5,"reason":"x","author":"jane"}""")).Status);
        await AssertCountsAsync(server, 200, 100);
        Assert.Empty((await server.GetAsync(Path1)).GetProperty("corrections").EnumerateArray());

        // A stretch without its bad events, and then events of which telemetry knows nothing.
        Answer made = await SendAsync(server, HttpMethod.Post, Path1, JsonSerializer.Serialize(stretch));
        Assert.Equal(HttpStatusCode.Created, made.Status);
        Assert.True(made.Body.GetProperty("budgetRemaining").GetProperty("before").GetDouble() < -30);
        Assert.Equal(1, made.Body.GetProperty("budgetRemaining").GetProperty("after").GetDouble());
        string id = made.Body.GetProperty("correction").GetProperty("id").GetString()!;
        await AssertCountsAsync(server, 200, 0);
        Assert.True(await sender.SendAsync(50, 7));
        await AssertCountsAsync(server, 250, 0);
        string added = JsonSerializer.Serialize(new { from = $"{minute - 3600}", to = $"{minute - 3000}", good = 20, bad = 5, reason = "the gateway's log", author = "joe" });
        Assert.Equal(HttpStatusCode.Created, (await SendAsync(server, HttpMethod.Post, Path1, added, idempotencyKey: "log")).Status);
        Assert.Equal(HttpStatusCode.Created, (await SendAsync(server, HttpMethod.Post, Path1, added, idempotencyKey: "log")).Status);
        await AssertCountsAsync(server, 270, 5);
        JsonElement history = await server.GetAsync($"/api/v1/slos/app/history?start={minute - 7200}&end={minute + 60}&step=60");
        Assert.Equal(25, history.GetProperty("points").EnumerateArray().Where(point => point.GetProperty("t").GetDateTimeOffset().ToUnixTimeSeconds() < minute - 2900).Sum(point => point.GetProperty("total").GetDouble()));
        // A point is about the time before it.
        long[] told = [.. history.GetProperty("points").EnumerateArray().Where(point => point.GetProperty("total").GetDouble() > 0)
            .Select(point => point.GetProperty("t").GetDateTimeOffset().ToUnixTimeSeconds()).Where(time => time < minute - 2900)];
        Assert.Equal((minute - 3540, minute - 3000), (told[0], told[^1]));
        Assert.Equal(["the gateway's log", "load test"], history.GetProperty("changed").EnumerateArray().Select(stretch => stretch.GetProperty("reason").GetString()));

        await server.KillAsync();
        await server.DisposeAsync();
        await using ServerProcess restarted = await ServerProcess.StartAsync(data, arguments);
        await AssertCountsAsync(restarted, 270, 5);
        using OtlpJsonSender going = sender.MoveTo(restarted.OtlpHttp);
        Assert.True(await going.SendAsync(1, 3));
        await AssertCountsAsync(restarted, 271, 5);

        // Revoked from the command line: all that came meanwhile counts as it came.
        string address = restarted.Http.ToString();
        Assert.Equal((0, "revoked\n", ""), await Cli.RunAsync("slo", "revoke", "app", id, "--reason", "it was no load test", "--author", "joe", "--server", address));
        await AssertCountsAsync(restarted, 271, 115);
        Answer twice = await SendAsync(restarted, HttpMethod.Delete, $"{Path1}/{id}?reason=again&author=jane");
        Assert.Equal(HttpStatusCode.Conflict, twice.Status);
        Assert.StartsWith($"correction '{id}' was revoked by joe", twice.Detail, StringComparison.Ordinal);
        string[] probes = ["slo", "correct", "app", "--at", $"{minute - 60}", "--bad", "-15", "--reason", "probes", "--author", "joe", "--server", address];
        string tried = (await Cli.RunAsync([.. probes, "--dry-run"])).Output;
        Assert.Matches("^budget left -[0-9,.]+ % now, -[0-9,.]+ % with the correction\\n$", tried);
        await AssertCountsAsync(restarted, 271, 115);
        (int exit, string output, string errors) = await Cli.RunAsync(probes);
        Assert.Equal((0, ""), (exit, errors));
        // The same numbers, then in force.
        Assert.Equal(tried.Replace(" now, ", " before, ", StringComparison.Ordinal).Replace(" with the correction", " now", StringComparison.Ordinal), output[(output.IndexOf(": ", StringComparison.Ordinal) + 2)..]);
        await AssertCountsAsync(restarted, 271, 100);
        string list = (await Cli.RunAsync("slo", "corrections", "app", "--server", address)).Output;
        Assert.Contains("without bad events [INC-7]", list, StringComparison.Ordinal);
        Assert.Contains("by jane: load test", list, StringComparison.Ordinal);
        Assert.Contains("by joe: it was no load test", list, StringComparison.Ordinal);
        Assert.Contains("+20 good, +5 bad", list, StringComparison.Ordinal);
        Assert.Contains("0 good, -15 bad", list, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_event_is_lost_or_counted_twice_while_corrections_come_and_go()
    {
        using var files = new TemporaryDirectory();
        files.Write("slos/app.yaml", Slo("app", 0.99));
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--slos", Path.Combine(files.Path, "slos"), "--self-telemetry", "off");
        using var sender = new OtlpJsonSender(server.OtlpHttp, "app");
        long minute = DateTimeOffset.UtcNow.ToUnixTimeSeconds() / 60 * 60;
        string body = JsonSerializer.Serialize(new { from = $"{minute - 600}", to = $"{minute + 600}", exclude = "all", reason = "test", author = "jane" });

        Task correcting = Task.Run(async () =>
        {
            for (int round = 0; round < 8; round++)
            {
                Answer made = await SendAsync(server, HttpMethod.Post, "/api/v1/slos/app/corrections", body);
                string id = made.Body.GetProperty("correction").GetProperty("id").GetString()!;
                Assert.Equal(HttpStatusCode.OK, (await SendAsync(server, HttpMethod.Delete, $"/api/v1/slos/app/corrections/{id}?reason=test&author=jane")).Status);
            }
        });
        int exports = 0;
        for (; !correcting.IsCompleted || exports < 50; exports++)
        {
            Assert.True(await sender.SendAsync(9, 1));
        }
        await correcting;

        Assert.True(exports >= 50);
        await AssertCountsAsync(server, sender.Good, sender.Bad);
        await server.StoredAsync();
        Assert.Equal(sender.Good + sender.Bad, await server.SqlNumberAsync("SELECT sum(total) FROM sli_buckets WHERE NOT startsWith(slo, 'past/')"));
    }

    private static string Slo(string id, double target) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $$"""
        apiVersion: sloengine/v1
        kind: SLO
        metadata: {name: {{id}}}
        spec:
          service: app
          indicator: {good: 'sum(rate(app_requests_total{service_name="app",code!~"5.."}[5m]))', total: 'sum(rate(app_requests_total{service_name="app"}[5m]))'}
          objectives: [{target: {{target}}}]
        """);

    private static string OpenSloJson(string id, double target) => JsonSerializer.Serialize(new
    {
        apiVersion = "openslo/v1",
        kind = "SLO",
        metadata = new { name = id },
        spec = new
        {
            service = "app",
            indicator = new
            {
                metadata = new { name = id },
                spec = new
                {
                    ratioMetric = new
                    {
                        good = new { metricSource = new { spec = new { query = "sum(rate(app_requests_total{service_name=\"app\",code!~\"5..\"}[5m]))" } } },
                        total = new { metricSource = new { spec = new { query = "sum(rate(app_requests_total{service_name=\"app\"}[5m]))" } } },
                    },
                },
            },
            objectives = new[] { new { target } },
        },
    });

    [Fact]
    public async Task A_composite_of_objectives_shows_a_budget_of_its_own_in_front_of_theirs()
    {
        using var files = new TemporaryDirectory();
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--self-telemetry", "off");
        using var sender = new OtlpJsonSender(server.OtlpHttp, "app");
        const string Indicator = """{metadata: {name: app}, spec: {ratioMetric: {bad: {metricSource: {spec: {query: 'app_requests_total{code="500"}'}}}, total: {metricSource: {spec: {query: app_requests_total}}}}}}""";
        Assert.Equal(HttpStatusCode.Created, (await SendAsync(server, HttpMethod.Post, "/api/v1/slos?" + Author, $"""
            apiVersion: openslo/v1
            kind: SLO
            metadata:
              name: app
            spec:
              service: app
              objectives:
              - displayName: strict
                target: 0.9
                indicator: {Indicator}
              - displayName: loose
                target: 0.8
                compositeWeight: 0.5
                indicator: {Indicator}
            """)).Status);
        Assert.True(await sender.SendAsync(95, 5));
        JsonElement slo = await ServerProcess.UntilAsync(
            () => server.GetAsync("/api/v1/slos/app"), found => found.GetProperty("totalEvents").GetDouble() == 200, TimeSpan.FromSeconds(60));

        Assert.Equal(0.625, slo.GetProperty("budget").GetProperty("consumed").GetDouble(), 9);
        Assert.Equal([("app", 0.625), ("app/strict", 0.5), ("app/loose", 0.25)], slo.GetProperty("objectives").EnumerateArray()
            .Select(each => (each.GetProperty("id").GetString()!, Math.Round(each.GetProperty("budget").GetProperty("consumed").GetDouble(), 9))));
        Assert.Equal([("app/strict", 1), ("app/loose", 0.5)], slo.GetProperty("composite").EnumerateArray()
            .Select(member => (member.GetProperty("slo").GetString()!, member.GetProperty("weight").GetDouble())));
    }

    private static async Task AssertCountsAsync(ServerProcess server, double good, double bad)
    {
        // What came before a new SLO counted by itself is read from the store.
        JsonElement slo = await ServerProcess.UntilAsync(
            () => server.GetAsync("/api/v1/slos/app"), found => found.GetProperty("past").ValueKind == JsonValueKind.Null, TimeSpan.FromSeconds(60));
        Assert.Equal((good, good + bad), (slo.GetProperty("goodEvents").GetDouble(), slo.GetProperty("totalEvents").GetDouble()));
    }

    private static async Task<Answer> SendAsync(ServerProcess server, HttpMethod method, string path, string? body = null, string? ifMatch = null, string? idempotencyKey = null)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(method, new Uri(server.Http, path)) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json") };
        if (ifMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        }
        if (idempotencyKey is not null)
        {
            request.Headers.TryAddWithoutValidation("Idempotency-Key", idempotencyKey);
        }
        using HttpResponseMessage response = await http.SendAsync(request);
        return new Answer(response.StatusCode, response.Headers.ETag?.Tag, await response.Content.ReadAsStringAsync());
    }

    private sealed record Answer(HttpStatusCode Status, string? Tag, string Text)
    {
        public JsonElement Body => JsonDocument.Parse(Text).RootElement;

        public string Detail => Body.GetProperty("detail").GetString()!;
    }
}
