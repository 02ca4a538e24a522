using System.Text.Json;

namespace SloEngine.EndToEnd;

/// <summary>Rule files in the real server.</summary>
public sealed class RulesTests
{
    private const string Rules =
        """
        groups:
          - name: app
            interval: 1s
            rules:
              - record: app:answer
                expr: vector(42)
                labels: { team: shop }
              - record: app:answer:half
                expr: app:answer / 2
              - alert: AnswerIsThere
                expr: app:answer > 1
                labels: { severity: page }
                annotations:
                  summary: "{{ $labels.team }} has {{ $value }}"
        """;

    [Fact]
    public async Task Rules_are_evaluated_recorded_and_alert()
    {
        using var files = new TemporaryDirectory();
        files.Write("rules/app.yaml", Rules);
        string rules = Path.Combine(files.Path, "rules");
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--rules", rules, "--self-telemetry", "off");

        await ServerProcess.UntilAsync(() => QueryAsync(server, "app:answer:half"), value => value == 21, TimeSpan.FromSeconds(30));
        await ServerProcess.UntilAsync(
            () => QueryAsync(server, "ALERTS{alertname=\"AnswerIsThere\", alertstate=\"firing\", team=\"shop\"}"), value => value == 1, TimeSpan.FromSeconds(30));

        JsonElement group = Assert.Single((await server.GetAsync("/api/v1/rules")).GetProperty("data").GetProperty("groups").EnumerateArray());
        Assert.Equal(["recording", "recording", "alerting"], group.GetProperty("rules").EnumerateArray().Select(rule => rule.GetProperty("type").GetString()));
        Assert.All(group.GetProperty("rules").EnumerateArray(), rule => Assert.Equal("ok", rule.GetProperty("health").GetString()));
        JsonElement alert = Assert.Single((await server.GetAsync("/api/v1/alerts")).GetProperty("data").GetProperty("alerts").EnumerateArray());
        Assert.Equal(("firing", "shop has 42", "4.2e+01"), (
            alert.GetProperty("state").GetString(), alert.GetProperty("annotations").GetProperty("summary").GetString(), alert.GetProperty("value").GetString()));

        // A file that breaks leaves its groups; one that is repaired counts at once.
        files.Write("rules/app.yaml", "groups: [{ nam: app }]");
        await Task.Delay(TimeSpan.FromSeconds(3));
        Assert.Single((await server.GetAsync("/api/v1/rules")).GetProperty("data").GetProperty("groups").EnumerateArray());
        files.Write("rules/app.yaml", Rules.Replace("vector(42)", "vector(44)", StringComparison.Ordinal));
        await ServerProcess.UntilAsync(() => QueryAsync(server, "app:answer:half"), value => value == 22, TimeSpan.FromSeconds(30));
    }

    private static async Task<double> QueryAsync(ServerProcess server, string query)
    {
        JsonElement result = (await server.GetAsync("/api/v1/query?query=" + Uri.EscapeDataString(query))).GetProperty("data").GetProperty("result");
        return result.GetArrayLength() == 0 ? 0 : double.Parse(result[0].GetProperty("value")[1].GetString()!, System.Globalization.CultureInfo.InvariantCulture);
    }
}
