using System.Text.Json;
using SloEngine.Alerting.Corrections;
using SloEngine.Alerting.Http;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Files;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Alerting.Tests;

public sealed class CorrectionRequestTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 10, 12, 0, 0, TimeSpan.Zero);

    private static readonly ServiceLevelObjective Slo = SloFileReader.Read([("app.yaml", """
        apiVersion: sloengine/v1
        kind: SLO
        metadata: {name: app}
        spec: {service: app, groupBy: [route], indicator: {good: 'requests_total{code="200"}', total: requests_total}, objectives: [{target: 0.99}]}
        """)]).Slos[0];

    [Theory]
    [InlineData("""{"bad": 1e999}""", "bad is Infinity, expected a number of events from -1000000000000 to 1000000000000")]
    [InlineData("""{"good": -1e308, "bad": 1}""", "good is -1E+308, expected a number of events from -1000000000000 to 1000000000000")]
    [InlineData("""{"bad": 1000000000001}""", "bad is 1000000000001, expected a number of events from -1000000000000 to 1000000000000")]
    public void More_events_than_sums_can_hold_are_refused(string events, string message) => Assert.Equal(message, Refusal(events));

    [Fact]
    public void As_many_events_as_sums_can_hold_are_added() => Assert.Equal(-1e12, Read("""{"bad": -1e12}""").Bad);

    [Fact]
    public void A_group_without_a_value_is_refused() =>
        Assert.Equal("group.route is null, expected the label's value, which may be empty", Refusal("""{"group": {"route": null}, "bad": 1}"""));

    [Fact]
    public void Events_are_added_to_a_week_at_most_and_left_out_of_longer_stretches()
    {
        Assert.Equal(
            "the stretch from 2026-01-02T23:59:00Z to 2026-01-10T00:00:00Z lasts more than 7 days, expected at most that many to add events to: correct each week by itself",
            Refusal("""{"from": "2026-01-02T23:59:00Z", "to": "2026-01-10T00:00:00Z", "bad": 1}"""));
        Assert.Equal(CorrectionKind.AddEvents, Read("""{"from": "2026-01-03T00:00:00Z", "to": "2026-01-10T00:00:00Z", "bad": 1}""").Kind);
        Assert.Equal(CorrectionKind.ExcludeBad, Read("""{"from": "2025-12-03T00:00:00Z", "to": "2026-01-10T00:00:00Z", "exclude": "bad"}""").Kind);
    }

    /// <summary>Why a request for ten minutes before noon is refused.</summary>
    private static string Refusal(string fields)
    {
        ApiProblemException refused = Assert.Throws<ApiProblemException>(() => Read(fields));
        Assert.Equal(400, refused.Status);
        return refused.Message;
    }

    private static BudgetCorrection Read(string fields)
    {
        CorrectionRequest request = JsonSerializer.Deserialize<CorrectionRequest>(fields, JsonSerializerOptions.Web)!;
        using var ledger = new Ledger(new NoLedgerStore(), TimeProvider.System);
        return (request with
        {
            From = request.From ?? "2026-01-10T11:50:00Z",
            To = request.To ?? "2026-01-10T12:00:00Z",
            Reason = "probes",
        }).Read(Slo, new SloEvaluator(ledger), Noon);
    }
}
