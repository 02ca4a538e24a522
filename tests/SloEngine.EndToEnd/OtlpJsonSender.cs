using System.Globalization;
using System.Net;
using System.Text;

namespace SloEngine.EndToEnd;

/// <summary>Sends a cumulative request counter by OTLP/JSON: counts are known to the last event.</summary>
public sealed class OtlpJsonSender(Uri otlpHttp, string service) : IDisposable
{
    private readonly HttpClient _http = new() { BaseAddress = otlpHttp, Timeout = TimeSpan.FromSeconds(20) };
    private long _start = Nanoseconds();
    private long _lastTime;

    public long Good { get; private set; }

    public long Bad { get; private set; }

    /// <summary>Counts events and exports the counter, as of now or of a moment ago; true when the server acknowledged.</summary>
    public async Task<bool> SendAsync(long good, long bad, TimeSpan ago = default)
    {
        Good += good;
        Bad += bad;
        _lastTime = Math.Max(_lastTime + 1_000_000, Nanoseconds() - (ago.Ticks * 100));
        string Point(string code, long value) => string.Create(
            CultureInfo.InvariantCulture,
            $$$"""{"attributes":[{"key":"code","value":{"stringValue":"{{{code}}}"}}],"startTimeUnixNano":"{{{_start}}}","timeUnixNano":"{{{_lastTime}}}","asInt":"{{{value}}}"}""");
        string points = Point("200", Good) + (Bad > 0 ? "," + Point("500", Bad) : "");
        string body = $$$"""
            {"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"{{{service}}}"}}]},
            "scopeMetrics":[{"metrics":[{"name":"app.requests","unit":"{request}","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{{{points}}}]}}]}]}]}
            """;
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        try
        {
            using HttpResponseMessage response = await _http.PostAsync(new Uri("/v1/metrics", UriKind.Relative), content);
            return response.StatusCode == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>The same counter, sent to another address: a server that was started again.</summary>
    public OtlpJsonSender MoveTo(Uri address) => new(address, service) { _start = _start, _lastTime = _lastTime, Good = Good, Bad = Bad };

    public void Dispose() => _http.Dispose();

    private static long Nanoseconds() => (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;
}
