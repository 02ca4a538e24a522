namespace SloEngine.EndToEnd;

public sealed class ValidateTests
{
    [Fact]
    public async Task What_another_system_measures_is_told_and_is_not_strict_also_of_one_objective()
    {
        using var files = new TemporaryDirectory();
        string file = files.Write("app.yaml", """
            apiVersion: sloengine/v1
            kind: SLO
            metadata: {name: app}
            spec:
              service: app
              indicator: {good: 'requests_total{code="200"}', total: requests_total}
              objectives:
              - {name: here, target: 0.9}
              - {name: there, target: 0.9, indicator: {good: {type: Datadog, query: "sum:good{*}"}, total: {type: Datadog, query: "sum:all{*}"}}}
            """);

        Assert.Equal((0, "1 valid, 0 invalid\n", $"{file}:1: app is measured by Datadog, not here (warning)\n"), await Cli.RunAsync("slo", "validate", file));
        Assert.Equal(1, (await Cli.RunAsync("slo", "validate", "--strict", file)).Exit);
    }
}
