using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using SloEngine.Otlp.Tests.Oracle;
using SloEngine.Otlp.Tests.Oracle.Loki;

namespace SloEngine.Otlp.Tests.Fuzz;

/// <summary>Sound requests to start from: random ones, and payloads of other projects where a copy of them lies beside the repository.</summary>
internal static class Payloads
{
    /// <summary>Larger ones make each mutation slow and find no more.</summary>
    private const int MaxBytes = 6 << 10;

    public static byte[][] Of(string format) => [.. Random(format).Where(payload => payload.Length is > 0 and <= MaxBytes).Take(60), .. Published(format)];

    /// <summary>The JSON that Google.Protobuf writes, with OTLP's difference: ids are hexadecimal (OTLP specification, "JSON Protobuf Encoding").</summary>
    public static byte[] Json(IMessage message)
    {
        JsonNode root = JsonNode.Parse(JsonFormatter.Default.Format(message))!;
        HexIds(root);
        return Encoding.UTF8.GetBytes(root.ToJsonString());
    }

    private static IEnumerable<byte[]> Random(string format)
    {
        for (int seed = 0; seed < 1_000; seed++)
        {
            yield return format switch
            {
                "metrics" => new RandomOtlp(seed).Metrics().ToByteArray(),
                "logs" => new RandomOtlp(seed).Logs().ToByteArray(),
                "traces" => new RandomOtlp(seed).Traces().ToByteArray(),
                "metrics in JSON" => Json(new RandomOtlp(seed).Metrics()),
                "logs in JSON" => Json(new RandomOtlp(seed).Logs()),
                "traces in JSON" => Json(new RandomOtlp(seed).Traces()),
                "remote write 1.0" => new RandomRemoteWrite(seed).Version1().ToByteArray(),
                "remote write 2.0" => new RandomRemoteWrite(seed).Version2().ToByteArray(),
                "Loki" => Loki(seed).ToByteArray(),
                _ => LokiJson(Loki(seed)),
            };
        }
    }

    private static PushRequest Loki(int seed)
    {
        var random = new Random(seed);
        var request = new PushRequest();
        for (int streams = random.Next(1, 4); streams > 0; streams--)
        {
            var stream = new Oracle.Loki.Stream { Labels = $$"""{app="shop \"{{streams}}\"", level="info", service_name="checkout"}""", Hash = 7 };
            for (int entries = random.Next(5); entries > 0; entries--)
            {
                var entry = new Entry { Timestamp = Timestamp.FromDateTimeOffset(DateTimeOffset.UnixEpoch.AddSeconds(random.Next())), Line = "line é " + entries };
                entry.StructuredMetadata.Add(new LabelPair { Name = "trace_id", Value = "0af7651916cd43dd8448eb211c80319c" });
                entry.StructuredMetadata.Add(new LabelPair { Name = "detected_level", Value = "warn" });
                stream.Entries.Add(entry);
            }
            request.Streams.Add(stream);
        }
        return request;
    }

    private static byte[] LokiJson(PushRequest request) => Encoding.UTF8.GetBytes(new JsonObject
    {
        ["streams"] = new JsonArray([.. request.Streams.Select(stream => new JsonObject
        {
            ["stream"] = new JsonObject { ["app"] = stream.Labels, ["level"] = "info" },
            ["values"] = new JsonArray([.. stream.Entries.Select(entry => new JsonArray(
                "1700000000" + (entry.Timestamp.Seconds % 1_000_000_000).ToString("D9", null), entry.Line, new JsonObject { ["span_id"] = "00f067aa0ba902b7" }))]),
        })]),
    }.ToJsonString());

    private static IEnumerable<byte[]> Published(string format)
    {
        string? root = Root();
        (string extension, string field) = format switch
        {
            "metrics" => (".pb", "metrics"),
            "logs" => (".pb", "logs"),
            "metrics in JSON" => (".json", "\"resourceMetrics\""),
            "logs in JSON" => (".json", "\"resourceLogs\""),
            "traces in JSON" => (".json", "\"resourceSpans\""),
            _ => ("", ""),
        };
        if (root is null || extension.Length == 0)
        {
            return [];
        }
        return Directory.EnumerateFiles(root, "*" + extension, SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Where(file => new FileInfo(file).Length <= MaxBytes)
            .Where(file => extension == ".pb" ? Path.GetFileName(file).StartsWith(field, StringComparison.Ordinal) : File.ReadAllText(file).Contains(field, StringComparison.Ordinal))
            .Select(File.ReadAllBytes);
    }

    private static string? Root()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string beside = Path.Combine(folder.FullName, "shared/conformance/otlp");
            if (Directory.Exists(beside))
            {
                return beside;
            }
        }
        return null;
    }

    private static void HexIds(JsonNode? node)
    {
        if (node is JsonArray array)
        {
            foreach (JsonNode? item in array)
            {
                HexIds(item);
            }
        }
        else if (node is JsonObject fields)
        {
            foreach ((string name, JsonNode? value) in fields.ToList())
            {
                if (name is "traceId" or "spanId" or "parentSpanId")
                {
                    fields[name] = Convert.ToHexString(Convert.FromBase64String(value!.GetValue<string>()));
                }
                else
                {
                    HexIds(value);
                }
            }
        }
    }
}
