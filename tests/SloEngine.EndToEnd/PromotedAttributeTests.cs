using System.Net;
using System.Text;
using System.Text.Json;
using SloEngine.Server.Configuration;

namespace SloEngine.EndToEnd;

/// <summary>Which resource attributes are labels of series, from the configuration file to the series.</summary>
public sealed class PromotedAttributeTests
{
    [Theory]
    [InlineData("", "service.name,service.namespace,service.version,deployment.environment.name,k8s.cluster.name,k8s.namespace.name,k8s.node.name,k8s.pod.name,k8s.container.name,"
        + "k8s.deployment.name,k8s.hpa.name,k8s.resourcequota.name,cloud.region,host.name,tenant.id")]
    [InlineData("metrics: {promote_resource_attributes: ''}\n", "")]
    [InlineData("metrics:\n  promote_resource_attributes: cloud.zone , team\n", "cloud.zone,team")]
    public void The_list_stands_in_for_the_default(string yaml, string expected) => Assert.Equal(expected, string.Join(',', Resolve(yaml).PromotedResourceAttributes));

    [Theory]
    [InlineData("a.b,,c", ":2:32): '' does not fit; expected names of resource attributes, separated by commas, such as service.version,cloud.zone")]
    [InlineData("__name__", "'__name__' does not fit; expected names of resource attributes")]
    [InlineData("le", "none that becomes the label __name__, le, quantile")]
    [InlineData("cloud.zone,cloud_zone", ":2:32): 'cloud_zone' does not fit; expected each label once; cloud.zone becomes cloud_zone, too")]
    [InlineData("[cloud.zone]", ":2:32: metrics.promote_resource_attributes takes a single value (NAME,...)")]
    public void What_does_not_fit_is_named_with_its_place(string list, string message) => Assert.Contains(
        message, Assert.Throws<ConfigurationException>(() => Resolve($"metrics:\n  promote_resource_attributes: {list}\n")).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Series_have_the_attributes_that_were_chosen_and_target_info_has_all()
    {
        using var files = new TemporaryDirectory();
        string configuration = Path.Combine(files.Path, "sloengine.yaml");
        await File.WriteAllTextAsync(configuration, "metrics: {promote_resource_attributes: team.name}\n");
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(files.Path, "data"), "--self-telemetry", "off", "--config", configuration);
        using var http = new HttpClient();
        string now = $"{DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 5}000000000";
        using var body = new StringContent(
            $$$"""
            {"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},{"key":"host.name","value":{"stringValue":"h"}},
            {"key":"team.name","value":{"stringValue":"blue"}}]},"scopeMetrics":[{"metrics":[{"name":"logins","gauge":{"dataPoints":[{"timeUnixNano":"{{{now}}}","asInt":"1"}]}}]}]}]}
            """,
            Encoding.UTF8, "application/json");

        using HttpResponseMessage response = await http.PostAsync(new Uri(server.OtlpHttp, "/v1/metrics"), body);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        await server.StoredAsync();

        Assert.Equal("__name__=logins job=shop team_name=blue", await SeriesAsync("logins"));
        Assert.Equal("__name__=target_info host_name=h job=shop team_name=blue", await SeriesAsync("target_info"));

        async Task<string> SeriesAsync(string name)
        {
            JsonElement series = Assert.Single((await server.GetAsync($"/api/v1/series?match[]={name}")).GetProperty("data").EnumerateArray());
            return string.Join(' ', series.EnumerateObject().Select(label => $"{label.Name}={label.Value}"));
        }
    }

    private static ServerOptions Resolve(string yaml)
    {
        using var files = new TemporaryDirectory();
        string path = Path.Combine(files.Path, "sloengine.yaml");
        File.WriteAllText(path, yaml);
        return ServerOptions.Resolve(new Dictionary<Setting, string>(), path, _ => null);
    }
}
