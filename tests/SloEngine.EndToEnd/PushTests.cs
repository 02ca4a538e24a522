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
