using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using IronSnappy;
using SloEngine.Otlp.Protobuf;
using SloEngine.Server.Configuration;

namespace SloEngine.EndToEnd;

/// <summary>Pipelines of the configuration file, with the real server.</summary>
public sealed class PipelineTests
{
    private const string Slo = """
        apiVersion: openslo/v1
        kind: SLO
        metadata: {name: app-spans}
        spec:
          service: app
          indicator:
            metadata: {name: app-spans}
            spec:
              ratioMetric:
                counter: true
                good: {metricSource: {type: sloengine, spec: {signal: spans, service: app, status: "!error"}}}
                total: {metricSource: {type: sloengine, spec: {signal: spans, service: app}}}
          timeWindow: [{duration: 30d, isRolling: true}]
          budgetingMethod: Occurrences
          objectives: [{target: 0.999}]
        """;

    private const int Traces = 1000;

    [Fact]
    public async Task SLOs_count_what_was_while_the_store_holds_the_sample_and_no_disk_holds_what_was_redacted()
    {
        using var files = new TemporaryDirectory();
        files.Write("slos/app.yaml", Slo);
        string configuration = files.Write("sloengine.yaml", """
            pipelines:
              logs:
              - redact: {}
              - drop: [debug.*]
              traces:
              - filter: {name: GET /healthz}
              - sample: {percentage: 25}
              metrics:
              - redact: {patterns: [email]}
              - filter: {name: go_*}
            """);
        string data = Path.Combine(files.Path, "data");
        await using ServerProcess server = await ServerProcess.StartAsync(
            data, "--config", configuration, "--slos", Path.Combine(files.Path, "slos"), "--self-telemetry", "off");
        using var http = new HttpClient { BaseAddress = server.OtlpHttp };
        await PostAsync(http, "/v1/traces", Spans(Enumerable.Range(0, Traces).Select(number => (number, "GET /orders", false)).Append((5000, "GET /healthz", false))));
        await PostAsync(http, "/v1/logs", """
            {"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"NOW","body":{"stringValue":"login of jane@example.com with password=hunter2secret"},
            "attributes":[{"key":"debug.dump","value":{"stringValue":"leftout"}},{"key":"api_key","value":{"stringValue":"verysecretkey"}}]}]}]}]}
            """.Replace("NOW", Now().ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal));
        foreach (string metric in (string[])["orders_total", "go_threads"])
        {
            using var written = new ByteArrayContent(Snappy.Encode(RemoteWrite(metric, "jane@example.com")));
            written.Headers.TryAddWithoutValidation("Content-Type", "application/x-protobuf");
            written.Headers.TryAddWithoutValidation("Content-Encoding", "snappy");
            Assert.Equal(HttpStatusCode.NoContent, (await http.PostAsync(new Uri(server.Http, "/api/v1/write"), written)).StatusCode);
        }
        await server.StoredAsync();

        Assert.Equal(1, await server.SqlNumberAsync("SELECT count() FROM series WHERE labels['customer'] = '[redacted:email]'"));
        Assert.Equal(0, await server.SqlNumberAsync("SELECT count() FROM series WHERE metric = 'go_threads'"));
        double kept = await server.SqlNumberAsync("SELECT count() FROM spans");
        Assert.InRange(kept, Traces * 0.15, Traces * 0.35);
        Assert.Equal(kept, await server.SqlNumberAsync("SELECT count() FROM spans WHERE trace_state = 'ot=th:c'"));
        Assert.Equal(Traces, (await server.GetAsync("/api/v1/slos/app-spans")).GetProperty("totalEvents").GetDouble());
        JsonElement log = (await server.GetAsync("/api/v1/sql?query=SELECT%20body,%20attributes%20FROM%20logs")).GetProperty("data")[0];
        Assert.Equal("login of [redacted:email] with password=[redacted:secret]", log.GetProperty("body").GetString());
        Assert.Equal("[redacted:secret]", log.GetProperty("attributes").GetProperty("api_key").GetString());
        Assert.False(log.GetProperty("attributes").TryGetProperty("debug.dump", out _));
        string logFiles = string.Concat(Directory.GetFiles(Path.Combine(data, "wal"), "*.wal").Select(ReadShared));
        Assert.Contains("[redacted:email]", logFiles, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2secret", logFiles, StringComparison.Ordinal);
        Assert.DoesNotContain("jane@example.com", logFiles, StringComparison.Ordinal);
        Assert.DoesNotContain("verysecretkey", logFiles, StringComparison.Ordinal);
        string metrics = await http.GetStringAsync(new Uri(server.Http, "/metrics"));
        Assert.Contains("step=\"traces[0].filter\"", metrics, StringComparison.Ordinal);
        Assert.Contains("step=\"metrics[1].filter\"", metrics, StringComparison.Ordinal);
        Assert.Contains("step=\"logs[0].redact\"", metrics, StringComparison.Ordinal);
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"step=\"traces[1].sample\"}} {Traces - kept}"), metrics, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sample: {percentage: 50}")]
    [InlineData("tail_sample: {decision_wait: 1s, percentage: 50}")]
    public async Task Sampled_spans_of_several_services_are_stored_with_their_events_and_what_was_dropped_of_them(string step)
    {
        using var files = new TemporaryDirectory();
        string configuration = files.Write("sloengine.yaml", $"pipelines: {{traces: [{step}]}}");
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--config", configuration, "--self-telemetry", "off");
        using var http = new HttpClient { BaseAddress = server.OtlpHttp };
        const string Details = "\"droppedAttributesCount\":3,\"droppedEventsCount\":4,\"droppedLinksCount\":5,\"events\":[{\"timeUnixNano\":\"1\",\"name\":\"retried\",\"droppedAttributesCount\":6}],\"name\"";
        for (int request = 0; request < 10; request++)
        {
            string spans = Spans(Enumerable.Range(request * 20, 20).Select(static number => (number, "GET /orders", false)));
            await PostAsync(http, "/v1/traces", spans.Replace("\"name\"", Details, StringComparison.Ordinal).Replace("\"app\"", request % 2 == 0 ? "\"web\"" : "\"app\"", StringComparison.Ordinal));
        }

        await ServerProcess.UntilAsync(() => server.SqlNumberAsync("SELECT uniqExact(service) FROM spans"), static services => services == 2, TimeSpan.FromSeconds(20));
        await server.StoredAsync();
        double kept = await server.SqlNumberAsync("SELECT count() FROM spans");
        Assert.InRange(kept, 60, 140);
        Assert.Equal(kept, await server.SqlNumberAsync(
            "SELECT count() FROM spans WHERE (dropped_attributes_count, dropped_events_count, dropped_links_count, events.name, events.dropped_attributes_count) = (3, 4, 5, ['retried'], [6])"));
    }

    [Fact]
    public async Task Tail_sampling_keeps_every_trace_with_an_error_and_kill_9_while_they_wait_loses_and_doubles_none()
    {
        using var files = new TemporaryDirectory();
        files.Write("slos/app.yaml", Slo);
        string configuration = files.Write("sloengine.yaml", "pipelines: {traces: [tail_sample: {decision_wait: 3s, percentage: 10}]}");
        string data = Path.Combine(files.Path, "data");
        string[] arguments = ["--config", configuration, "--slos", Path.Combine(files.Path, "slos"), "--self-telemetry", "off"];
        int sent = 0;
        for (int kill = 0; kill < 4; kill++)
        {
            await using ServerProcess server = await ServerProcess.StartAsync(data, arguments);
            using var http = new HttpClient { BaseAddress = server.OtlpHttp };
            // The roots of a hundred traces; every fifth has its error in a child, which comes in another request.
            for (int request = 0; request < 5; request++)
            {
                int first = sent;
                await PostAsync(http, "/v1/traces", Spans(Enumerable.Range(first, 100).Select(number => (number, "root", false))));
                await PostAsync(http, "/v1/traces", Spans(Enumerable.Range(first, 100).Where(number => number % 5 == 0).Select(number => (number, "child", true))));
                sent += 100;
            }
            await Task.Delay(kill * 1100);
            await server.KillAsync();
        }

        await using ServerProcess last = await ServerProcess.StartAsync(data, arguments);
        await ServerProcess.UntilAsync(
            () => last.SqlNumberAsync("SELECT uniqExactIf(trace_id, name = 'child') FROM spans"), count => count >= sent / 5, TimeSpan.FromSeconds(30));
        using var scrape = new HttpClient();
        await ServerProcess.UntilAsync(
            () => scrape.GetStringAsync(new Uri(last.Http, "/metrics")),
            text => text.Contains("sloengine_pipeline_waiting_traces", StringComparison.Ordinal)
                && text.Split('\n').First(line => line.StartsWith("sloengine_pipeline_waiting_traces", StringComparison.Ordinal)).EndsWith(" 0", StringComparison.Ordinal),
            TimeSpan.FromSeconds(30));
        Assert.Equal(sent / 5, await last.SqlNumberAsync("SELECT count() FROM spans WHERE name = 'child'"));
        Assert.Equal(sent / 5, await last.SqlNumberAsync("SELECT count() FROM spans WHERE name = 'root' AND trace_id IN (SELECT trace_id FROM spans WHERE name = 'child')"));
        double rest = await last.SqlNumberAsync("SELECT count() FROM spans WHERE trace_state = 'ot=th:e6666666666666'");
        Assert.InRange(rest, sent * 0.8 * 0.04, sent * 0.8 * 0.17);
        Assert.Equal(rest + (sent / 5 * 2), await last.SqlNumberAsync("SELECT count() FROM spans"));
        Assert.Equal(sent * 1.2, (await last.GetAsync("/api/v1/slos/app-spans")).GetProperty("totalEvents").GetDouble());
    }

    [Theory]
    [InlineData("pipelines: {logs: [dropp: [a]]}", ":1:27: unknown key dropp in pipelines.logs[0]; did you mean drop?")]
    [InlineData("pipelines: {logs: [hash: {attributes: [a], salt: clear}]}", "pipelines.logs[0].hash.salt holds a salt in clear; expected ${VARIABLE}")]
    [InlineData("pipelines:\n  traces:\n  - sample: {percentage: 101}", ":3:26: pipelines.traces[0].sample.percentage is '101', expected a percentage from 0 to 100")]
    [InlineData("pipelines:\n  traces:\n  - sample: {percentage: 10}\n  - drop: [a]", "stands behind a sample")]
    [InlineData("pipelines: {metrics: [sample: {percentage: 10}]}", "is not possible here")]
    [InlineData("pipelines: {logs: [tail_sample: {percentage: 10}]}", "expected one in traces, as the last step")]
    [InlineData("pipelines: {traces: [tail_sample: {percentage: 10, decision_wait: 1h}]}", "expected 1s to 10m")]
    [InlineData("pipelines: {logs: [redact: {patterns: [iban]}]}", "is 'iban', expected bearer, api_key, card or email")]
    [InlineData("pipelines: {logs: [redact: {custom: {x: '(a)\\1'}}]}", "is no expression that takes linear time")]
    [InlineData("pipelines: {logs: [filter: {}]}", "is empty and would drop everything")]
    [InlineData("pipelines: {traces: [filter: {severity_below: warn}]}", "unknown key severity_below in pipelines.traces[0].filter")]
    [InlineData("pipeline: {}", "did you mean pipelines?")]
    public void What_does_not_fit_is_named_with_its_place(string yaml, string message)
    {
        using var files = new TemporaryDirectory();
        string path = files.Write("sloengine.yaml", yaml);

        ConfigurationException wrong = Assert.Throws<ConfigurationException>(() => ServerOptions.Resolve(new Dictionary<Setting, string>(), path, _ => null));

        Assert.Contains(message, wrong.Message, StringComparison.Ordinal);
    }

    /// <summary>A request of remote write 1.0 with one sample of one series.</summary>
    private static byte[] RemoteWrite(string metric, string customer)
    {
        var request = new ProtobufWriter();
        int series = request.Begin(1);
        foreach ((string name, string value) in ((string, string)[])[("__name__", metric), ("customer", customer)])
        {
            int label = request.Begin(1);
            request.Text(1, name);
            request.Text(2, value);
            request.End(label);
        }
        int sample = request.Begin(2);
        request.Double(1, 1);
        request.Varint(2, (ulong)DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        request.End(sample);
        request.End(series);
        return request.Written.ToArray();
    }

    private static string Spans(IEnumerable<(int Number, string Name, bool Error)> spans)
    {
        long now = Now();
        string items = string.Join(',', spans.Select(span => string.Create(
            CultureInfo.InvariantCulture,
            $$$"""{"traceId":"{{{span.Number + 1:x16}}}{{{(ulong)(span.Number + 1) * 0x9E3779B97F4A7C15UL:x16}}}","spanId":"{{{(span.Number * 2) + (span.Error ? 2 : 1):x16}}}","name":"{{{span.Name}}}","startTimeUnixNano":"{{{now}}}","endTimeUnixNano":"{{{now + 1000}}}","status":{"code":{{{(span.Error ? 2 : 0)}}}}}""")));
        return $$$"""{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"app"}}]},"scopeSpans":[{"spans":[{{{items}}}]}]}]}""";
    }

    private static async Task PostAsync(HttpClient http, string path, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await http.PostAsync(new Uri(path, UriKind.Relative), content);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    private static string ReadShared(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file, Encoding.Latin1);
        return reader.ReadToEnd();
    }

    private static long Now() => (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;
}
