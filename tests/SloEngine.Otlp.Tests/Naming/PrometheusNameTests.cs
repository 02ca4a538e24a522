using SloEngine.Otlp.Naming;

namespace SloEngine.Otlp.Tests.Naming;

/// <summary>Names by the OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility".</summary>
public sealed class PrometheusNameTests
{
    [Theory]
    [InlineData("http.server.request.duration", "s", false, false, "http_server_request_duration_seconds")]
    [InlineData("http.server.requests", "{request}", true, false, "http_server_requests_total")]
    [InlineData("system.disk.io", "By", true, false, "system_disk_io_bytes_total")]
    [InlineData("request_total_count", "1", true, false, "request_count_total")]
    [InlineData("cpu.utilization", "1", false, true, "cpu_utilization_ratio")]
    [InlineData("network.rate", "By/s", false, true, "network_rate_bytes_per_second")]
    [InlineData("already_seconds", "s", false, false, "already_seconds")]
    [InlineData("2xx", "", false, false, "_2xx")]
    [InlineData("process:recorded", "", false, false, "process:recorded")]
    public void Metrics_get_unit_and_type_suffixes(string name, string unit, bool counter, bool gauge, string expected) =>
        Assert.Equal(expected, PrometheusName.Of(name, unit, counter, gauge));

    [Theory]
    [InlineData("http.route", "http_route")]
    [InlineData("1st", "key_1st")]
    [InlineData("a..b", "a_b")]
    public void Attributes_become_labels(string attribute, string expected) => Assert.Equal(expected, PrometheusName.Label(attribute));

    [Theory]
    [InlineData("http.route", false, "http_route")]
    [InlineData("1st", false, "key_1st")]
    [InlineData("", false, "")]
    [InlineData("größe", false, "gr_e")]
    [InlineData("recorded:by:rule", true, "recorded_by_rule")]
    [InlineData("_a__b9", true, null)]
    public void Names_of_Prometheus_are_told_from_those_that_are_translated(string name, bool isMetric, string? label)
    {
        Assert.Equal(isMetric, PrometheusName.IsMetric(name));
        Assert.Equal(label, PrometheusName.Translated(name));
    }
}
