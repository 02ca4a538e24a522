using System.Globalization;
using System.Text;

namespace SloEngine.EndToEnd;

/// <summary>Metrics of one service as OTLP/JSON, a request at a time.</summary>
public sealed class OtlpMetricsJson(string service)
{
    private readonly Dictionary<string, StringBuilder> _metrics = [];

    /// <summary>A point of a cumulative counter.</summary>
    public void Counter(string name, IEnumerable<KeyValuePair<string, string>> attributes, long timeMs, double value, string unit = "") =>
        Number(name, Unit(unit) + "\"sum\":{\"aggregationTemporality\":2,\"isMonotonic\":true,", attributes, timeMs, value);

    /// <summary>A point of a gauge.</summary>
    public void Gauge(string name, IEnumerable<KeyValuePair<string, string>> attributes, long timeMs, double value, string unit = "") =>
        Number(name, Unit(unit) + "\"gauge\":{", attributes, timeMs, value);

    /// <summary>A point of a cumulative histogram.</summary>
    public void Histogram(string name, IEnumerable<KeyValuePair<string, string>> attributes, long timeMs, double[] bounds, long[] counts, double sum, string unit = "") => Point(
        name, Unit(unit) + "\"histogram\":{\"aggregationTemporality\":2,",
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Common(attributes, timeMs)},\"count\":\"{counts.Sum()}\",\"sum\":{sum:R},\"explicitBounds\":[{Join(bounds)}],\"bucketCounts\":[{Join(counts)}]"));

    /// <summary>A point of a cumulative exponential histogram without negative observations.</summary>
    public void Exponential(string name, IEnumerable<KeyValuePair<string, string>> attributes, long timeMs, int scale, long zeros, int offset, long[] counts, double sum) => Point(
        name, "\"exponentialHistogram\":{\"aggregationTemporality\":2,",
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Common(attributes, timeMs)},\"count\":\"{counts.Sum() + zeros}\",\"sum\":{sum:R},\"scale\":{scale},\"zeroCount\":\"{zeros}\",\"positive\":{{\"offset\":{offset},\"bucketCounts\":[{Join(counts)}]}}"));

    /// <summary>A point that marks the end of a counter or gauge.</summary>
    public void Stale(string name, bool isCounter, IEnumerable<KeyValuePair<string, string>> attributes, long timeMs) => Point(
        name, isCounter ? "\"sum\":{\"aggregationTemporality\":2,\"isMonotonic\":true," : "\"gauge\":{", Common(attributes, timeMs) + ",\"flags\":1");

    /// <summary>A request with all points since the last call.</summary>
    public string Take()
    {
        string metrics = string.Join(",\n", _metrics.Values.Select(metric => metric + "]}}"));
        string body = $$$"""{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"{{{service}}}"}}]},"scopeMetrics":[{"metrics":[{{{metrics}}}]}]}]}""";
        _metrics.Clear();
        return body;
    }

    /// <summary>Sends all points since the last call; returns the request.</summary>
    public async Task<string> SendAsync(Uri otlpHttp, string tenant = "default")
    {
        string body = Take();
        using var http = new HttpClient { BaseAddress = otlpHttp };
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        http.DefaultRequestHeaders.Add("X-Scope-OrgID", tenant);
        using HttpResponseMessage response = await http.PostAsync(new Uri("/v1/metrics", UriKind.Relative), content);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
        return body;
    }

    private static string Unit(string unit) => unit.Length == 0 ? "" : $"\"unit\":\"{unit}\",";

    private void Number(string name, string kind, IEnumerable<KeyValuePair<string, string>> attributes, long timeMs, double value)
    {
        string text = double.IsNaN(value) ? "\"NaN\"" : double.IsPositiveInfinity(value) ? "\"Infinity\"" : double.IsNegativeInfinity(value) ? "\"-Infinity\""
            : value.ToString("R", CultureInfo.InvariantCulture);
        Point(name, kind, $"{Common(attributes, timeMs)},\"asDouble\":{text}");
    }

    private void Point(string name, string kind, string point)
    {
        if (_metrics.TryGetValue(name, out StringBuilder? metric))
        {
            metric.Append(",\n{").Append(point).Append('}');
            return;
        }
        _metrics.Add(name, new StringBuilder($"{{\"name\":\"{name}\",{kind}\"dataPoints\":[{{{point}}}"));
    }

    private static string Common(IEnumerable<KeyValuePair<string, string>> attributes, long timeMs)
    {
        string texts = string.Join(",", attributes.Select(pair => $$$"""{"key":"{{{pair.Key}}}","value":{"stringValue":"{{{pair.Value}}}"}}"""));
        return string.Create(CultureInfo.InvariantCulture, $"\"attributes\":[{texts}],\"timeUnixNano\":\"{timeMs}000000\"");
    }

    private static string Join<T>(T[] values) => string.Join(",", values.Select(value => string.Create(CultureInfo.InvariantCulture, $"{value}")));
}
