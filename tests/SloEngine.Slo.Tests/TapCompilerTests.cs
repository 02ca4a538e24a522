using SloEngine.Slo.Expressions;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Tests;

/// <summary>Which PromQL is counted as telemetry passes, and as what; the rest is left to queries.</summary>
public sealed class TapCompilerTests
{
    [Theory]
    [InlineData("""sum(rate(requests_total{code=~"5.."}[{{.window}}]))""", "sum(rate(requests_total[{{.window}}]))", "bad", """increase of requests_total{code=~"5.."}""")]
    [InlineData("sum(increase(errors_total[{{.window}}])) or vector(0)", "sum(increase(requests_total[{{ .window }}]))", "bad", "increase of errors_total{}")]
    [InlineData("(sum(rate(errors_total[5m]) or vector(0)))", "sum((rate(requests_total[5m])))", "bad", "increase of errors_total{}")]
    [InlineData("""sum(rate(d_seconds_count[{{.window}}])) - sum(rate(d_seconds_bucket{le="0.3"}[{{.window}}]))""", "sum(rate(d_seconds_count[{{.window}}]))", "good", "observations of d_seconds{} <= 0.3")]
    [InlineData("""sum(rate(d_seconds_bucket{le="+Inf"}[5m])) - sum(rate(d_seconds_bucket{le="1.0"}[5m]))""", "sum(rate(d_seconds_count[5m]))", "good", "observations of d_seconds{} <= 1")]
    [InlineData("""sum(rate({"http.requests","http.route"="/a"}[5m]))""", """sum(rate({"http.requests"}[5m]))""", "bad", "increase of http.requests{http.route=\"/a\"}")]
    public void Known_shapes_are_counted_by_taps(string error, string total, string part, string measured)
    {
        Indicator indicator = IndicatorCompiler.Events(WindowedQuery.Parse(error), WindowedQuery.Parse(total), partIsBad: true);

        Assert.False(indicator.IsQueried);
        Assert.Equal((part == "bad", measured), (indicator.PartIsBad, indicator.Part.Describe()));
    }

    [Theory]
    [InlineData("sum by (pod) (rate(errors_total[{{.window}}]))", QueryUnit.PerSecond)]
    [InlineData("sum(increase(errors_total[{{.window}}] offset 1m))", QueryUnit.PerWindow)]
    [InlineData("sum(rate(errors_total[5m])) or vector(1)", QueryUnit.PerSecond)]
    [InlineData("""sum(rate(d_seconds_bucket{le=~"1(\\.0)?"}[5m]))""", QueryUnit.PerSecond)]
    [InlineData("""sum(rate({__name__=~"errors_.*"}[5m]))""", QueryUnit.PerSecond)]
    [InlineData("""sum(errors_total @ end())""", QueryUnit.PerEvaluation)]
    public void Other_shapes_are_left_to_queries_by_their_unit(string error, QueryUnit unit)
    {
        Indicator indicator = IndicatorCompiler.Events(WindowedQuery.Parse(error), WindowedQuery.Parse("sum(rate(requests_total[5m]))"), partIsBad: true);

        Assert.Equal(unit, Assert.IsType<QueryMeasure>(indicator.Part).Unit);
        Assert.IsType<QueryMeasure>(indicator.Total);
    }

    [Theory]
    [InlineData("1 - sum(rate(good_total[{{.window}}])) / sum(rate(all_total[{{.window}}]))", false, "increase of good_total{}")]
    [InlineData("(sum(rate(bad_total[{{.window}}])) / sum(rate(all_total[{{.window}}])))", true, "increase of bad_total{}")]
    public void A_ratio_of_known_shapes_is_counted_by_its_events(string ratio, bool isBad, string part)
    {
        Indicator indicator = IndicatorCompiler.Raw(WindowedQuery.Parse(ratio), isBad: true);

        Assert.Equal((isBad, part), (indicator.PartIsBad, indicator.Part.Describe()));
    }

    [Theory]
    [InlineData(QueryUnit.PerSecond, "rate(a[{{.window}}])", 60)]
    [InlineData(QueryUnit.PerWindow, "increase(a[{{.window}}])", 0.2)]
    [InlineData(QueryUnit.PerWindow, "increase(a[1m])", 1)]
    [InlineData(QueryUnit.PerEvaluation, "a", 1)]
    public void A_value_stands_for_the_events_of_a_minute(QueryUnit unit, string query, double events) =>
        Assert.Equal(events, new QueryMeasure(WindowedQuery.Parse(query), unit).Events(1), 12);

    [Theory]
    [InlineData("sum(rate(a[{{.range}}]))", "only {{.window}} may be left open")]
    [InlineData("sum(rate(a[5m])", "not PromQL")]
    [InlineData("a[5m]", "expected an instant vector")]
    [InlineData("\"text\"", "expected an instant vector")]
    public void What_is_no_query_is_refused(string text, string message) =>
        Assert.Contains(message, Assert.Throws<FormatException>(() => WindowedQuery.Parse(text)).Message, StringComparison.Ordinal);
}
