using SloEngine.Alerting.Http;
using SloEngine.Slo.Files;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Alerting.Tests;

public sealed class SloHistoryTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 10, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("1e12")]
    [InlineData("3e11")]
    [InlineData("59")]
    [InlineData("-60")]
    [InlineData("1h")]
    public void A_step_of_less_than_a_minute_or_more_than_a_year_is_refused(string step)
    {
        using var ledger = new Ledger(new NoLedgerStore(), TimeProvider.System);

        ApiProblemException refused = Assert.Throws<ApiProblemException>(() => SloHistory.Read(Slo(), ledger, null, null, step, Noon));

        Assert.Equal((400, $"step is '{step}', expected seconds, from 60, since the ledger keeps minutes, to 31626000"), (refused.Status, refused.Message));
    }

    [Fact]
    public void A_step_of_a_year_makes_one_point()
    {
        using var ledger = new Ledger(new NoLedgerStore(), TimeProvider.System);

        Assert.Single(SloHistory.Read(Slo(), ledger, null, null, "31626000", Noon).Points(ledger));
    }

    private static ServiceLevelObjective Slo(string spec = "") => SloFileReader.Read([("app.yaml", $$"""
        apiVersion: sloengine/v1
        kind: SLO
        metadata: {name: app}
        spec:
          service: app
          indicator: {good: 'requests_total{code="200"}', total: requests_total}
          objectives: [{target: 0.9}]
          {{spec}}
        """)]).Slos[0];
}
