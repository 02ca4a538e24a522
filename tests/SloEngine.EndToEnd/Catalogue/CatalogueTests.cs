using System.Globalization;
using System.Text;
using System.Text.Json;
using SloEngine.Server.Catalogue;

namespace SloEngine.EndToEnd.Catalogue;

/// <summary>The templates that come with the program: each is accepted, silent while all is well, and fires when what it is for goes wrong.</summary>
public sealed class CatalogueTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void There_is_one_for_each_indicator_and_failure_mode_with_a_runbook()
    {
        string[] expected = [.. Enumerable.Range(1, 12).Select(number => $"M{number}"), .. Enumerable.Range(1, 6).Select(number => $"F{number}")];

        Assert.Equal(expected, TemplateCatalogue.All.Select(template => template.Id));
        Assert.All(TemplateCatalogue.All, template =>
        {
            string runbook = template.Runbook(new Dictionary<string, string>());
            Assert.Contains("## Look", runbook, StringComparison.Ordinal);
            Assert.Contains("## Act", runbook, StringComparison.Ordinal);
            Assert.DoesNotContain("${", runbook + template.File(new Dictionary<string, string>()), StringComparison.Ordinal);
            Assert.All(template.Parameters, parameter => Assert.Contains($"${{{parameter.Name}}}", template.Text + template.RunbookText, StringComparison.Ordinal));
        });
    }

    [Fact]
    public async Task SLOs_are_valid_silent_while_all_is_well_and_page_when_it_is_not()
    {
        using var files = new TemporaryDirectory();
        await WriteAsync(files);
        string[] slos = Directory.GetFiles(Path.Combine(files.Path, "slos"));
        (int exit, string output, string errors) = await Cli.RunAsync(["slo", "validate", .. slos]);
        Assert.Equal((0, $"{slos.Length} valid, 0 invalid\n", ""), (exit, output, errors));

        Assert.Empty(await AlertsAsync(files, slos, outage: false));
        HashSet<string> paged = await AlertsAsync(files, slos, outage: true);
        Assert.Equal(slos.Select(file => Path.GetFileNameWithoutExtension(file)!).Order(), paged.Order());
    }

    [Fact]
    public async Task Detectors_are_valid_silent_while_all_is_well_and_fire_when_it_is_not()
    {
        using var files = new TemporaryDirectory();
        await WriteAsync(files);
        string[] rules = Directory.GetFiles(Path.Combine(files.Path, "rules"));
        (int exit, string output, string errors) = await Cli.RunAsync(["rules", "check", .. rules]);
        Assert.True(exit == 0 && errors.Length == 0 && output.StartsWith($"{rules.Length} valid, 0 invalid", StringComparison.Ordinal), output + errors);

        string tests = files.Write("rules/tests/detectors.yaml", DetectorCases.Tests());
        (exit, output, errors) = await Cli.RunAsync("rules", "test", tests);
        Assert.True(exit == 0, output + errors);
        Assert.Contains($"{DetectorCases.Count} passed, 0 failed", output, StringComparison.Ordinal);
        Assert.Equal(rules.Select(file => Path.GetFileNameWithoutExtension(file)!).Order(), DetectorCases.Templates.Order());
    }

    [Fact]
    public async Task Parameters_are_filled_in_and_what_does_not_fit_is_told()
    {
        (int exit, string output, string errors) = await Cli.RunAsync("slo", "catalogue", "show", "m1", "--set", "service=api", "--set", "tenant=acme", "--set", "target=0.99");
        Assert.Equal((0, ""), (exit, errors));
        Assert.Contains("""service_name="api",tenant_id=~"acme",http_response_status_code!~"5.."}""", output, StringComparison.Ordinal);
        Assert.Contains("target: 0.99\n", output, StringComparison.Ordinal);

        Assert.Equal("sloengine: there is no 'M99' in the catalogue; `sloengine slo catalogue list` says what there is\n", await RefusedAsync("show", "M99"));
        Assert.Equal("sloengine: --set servise=api: there is no parameter 'servise', expected one of service, target, tenant, runbooks\n", await RefusedAsync("show", "M1", "--set", "servise=api"));
        Assert.StartsWith("sloengine: --set service=a\n: expected 1 to 200 letters", await RefusedAsync("show", "M1", "--set", "service=a\n"), StringComparison.Ordinal);
        Assert.StartsWith("sloengine: --set service=a\"b: expected 1 to 200 letters", await RefusedAsync("show", "M1", "--set", "service=a\"b"), StringComparison.Ordinal);
        using var files = new TemporaryDirectory();
        await WriteAsync(files, "M1");
        Assert.Contains("is there already", await RefusedAsync("write", files.Path, "M1"), StringComparison.Ordinal);

        static async Task<string> RefusedAsync(params string[] arguments)
        {
            (int exit, string output, string errors) = await Cli.RunAsync(["slo", "catalogue", .. arguments]);
            Assert.Equal((2, ""), (exit, output));
            return errors;
        }
    }

    private static async Task WriteAsync(TemporaryDirectory files, params string[] ids)
    {
        (int exit, _, string errors) = await Cli.RunAsync(["slo", "catalogue", "write", files.Path, .. ids]);
        Assert.Equal((0, ""), (exit, errors));
    }

    /// <summary>Names of the SLOs that page over six hours, of which the last three are an outage or not.</summary>
    private static async Task<HashSet<string>> AlertsAsync(TemporaryDirectory files, string[] slos, bool outage)
    {
        string telemetry = files.Write($"telemetry-{outage}/all.jsonl", string.Join('\n', PlatformTelemetry.Lines(Start, Start.AddHours(outage ? 3 : 6), Start.AddHours(6))));
        (int exit, string output, string errors) = await Cli.RunAsync(
            ["slo", "backtest", .. slos, "--telemetry", telemetry, "--from", Text(Start.AddHours(1)), "--to", Text(Start.AddHours(6)), "--output", "json"]);
        Assert.True(exit == 0, errors);
        using JsonDocument report = JsonDocument.Parse(output);
        JsonElement policy = report.RootElement.GetProperty("policies")[0];
        Assert.All(policy.GetProperty("slos").EnumerateArray(), slo => Assert.True(slo.GetProperty("total").GetDouble() > 0, $"{slo.GetProperty("slo")} has no events"));
        return [.. policy.GetProperty("alerts").EnumerateArray().Where(alert => !outage || alert.GetProperty("severity").GetString() == "page")
            .Select(alert => alert.GetProperty("slo").GetString()!.Split('{')[0])];
    }

    private static string Text(DateTimeOffset time) => time.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}

