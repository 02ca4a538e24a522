using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using IronSnappy;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.EndToEnd;

/// <summary>What Prometheus and Loki's agents push, and what is refused of it.</summary>
public sealed class PushTests
{
    [Fact]
    public async Task Remote_write_and_Loki_pushes_are_found_again_and_bad_ones_refused_with_the_reason()
    {
        using var files = new TemporaryDirectory();
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--self-telemetry", "off");
        using var http = new HttpClient { BaseAddress = server.Http };
        long now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

        using HttpResponseMessage written = await PostAsync(http, "/api/v1/write", Snappy.Encode(WriteRequest(now)), "application/x-protobuf", "snappy");
        using HttpResponseMessage pushed = await PostAsync(http, "/loki/api/v1/push", Encoding.UTF8.GetBytes(
            $$$"""{"streams":[{"stream":{"service_name":"pushed","level":"error"},"values":[["{{{now}}}000000","disk is full"]]}]}"""), "application/json", null);
        await server.StoredAsync();

        Assert.Equal((HttpStatusCode.NoContent, HttpStatusCode.NoContent), (written.StatusCode, pushed.StatusCode));
        Assert.Equal(42, await server.PromqlNumberAsync("sum by (shard) (pushed_total{job=\"batch\"})"));
        Assert.Equal(3, await server.PromqlNumberAsync("pushed_seconds_bucket{le=\"0.5\"}"));
        JsonElement logs = await server.GetAsync("/loki/api/v1/query_range?query=" + Uri.EscapeDataString("{service_name=\"pushed\", level=\"error\"}"));
        Assert.Equal("disk is full", logs.GetProperty("data").GetProperty("result")[0].GetProperty("values")[0][1].GetString());

        // A few bytes that announce a gigabyte; a body that is no Snappy; another content type; a message that breaks off.
        await RefusedAsync(HttpStatusCode.RequestEntityTooLarge, "16777216", [0x80, 0x80, 0x80, 0x80, 0x04, 0], "application/x-protobuf");
        await RefusedAsync(HttpStatusCode.BadRequest, "Snappy", [0x0A, 0xFF, 0xFF, 0xFF, 0xFF], "application/x-protobuf");
        await RefusedAsync(HttpStatusCode.UnsupportedMediaType, "prometheus.WriteRequest", [0], "application/x-protobuf;proto=other");
        await RefusedAsync(HttpStatusCode.BadRequest, "reaches past the end", Snappy.Encode(WriteRequest(now).AsSpan()[..^3]), "application/x-protobuf");

        async Task RefusedAsync(HttpStatusCode status, string reason, byte[] body, string type)
        {
            using HttpResponseMessage refused = await PostAsync(http, "/api/v1/write", body, type, "snappy");
            Assert.Equal(status, refused.StatusCode);
            Assert.Contains(reason, await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Labels_of_a_pushed_stream_find_it_and_come_back_as_they_were_pushed()
    {
        using var files = new TemporaryDirectory();
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--self-telemetry", "off");
        using var http = new HttpClient { BaseAddress = server.Http };
        long now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        using HttpResponseMessage pushed = await PostAsync(http, "/loki/api/v1/push", Encoding.UTF8.GetBytes(
            $$$"""
            {"streams":[
             {"stream":{"service_name":"shop","level":"warning","app.kubernetes":"a"},"values":[["{{{now}}}000000","slow",{"trace_id":"0af7651916cd43dd8448eb211c80319c","user id":"u1"}],["{{{now}}}000001","slower"]]},
             {"stream":{"service_name":"shop","level":"info"},"values":[["{{{now}}}000002","fine"]]}]}
            """), "application/json", null);
        Assert.Equal(HttpStatusCode.NoContent, pushed.StatusCode);
        await server.StoredAsync();

        foreach ((string query, int lines) in ((string, int)[])
            [("{level=\"warning\"}", 2), ("{level=\"warn\"}", 0), ("{service_name=\"shop\", level!=\"warn\"}", 3), ("{service_name=\"shop\", level=\"\"}", 0), ("{service_name=\"shop\", app_kubernetes=\"\"}", 1),
             ("{detected_level=\"warn\"}", 2), ("{level=~\"warning|info\"}", 3), ("{service_name=\"shop\", level!=\"warning\"}", 1), ("{app_kubernetes=\"a\", level!=\"info\"}", 2)])
        {
            Assert.Equal((query, lines), (query, (await StreamsAsync(query)).Sum(stream => stream.GetProperty("values").GetArrayLength())));
        }
        JsonElement[] alone = await StreamsAsync("{level=\"warning\"}");
        Assert.Equal(2, alone.Length);
        Assert.Equal("u1", alone.Single(stream => stream.GetProperty("values")[0][1].GetString() == "slow").GetProperty("stream").GetProperty("user_id").GetString());
        JsonElement together = Assert.Single(await StreamsAsync("{level=\"warning\"}", "categorize-labels"));
        Assert.Equal(
            [("app_kubernetes", "a"), ("detected_level", "warn"), ("level", "warning"), ("service_name", "shop")],
            together.GetProperty("stream").EnumerateObject().Select(label => (label.Name, label.Value.GetString()!)).Order());
        Assert.Equal("""{"structuredMetadata":{"trace_id":"0af7651916cd43dd8448eb211c80319c","user_id":"u1"}}""", together.GetProperty("values")[1][2].GetRawText());
        JsonElement levels = await server.GetAsync("/loki/api/v1/label/level/values");
        Assert.Equal(["info", "warning"], levels.GetProperty("data").EnumerateArray().Select(level => level.GetString()!));

        JsonElement series = await server.GetAsync("/loki/api/v1/series?match[]=" + Uri.EscapeDataString("{app_kubernetes=\"a\"}") + "&match[]=" + Uri.EscapeDataString("{level=\"warning\"}"));
        Assert.Equal(together.GetProperty("stream").GetRawText(), Assert.Single(series.GetProperty("data").EnumerateArray()).GetRawText());
        Assert.Equal(2, (await server.GetAsync("/loki/api/v1/series")).GetProperty("data").GetArrayLength());
        Assert.Equal(0, (await server.GetAsync("/loki/api/v1/series?end=" + (now - 1000) / 1000)).GetProperty("data").GetArrayLength());
        using HttpResponseMessage filtered = await http.GetAsync(new Uri("/loki/api/v1/series?match[]=" + Uri.EscapeDataString("{level=\"info\"} |= \"x\""), UriKind.Relative));
        Assert.Equal((HttpStatusCode.BadRequest, true), (filtered.StatusCode, (await filtered.Content.ReadAsStringAsync()).Contains("without line filters", StringComparison.Ordinal)));

        async Task<JsonElement[]> StreamsAsync(string query, string? flags = null)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri("/loki/api/v1/query_range?query=" + Uri.EscapeDataString(query), UriKind.Relative));
            if (flags is not null)
            {
                request.Headers.Add("X-Loki-Response-Encoding-Flags", flags);
            }
            using HttpResponseMessage response = await http.SendAsync(request);
            return [.. JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("data").GetProperty("result").EnumerateArray()];
        }
    }

    [Fact]
    public async Task Native_histograms_of_fractional_counts_and_gauges_are_read_back_until_they_end_also_after_a_kill()
    {
        using var files = new TemporaryDirectory();
        string data = Path.Combine(files.Path, "data");
        long now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        await using (ServerProcess server = await ServerProcess.StartAsync(data, "--self-telemetry", "off"))
        {
            using var http = new HttpClient { BaseAddress = server.Http };
            using HttpResponseMessage written = await PostAsync(http, "/api/v1/write", Snappy.Encode(Histograms()), "application/x-protobuf", "snappy");
            Assert.Equal(HttpStatusCode.NoContent, written.StatusCode);
            await server.KillAsync();
        }

        await using ServerProcess again = await ServerProcess.StartAsync(data, "--self-telemetry", "off");
        await again.StoredAsync();

        Assert.Equal(8.5, await again.PromqlNumberAsync("histogram_count(fractional)"));
        Assert.Equal(6.5, await again.PromqlNumberAsync("histogram_count(fractional - fractional offset 2m)"));
        Assert.Equal(3, (await again.PromqlNumberAsync("histogram_fraction(-Inf, 2, fractional) * histogram_count(fractional)"))!.Value, 1e-9);
        Assert.Equal(6, await again.PromqlNumberAsync("histogram_count(custom)"));
        Assert.Equal(2, await again.PromqlNumberAsync("custom_bucket{le=\"1.0\"}"));
        // A gauge that fell is no counter that was reset.
        Assert.Equal(-4, await again.PromqlNumberAsync("histogram_count(last_over_time(gauge[1m]) - gauge offset 2m)"));
        JsonElement ended = await again.GetAsync("/api/v1/query?query=ended");
        Assert.Equal(0, ended.GetProperty("data").GetProperty("result").GetArrayLength());
        JsonElement before = await again.GetAsync("/api/v1/query?query=" + Uri.EscapeDataString("ended offset 1m"));
        Assert.Equal("2.5", before.GetProperty("data").GetProperty("result")[0].GetProperty("histogram")[1].GetProperty("count").GetString());

        byte[] Histograms()
        {
            var writer = new ProtobufWriter();
            Series("fractional", (-120_000, 2, 1, 0, false), (-60_000, 5, 2, 0, false), (-1_000, 8.5, 3, 0, false));
            Series("gauge", (-120_000, 6, 5, 3, false), (-1_000, 2, 1, 3, false));
            Series("ended", (-90_000, 2.5, 1, 0, false), (-1_000, 0, 0, 0, true));
            CustomBuckets();
            return writer.Written.ToArray();

            void Series(string name, params (int AgoMs, double Count, double Low, ulong Hint, bool IsStale)[] points)
            {
                int series = writer.Begin(1);
                int label = writer.Begin(1);
                writer.Text(1, "__name__");
                writer.Text(2, name);
                writer.End(label);
                foreach ((int agoMs, double count, double low, ulong hint, bool isStale) in points)
                {
                    int histogram = writer.Begin(4);
                    writer.Double(2, count);
                    writer.Double(3, isStale ? BitConverter.UInt64BitsToDouble(0x7FF0000000000002) : count * 2);
                    if (!isStale)
                    {
                        // Buckets (1, 2] and (4, 8].
                        Span(1);
                        Span(1);
                        int counts = writer.Begin(13);
                        writer.Encoded(BitConverter.GetBytes(low));
                        writer.Encoded(BitConverter.GetBytes(count - low));
                        writer.End(counts);
                    }
                    writer.Varint(14, hint);
                    writer.Varint(15, (ulong)(now + agoMs));
                    writer.End(histogram);
                }
                writer.End(series);
            }

            // Two observations up to 1 and four up to 2.
            void CustomBuckets()
            {
                int series = writer.Begin(1);
                int label = writer.Begin(1);
                writer.Text(1, "__name__");
                writer.Text(2, "custom");
                writer.End(label);
                int histogram = writer.Begin(4);
                writer.Varint(1, 6);
                writer.Double(3, 9);
                writer.Varint(4, 105);
                Span(0);
                Span(0);
                writer.Bytes(12, [4, 4]);
                writer.Bytes(16, [.. BitConverter.GetBytes(1.0), .. BitConverter.GetBytes(2.0)]);
                writer.Varint(15, (ulong)now);
                writer.End(histogram);
                writer.End(series);
            }

            void Span(uint offset)
            {
                int span = writer.Begin(11);
                writer.Varint(1, offset << 1);
                writer.Varint(2, 1);
                writer.End(span);
            }
        }
    }

    internal static async Task<HttpResponseMessage> PostAsync(HttpClient http, string path, byte[] body, string type, string? encoding)
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        if (encoding is not null)
        {
            content.Headers.ContentEncoding.Add(encoding);
        }
        return await http.PostAsync(new Uri(path, UriKind.Relative), content);
    }

    internal static byte[] WriteRequest(long nowMs)
    {
        var writer = new ProtobufWriter();
        Series(42, ("__name__", "pushed_total"), ("job", "batch"), ("shard", "1"));
        Series(3, ("__name__", "pushed_seconds_bucket"), ("job", "batch"), ("le", "0.5"));
        return writer.Written.ToArray();

        void Series(double value, params (string Name, string Value)[] labels)
        {
            int series = writer.Begin(1);
            foreach ((string name, string text) in labels)
            {
                int label = writer.Begin(1);
                writer.Text(1, name);
                writer.Text(2, text);
                writer.End(label);
            }
            int sample = writer.Begin(2);
            writer.Double(1, value);
            writer.Varint(2, (ulong)nowMs);
            writer.End(sample);
            writer.End(series);
        }
    }
}
