using System.Text.Json;

namespace SloEngine.EndToEnd;

/// <summary>Clients that are not our code: the OpenTelemetry JS SDK, and grpc-js as KEDA's operator.</summary>
public sealed class JavaScriptTests
{
    [Fact]
    public async Task The_JS_SDK_is_understood_over_gRPC_protobuf_and_JSON()
    {
        using var files = new TemporaryDirectory();
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--self-telemetry", "off");
        foreach (string protocol in (string[])["grpc", "proto", "http"])
        {
            string service = "js-" + protocol;
            JsonElement sent = await NodeClient.RunAsync("emit.mjs", protocol, (protocol == "grpc" ? server.Grpc : server.OtlpHttp).ToString().TrimEnd('/'), service);

            await server.StoredAsync();
            Assert.Equal(11, await server.PromqlNumberAsync($"js_orders_total{{job=\"{service}\",kind=\"x\"}}"));
            Assert.Equal(1, await server.PromqlNumberAsync($"js_latency_milliseconds_bucket{{job=\"{service}\",le=\"10.0\"}}"));
            Assert.Equal(55, await server.PromqlNumberAsync($"js_latency_milliseconds_sum{{job=\"{service}\"}}"));

            string traceId = sent.GetProperty("traceId").GetString()!;
            JsonElement span = (await server.GetAsync($"/api/traces/{traceId}")).GetProperty("batches")[0].GetProperty("scopeSpans")[0].GetProperty("spans")[0];
            Assert.Equal(sent.GetProperty("spanId").GetString(), span.GetProperty("spanId").GetString());
            Assert.Equal("js broke", span.GetProperty("status").GetProperty("message").GetString());
            string attributes = span.GetProperty("attributes").ToString();
            Assert.Contains("{\"intValue\":\"7\"}", attributes, StringComparison.Ordinal);
            Assert.Contains("{\"doubleValue\":0.5}", attributes, StringComparison.Ordinal);
            Assert.Contains("{\"arrayValue\":{\"values\":[{\"stringValue\":\"a\"},{\"stringValue\":\"b\"}]}}", attributes, StringComparison.Ordinal);

            JsonElement logs = await server.GetAsync("/loki/api/v1/query_range?query=" + Uri.EscapeDataString($"{{service_name=\"{service}\", level=\"warn\"}}"));
            JsonElement stream = logs.GetProperty("data").GetProperty("result")[0];
            Assert.Equal("js says hello", stream.GetProperty("values")[0][1].GetString());
            Assert.Equal(traceId, stream.GetProperty("stream").GetProperty("trace_id").GetString());
        }
    }

    [Fact]
    public async Task A_KEDA_shaped_client_gets_replicas_and_the_health_service_answers()
    {
        using var files = new TemporaryDirectory();
        files.Write("scaling/app.yaml", """
            apiVersion: sloengine/v1
            kind: ScalingPolicy
            metadata: {name: app}
            spec:
              target: {namespace: shop, name: app}
              slo: app-availability
              requestsPerReplica: 2
              window: 1m
              minReplicas: 3
              maxReplicas: 50
            """);
        files.Write("slos/app.yaml", """
            apiVersion: openslo/v1
            kind: SLO
            metadata: {name: app-availability}
            spec:
              service: app
              indicator:
                metadata: {name: app}
                spec:
                  ratioMetric:
                    counter: true
                    bad: {metricSource: {type: Prometheus, spec: {query: 'app_requests_total{code=~"5.."}'}}}
                    total: {metricSource: {type: Prometheus, spec: {query: app_requests_total}}}
              timeWindow: [{duration: 30d, isRolling: true}]
              budgetingMethod: Occurrences
              objectives: [{target: 0.99}]
            """);
        await using ServerProcess server = await ServerProcess.StartAsync(
            Path.Combine(files.Path, "data"), "--self-telemetry", "off", "--slos", Path.Combine(files.Path, "slos"), "--scaling", Path.Combine(files.Path, "scaling"));
        using var sender = new OtlpJsonSender(server.OtlpHttp, "app");
        // Telemetry that reaches back over a window, then 1,200 requests within the minute: 20 a second, so 10 replicas at 2 a second each.
        Assert.True(await sender.SendAsync(10, 0, ago: TimeSpan.FromSeconds(75)));
        Assert.True(await sender.SendAsync(1_200, 0));
        await ServerProcess.UntilAsync(
            async () => (await server.GetAsync("/api/v1/scaling")).GetProperty("policies").EnumerateArray()
                .Select(policy => policy.GetProperty("desiredReplicas") is { ValueKind: JsonValueKind.Number } decided ? decided.GetInt32() : 0).FirstOrDefault(),
            desired => desired == 10,
            TimeSpan.FromSeconds(15));

        JsonElement answers = await NodeClient.RunAsync("keda.mjs", server.Grpc.Authority, "app");

        Assert.True(answers.GetProperty("isActive").GetProperty("result").GetBoolean());
        Assert.True(answers.GetProperty("streamed").GetProperty("result").GetBoolean());
        JsonElement signal = answers.GetProperty("signal");
        Assert.Equal(("app", 10, false), (signal.GetProperty("policy").GetString(), signal.GetProperty("desired_replicas").GetInt32(), signal.GetProperty("frozen").GetBoolean()));
        JsonElement spec = answers.GetProperty("spec").GetProperty("metricSpecs")[0];
        Assert.Equal("sloengine-app", spec.GetProperty("metricName").GetString());
        Assert.Equal(1, spec.GetProperty("targetSizeFloat").GetDouble());
        JsonElement metric = answers.GetProperty("metrics").GetProperty("metricValues")[0];
        Assert.Equal(10, metric.GetProperty("metricValue").GetInt32());
        Assert.Equal(10, metric.GetProperty("metricValueFloat").GetDouble());
        Assert.Equal(5, answers.GetProperty("unknown").GetProperty("code").GetInt32());
        Assert.Contains("known are app", answers.GetProperty("unknown").GetProperty("details").GetString(), StringComparison.Ordinal);
        Assert.Equal(1, answers.GetProperty("health").GetProperty("status").GetInt32());
        Assert.Equal(1, answers.GetProperty("healthOfScaler").GetProperty("status").GetInt32());
    }
}