/// <summary>What a platform exports each minute: well at first, then out of order in all that the catalogue's SLOs look at.</summary>
internal static class PlatformTelemetry
{
    private static readonly double[] Bounds = [0.1, 0.5, 1];

    /// <summary>Requests of OTLP in JSON.</summary>
    public static IEnumerable<string> Lines(DateTimeOffset start, DateTimeOffset outage, DateTimeOffset end)
    {
        OtlpMetricsJson[] services = [.. ((string[])["platform-api", "ingress", "ci", "functions"]).Select(name => new OtlpMetricsJson(name))];
        var spans = new List<string>();
        (long well, long ill) = (0, 0);
        for (DateTimeOffset now = start; now < end; now += TimeSpan.FromMinutes(1))
        {
            bool isIll = now >= outage;
            (well, ill) = isIll ? (well, ill + 100) : (well + 100, ill);
            long time = now.ToUnixTimeMilliseconds();
            foreach (OtlpMetricsJson service in services[..2])
            {
                service.Histogram("http.server.request.duration", [new("tenant.id", "acme"), new("http.response.status_code", "200")], time, Bounds, [well, 0, 0, 0], well, "s");
                service.Histogram("http.server.request.duration", [new("tenant.id", "acme"), new("http.response.status_code", "500")], time, Bounds, [ill, 0, 0, 0], ill, "s");
            }
            services[2].Histogram("cicd.pipeline.run.duration", [new("cicd.pipeline.name", "deploy"), new("cicd.pipeline.result", "success")], time, Bounds, [well, 0, 0, 0], well, "s");
            services[2].Histogram("cicd.pipeline.run.duration", [new("cicd.pipeline.name", "deploy"), new("cicd.pipeline.result", "failure")], time, Bounds, [ill, 0, 0, 0], ill, "s");
            services[3].Histogram("faas.init_duration", [new("faas.trigger", "http")], time, Bounds, [well, 0, ill, 0], well, "s");
            foreach (OtlpMetricsJson service in services[..2])
            {
                service.Counter("traces.span.metrics.calls", [new("span.kind", "server")], time, well + ill);
                // Logs stay away in the outage.
                service.Counter("log.record.count", [], time, well);
            }
            spans.Add(Span("autoscaler", "scale.up", now, TimeSpan.FromSeconds(isIll ? 50 : 10), isError: false));
            spans.Add(Span("secrets", "secret.rotate", now, TimeSpan.FromSeconds(1), isIll));
        }
        foreach (OtlpMetricsJson service in services)
        {
            yield return service.Take().ReplaceLineEndings("");
        }
        yield return $$"""{"resourceSpans":[{{string.Join(',', spans)}}]}""";
    }

    private static string Span(string service, string name, DateTimeOffset end, TimeSpan duration, bool isError)
    {
        string ids = Convert.ToHexStringLower(Encoding.UTF8.GetBytes($"{name,16}"))[..16] + $"{end.ToUnixTimeSeconds():x16}";
        return string.Create(
            CultureInfo.InvariantCulture,
            $$$"""{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"{{{service}}}"}}]},"scopeSpans":[{"spans":[{"traceId":"{{{ids}}}","spanId":"{{{ids[16..]}}}","name":"{{{name}}}","kind":1,"startTimeUnixNano":"{{{(end - duration).ToUnixTimeMilliseconds()}}}000000","endTimeUnixNano":"{{{end.ToUnixTimeMilliseconds()}}}000000","status":{"code":{{{(isError ? 2 : 0)}}}}}]}]}""");
    }
}
