using System.Globalization;
using System.Net;
using System.Text;

namespace SloEngine.EndToEnd;

/// <summary>Sends spans and logs that each have a number of their own by OTLP/JSON, and remembers which were acknowledged.</summary>
/// <param name="sender">Tells its items from those of other senders.</param>
/// <param name="resources">Processes among which the items of each request are spread.</param>
internal sealed class SpanAndLogSender(int sender, int resources = 1)
{
    private const int PerRequest = 7;

    private long _next;

    /// <summary>Numbers below this one were acknowledged as spans and logs, unless they are in <see cref="Doubtful"/>.</summary>
    public long Sent => _next;

    /// <summary>Items whose answer never came: they may be there or not.</summary>
    public long Doubtful { get; private set; }

    /// <summary>Items that were refused, by an answer that said so.</summary>
    public long Refused { get; private set; }

    public long Acknowledged { get; private set; }

    /// <summary>Sends until told to stop, or until the server is gone.</summary>
    public async Task RunAsync(Uri otlpHttp, Func<bool> stop)
    {
        using var http = new HttpClient { BaseAddress = otlpHttp, Timeout = TimeSpan.FromSeconds(20) };
        while (!stop())
        {
            long first = _next;
            _next += PerRequest;
            if (!await PostAsync(http, "/v1/traces", Spans(first)) || !await PostAsync(http, "/v1/logs", Logs(first)))
            {
                return;
            }
        }
    }

    private async Task<bool> PostAsync(HttpClient http, string path, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        try
        {
            using HttpResponseMessage response = await http.PostAsync(new Uri(path, UriKind.Relative), content);
            if (response.StatusCode == HttpStatusCode.OK)
            {
                Acknowledged += PerRequest;
            }
            else
            {
                Refused += PerRequest;
            }
            return true;
        }
        catch (HttpRequestException)
        {
            Doubtful += PerRequest;
            return false;
        }
    }

    private string Spans(long first) => $$$"""{"resourceSpans":[{{{ByResource(first, "scopeSpans", "spans", number => string.Create(
        CultureInfo.InvariantCulture,
        $$$"""{"traceId":"{{{sender + 1:x16}}}{{{number:x16}}}","spanId":"{{{number + 1:x16}}}","name":"work","kind":2,"startTimeUnixNano":"{{{Now()}}}","endTimeUnixNano":"{{{Now()}}}"}"""))}}}]}""";

    private string Logs(long first) => $$$"""{"resourceLogs":[{{{ByResource(first, "scopeLogs", "logRecords", number => string.Create(
        CultureInfo.InvariantCulture, $$$"""{"timeUnixNano":"{{{Now()}}}","body":{"stringValue":"{{{sender}}}/{{{number}}}"}}"""))}}}]}""";

    private string ByResource(long first, string scopes, string items, Func<long, string> item) => string.Join(',', Enumerable.Range(0, PerRequest)
        .Select(index => first + index).GroupBy(number => number % resources).Select(process => $$$"""
            {"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"app"}},{"key":"service.instance.id","value":{"stringValue":"{{{sender}}}-{{{process.Key}}}"}}]},
            "{{{scopes}}}":[{"{{{items}}}":[{{{string.Join(',', process.Select(item))}}}]}]}
            """));

    private static long Now() => (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100;
}
