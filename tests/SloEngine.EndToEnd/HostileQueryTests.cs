using System.Globalization;
using System.Net;
using System.Text.Json;

namespace SloEngine.EndToEnd;

/// <summary>Queries that ask for too much are refused in words, and those of others go on meanwhile.</summary>
public sealed class HostileQueryTests(MetricServer metrics) : IClassFixture<MetricServer>
{
    private const int Attackers = 4;

    /// <summary>Query, and what its error says; empty where it has an answer, if a slow one elsewhere.</summary>
    public static TheoryData<string, int, string> Queries => new()
    {
        { "vector(1)[100000d:1ms]", 422, "too many samples" },
        { "sum_over_time(vector(1)[100y:1s])", 422, "too many samples" },
        { "max_over_time(max_over_time(max_over_time(vector(1)[100d:1s])[100d:1s])[100d:1s])", 422, "too many samples" },
        { "http_requests_total * on () group_left () http_requests_total", 422, "many-to-many matching not allowed" },
        { "http_requests_total * on () http_requests_total", 422, "many-to-many matching not allowed" },
        { "{__name__=~\"(.*)*(.*)*(.*)*(.*)*x\"}", 200, "" },
        { "http_requests_total{code=~\"((2|0)+)+$\"}", 200, "" },
        { "http_requests_total{code=~\"(?=2)2\"}", 400, "error parsing regexp" },
        { "http_requests_total{code=~\"((a{1000}){1000}){1000}\"}", 400, "error parsing regexp" },
        { "label_replace(http_requests_total, \"x\", \"$1\", \"code\", \"(((((.*)*)*)*)*)x\")", 200, "" },
        { new string('(', 100_000) + "1", 400, "nested deeper than 300" },
        { new string('-', 100_000) + "1", 400, "nested deeper than 300" },
        { "1" + string.Concat(Enumerable.Repeat("+1", 100_000)), 400, "more than 1000 operators" },
        { "http_requests_total{" + string.Concat(Enumerable.Repeat("code!=\"\",", 300)) + "}", 200, "" },
        { "http_requests_total{code=\"" + new string('x', 1 << 20) + "\"}", 200, "" },
        { "count_values(\"x\", rand_of_nothing())", 400, "unknown function" },
    };

    [Theory]
    [MemberData(nameof(Queries))]
    public async Task A_hostile_query_is_stopped_while_others_go_on(string query, int status, string message)
    {
        Task<(int Status, string Text)>[] attacks = [.. Enumerable.Range(0, Attackers).Select(_ => PostAsync(("query", query)))];
        do
        {
            (int ordinary, string answer) = await PostAsync(("query", "sum(http_requests_total)"), ("time", metrics.Now.ToString(CultureInfo.InvariantCulture)));
            Assert.True(ordinary == 200 && answer.Contains("\"176\"", StringComparison.Ordinal), answer);
        }
        while (!attacks.All(attack => attack.IsCompleted));

        foreach (Task<(int Status, string Text)> attack in attacks)
        {
            (int answered, string text) = await attack;
            Assert.True(answered == status, $"{answered}: {text[..Math.Min(text.Length, 300)]}");
            JsonElement answer = JsonDocument.Parse(text).RootElement;
            Assert.Equal(status == 200 ? "success" : "error", answer.GetProperty("status").GetString());
            if (message.Length > 0)
            {
                Assert.Contains(message, answer.GetProperty("error").GetString(), StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task A_query_ends_at_its_time_and_a_body_at_its_size()
    {
        (int status, string text) = await PostAsync(("query", "sum_over_time(vector(1)[30d:1s])"), ("timeout", "1ms"));
        Assert.True(status == 503 && text.Contains("query timed out", StringComparison.Ordinal), text);
        Assert.Equal((int)HttpStatusCode.RequestEntityTooLarge, (await PostAsync(("query", new string('x', 20 << 20)))).Status);
        Assert.Equal(200, (await PostAsync(("query", "1"))).Status);
    }

    private async Task<(int Status, string Text)> PostAsync(params (string Name, string Value)[] form)
    {
        string body = string.Join('&', form.Select(field => $"{field.Name}={Uri.EscapeDataString(field.Value)}"));
        using var content = new StringContent(body, System.Text.Encoding.ASCII, "application/x-www-form-urlencoded");
        // The server refuses a body that is too large before it comes.
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/query") { Content = content, Headers = { ExpectContinue = true } };
        using HttpResponseMessage response = await metrics.Http.SendAsync(request);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }
}
