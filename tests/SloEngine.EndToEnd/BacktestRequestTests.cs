using SloEngine.Server.Backtesting;

namespace SloEngine.EndToEnd;

public sealed class BacktestRequestTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 10, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_backtest_compares_with_ten_sides_at_most()
    {
        Assert.Equal(11, Against(10).Plan("default").Sides.Count);
        Assert.Equal("against has 11 entries, expected at most 10", Assert.Throws<FormatException>(() => Against(11).Plan("default")).Message);
    }

    private static BacktestRequest Against(int sides) => new()
    {
        Files = [new SloText("app.yaml", """
            apiVersion: sloengine/v1
            kind: SLO
            metadata: {name: app}
            spec: {service: app, indicator: {good: 'requests_total{code="200"}', total: requests_total}, objectives: [{target: 0.99}]}
            """)],
        From = Noon.AddDays(-1),
        To = Noon,
        Against = [.. Enumerable.Repeat(new BacktestSide { Preset = "sloth" }, sides)],
    };
}
