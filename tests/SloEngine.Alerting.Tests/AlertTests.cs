using System.Text.Json;
using SloEngine.Alerting.Alerts;
using SloEngine.Alerting.Notifications;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Files;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Alerting.Tests;

public sealed class AlertTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly BurnPolicy Page = new("fast-burn", Severity.Page, TimeSpan.FromHours(1), TimeSpan.FromMinutes(5), 14.4, TimeSpan.FromMinutes(2));

    [Fact]
    public void An_alert_pends_for_its_time_then_fires_and_resolves_when_it_has_been_over_for_long_enough()
    {
        Alert? alert = Step(null, true, 0);
        Assert.Equal(AlertState.Pending, alert!.State);
        alert = Step(alert, true, 119);
        Assert.Equal(AlertState.Pending, alert!.State);
        alert = Step(alert, true, 120);
        Assert.Equal(AlertState.Firing, alert!.State);
        alert = Step(alert, false, 130, overSince: 130);
        Assert.Equal(AlertState.Firing, alert!.State);
        alert = Step(alert, false, 141, overSince: 130);
        Assert.Equal(AlertState.Resolved, alert!.State);
        Assert.Equal(Start.AddSeconds(141), alert.ResolvedAt);
    }

    [Fact]
    public void Without_data_an_alert_keeps_its_state()
    {
        Alert? firing = Step(Step(null, true, 0), true, 120);

        Assert.Same(firing, Step(firing, null, 100_000));
        Assert.Null(Step(null, null, 0));
    }

    [Fact]
    public void A_pending_alert_whose_condition_ends_is_gone() => Assert.Null(Step(Step(null, true, 0), false, 10, overSince: 10));

    [Fact]
    public void One_policy_without_data_is_not_a_verdict()
    {
        (PolicyState? holding, bool over) = AlertTransitions.Read([new PolicyState(Page, null, null, null), new PolicyState(Page, 0, 0, false)]);

        Assert.Null(holding);
        Assert.False(over);
    }

    [Fact]
    public void The_text_says_slo_burn_windows_budget_exhaustion_and_runbook()
    {
        var slo = new ServiceLevelObjective
        {
            Id = "checkout",
            DisplayName = "Checkout",
            Service = "shop",
            Runbook = "https://runbooks.example.com/checkout",
            Objective = 0.999,
            Window = TimeSpan.FromDays(30),
            Indicator = new Indicator("ratio", new MetricMeasure("a", [], MetricPart.Increase), new MetricMeasure("a", [], MetricPart.Increase), false),
            Policies = [Page],
        };
        var policy = new PolicyState(Page, 20, 30, true);
        var status = new SloStatus
        {
            Slo = slo,
            Sum = new WindowSum(99_950, 100_000, 10),
            Burns = [],
            Policies = [policy],
            State = SloState.Burning,
            Exhaustion = TimeSpan.FromHours(18),
        };

        Dictionary<string, string> annotations = AlertText.Annotations(status, policy, new Uri("http://ui.example"), Start);

        Assert.Equal(
            "SLO checkout (99.9 % over 30 d) burns 20x over 60 min and 30x over 5 min; page from 14.4x. Budget left: 50 %; at the burn of the last hour it is gone in 18 h. Attained: 99.95 % of 100000 events.",
            annotations["description"]);
        Assert.Equal("https://runbooks.example.com/checkout", annotations["runbook_url"]);
        Assert.StartsWith("http://ui.example/slos/checkout?start=", annotations["dashboard"], StringComparison.Ordinal);
    }

    [Fact]
    public void Names_labels_and_annotations_of_Sloths_alerts_are_those_of_ours()
    {
        (IReadOnlyList<ServiceLevelObjective> slos, _) = SloFileReader.Read([("shop.yaml", """
            version: prometheus/v1
            service: shop
            labels: {owner: team-a}
            slos:
              - name: checkout
                objective: 99.9
                sli:
                  events: {error_query: "sum(rate(errors[{{.window}}]))", total_query: "sum(rate(requests[{{.window}}]))"}
                alerting:
                  name: CheckoutFails
                  labels: {category: availability}
                  annotations: {summary: "{{ $labels.sloth_service }} of {{$labels.owner}} fails", runbook_url: "https://runbooks.example.com/checkout"}
                  page_alert: {labels: {severity: pageteam}, annotations: {summary: "wake {{$labels.owner}}"}}
            """)]);
        ServiceLevelObjective slo = Assert.Single(slos);
        var status = new SloStatus { Slo = slo, Sum = new WindowSum(1, 2, 1), Burns = [], Policies = [], State = SloState.Burning };

        Dictionary<string, string> page = AlertText.Labels(slo, Severity.Page);
        Assert.Equal(("CheckoutFails", "availability", "pageteam", "team-a"), (page["alertname"], page["category"], page["severity"], page["owner"]));
        Assert.Equal(("shop-checkout", "shop", "checkout", "page"), (page["sloth_id"], page["sloth_service"], page["sloth_slo"], page["sloth_severity"]));
        Assert.Equal("ticket", AlertText.Labels(slo, Severity.Ticket)["severity"]);
        Assert.Equal("wake team-a", AlertText.Annotations(status, new PolicyState(Page, 20, 30, true), new Uri("http://ui.example"), Start)["summary"]);
        Assert.Equal(
            "shop of team-a fails",
            AlertText.Annotations(status, new PolicyState(Page with { Severity = Severity.Ticket }, 20, 30, true), new Uri("http://ui.example"), Start)["summary"]);
    }

    [Fact]
    public void The_webhook_body_is_alertmanagers()
    {
        Alert alert = Step(Step(null, true, 0), true, 120)!;

        JsonElement body = JsonDocument.Parse(WebhookPayload.Of(alert, "oncall", new Uri("http://ui.example"))).RootElement;

        Assert.Equal("4", body.GetProperty("version").GetString());
        Assert.Equal("firing", body.GetProperty("status").GetString());
        Assert.Equal("oncall", body.GetProperty("receiver").GetString());
        Assert.Equal(alert.Fingerprint, body.GetProperty("alerts")[0].GetProperty("fingerprint").GetString());
        Assert.Equal("0001-01-01T00:00:00Z", body.GetProperty("alerts")[0].GetProperty("endsAt").GetString());
    }

    [Theory]
    [InlineData("receivers: [{name: a, webhook: 'ftp://x'}]", "http or https URL")]
    [InlineData("receivers: [{name: a, webhook: 'http://x'}]\nroutes: {page: b}", "one of a")]
    [InlineData("receivers: [{name: a, webhok: 'http://x'}]", "webhok")]
    public void A_wrong_receivers_file_says_what(string text, string expected)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, text);
            Assert.Contains(expected, Assert.Throws<FormatException>(() => ReceiverConfiguration.Read(path)).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static Alert? Step(Alert? current, bool? holds, int seconds, int? overSince = null) => AlertTransitions.Next(
        current,
        _ => new Alert
        {
            Slo = "slo",
            Policy = Page.Name,
            Severity = "page",
            State = AlertState.Pending,
            Labels = new Dictionary<string, string>(),
            Annotations = new Dictionary<string, string>(),
            ActiveSince = Start.AddSeconds(seconds),
            Value = 20,
        },
        holds == true ? new PolicyState(Page, 20, 20, true) : null,
        holds == false,
        overSince is { } since ? Start.AddSeconds(since) : null,
        TimeSpan.FromSeconds(10),
        Start.AddSeconds(seconds));
}
