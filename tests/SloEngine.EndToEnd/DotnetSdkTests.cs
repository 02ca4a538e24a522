using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace SloEngine.EndToEnd;

/// <summary>The OpenTelemetry .NET SDK and its exporter against the real process.</summary>
public sealed class DotnetSdkTests
{
    [Theory]
    [InlineData(OtlpExportProtocol.Grpc)]
    [InlineData(OtlpExportProtocol.HttpProtobuf)]
    public async Task All_three_signals_are_found_again_with_equal_values(OtlpExportProtocol protocol)
    {
        using var files = new TemporaryDirectory();
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--self-telemetry", "off");
        string service = "dotnet-" + protocol.ToString().ToLowerInvariant();
        ResourceBuilder resource = ResourceBuilder.CreateEmpty().AddService(service, serviceNamespace: "e2e", serviceInstanceId: "i-1");
        void Export(OtlpExporterOptions options, string path)
        {
            options.Protocol = protocol;
            options.Endpoint = protocol == OtlpExportProtocol.Grpc ? server.Grpc : new Uri(server.OtlpHttp, path);
        }

        using var meter = new Meter(service);
        using var source = new ActivitySource(service);
        using (MeterProvider metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter(service)
            .AddView("exponential", new Base2ExponentialBucketHistogramConfiguration())
            .AddOtlpExporter((options, _) => Export(options, "/v1/metrics")).Build())
        {
            Counter<long> counter = meter.CreateCounter<long>("orders", "{order}");
            counter.Add(40, new KeyValuePair<string, object?>("kind", "a"));
            counter.Add(2, new KeyValuePair<string, object?>("kind", "b"));
            meter.CreateUpDownCounter<int>("queue.size").Add(-3);
            meter.CreateObservableGauge("temperature", () => 21.5, "Cel");
            Histogram<double> latency = meter.CreateHistogram("latency", "s", "", null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.1, 1] });
            latency.Record(0.05);
            latency.Record(0.5);
            latency.Record(5);
            Histogram<double> exponential = meter.CreateHistogram<double>("exponential", "s");
            exponential.Record(1);
            exponential.Record(2);
            Assert.True(metrics.ForceFlush(10_000));
        }
        string traceId;
        using (TracerProvider traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource(service)
            .AddOtlpExporter(options => Export(options, "/v1/traces")).Build())
        {
            using (Activity parent = source.StartActivity("parent", ActivityKind.Server)!)
            {
                traceId = parent.TraceId.ToHexString();
                parent.SetTag("text", "t");
                parent.SetTag("whole", 42);
                parent.SetTag("yes", true);
                using Activity child = source.StartActivity("child", ActivityKind.Client)!;
                child.SetStatus(ActivityStatusCode.Error, "broken");
                child.AddEvent(new ActivityEvent("thrown", tags: new ActivityTagsCollection { ["why"] = "because" }));
            }
            Assert.True(traces.ForceFlush(10_000));
        }
        using (ILoggerFactory logs = LoggerFactory.Create(logging => logging.AddOpenTelemetry(options =>
        {
            options.SetResourceBuilder(resource);
            options.IncludeFormattedMessage = true;
            options.AddOtlpExporter(exporter => Export(exporter, "/v1/logs"));
        })))
        {
#pragma warning disable CA1848, CA2254 // One line for a test needs no generated logger.
            logs.CreateLogger("e2e").LogError("order {Order} failed", 7);
#pragma warning restore CA1848, CA2254
        }

        string job = $"job=\"e2e/{service}\"";
        await server.StoredAsync();
        Assert.Equal(40, await server.PromqlNumberAsync($"orders_total{{{job},kind=\"a\"}}"));
        Assert.Equal(42, await server.PromqlNumberAsync($"sum(orders_total{{{job}}})"));
        Assert.Equal(-3, await server.PromqlNumberAsync($"queue_size{{{job}}}"));
        Assert.Equal(21.5, await server.PromqlNumberAsync($"temperature_celsius{{{job}}}"));
        Assert.Equal(2, await server.PromqlNumberAsync($"latency_seconds_bucket{{{job},le=\"1.0\"}}"));
        Assert.Equal(3, await server.PromqlNumberAsync($"latency_seconds_count{{{job}}}"));
        Assert.Equal(5.55, (await server.PromqlNumberAsync($"latency_seconds_sum{{{job}}}"))!.Value, 9);
        Assert.Equal(2, await server.PromqlNumberAsync($"histogram_count(exponential_seconds{{{job}}})"));
        Assert.Equal(3, await server.PromqlNumberAsync($"histogram_sum(exponential_seconds{{{job}}})"));
        Assert.Equal(1, await server.PromqlNumberAsync($"count(target_info{{{job}}}) or vector(1)"));

        JsonElement trace = await server.GetAsync($"/api/v2/traces/{traceId}");
        Dictionary<string, JsonElement> spans = trace.GetProperty("trace").GetProperty("resourceSpans")[0].GetProperty("scopeSpans")[0].GetProperty("spans")
            .EnumerateArray().ToDictionary(span => span.GetProperty("name").GetString()!);
        Assert.Equal(["child", "parent"], spans.Keys.Order());
        Assert.Equal(spans["parent"].GetProperty("spanId").GetString(), spans["child"].GetProperty("parentSpanId").GetString());
        Assert.Equal("STATUS_CODE_ERROR", spans["child"].GetProperty("status").GetProperty("code").GetString());
        Assert.Equal("thrown", spans["child"].GetProperty("events")[0].GetProperty("name").GetString());
        string attributes = spans["parent"].GetProperty("attributes").ToString();
        Assert.Contains("\"key\":\"whole\",\"value\":{\"intValue\":\"42\"}", attributes, StringComparison.Ordinal);
        Assert.Contains("\"key\":\"yes\",\"value\":{\"boolValue\":true}", attributes, StringComparison.Ordinal);
        JsonElement search = await server.GetAsync("/api/search?q=" + Uri.EscapeDataString($"{{ resource.service.name = \"e2e/{service}\" && status = error }}"));
        Assert.Equal(traceId, search.GetProperty("traces")[0].GetProperty("traceID").GetString());

        JsonElement found = await server.GetAsync("/loki/api/v1/query_range?query=" + Uri.EscapeDataString($"{{service_name=\"e2e/{service}\"}} |= \"order 7\""));
        JsonElement stream = found.GetProperty("data").GetProperty("result")[0];
        Assert.Equal("error", stream.GetProperty("stream").GetProperty("level").GetString());
        Assert.Equal("order 7 failed", stream.GetProperty("values")[0][1].GetString());
        Assert.Equal(1, await server.SqlNumberAsync("SELECT count() FROM logs WHERE attributes['Order'] = '7'"));
    }
}
