using SloEngine.PromQL.Testing;

namespace SloEngine.PromQL.Tests;

/// <summary>What the engine does, in the language of test scripts; each script is a rule of its own.</summary>
public sealed class ScriptTests
{
    [Fact]
    public Task Counters_are_made_up_for_resets_and_extrapolated_to_the_window() => PassAsync(
        """
        load 10s
          hits_total 0 10 20 5 15 25 35

        eval instant at 1m increase(hits_total[1m])
          {} 54

        eval instant at 1m resets(hits_total[2m])
          {} 1

        eval instant at 1m rate(hits_total[20s] offset 30s)
          {} 0.5

        eval instant at 20s irate(hits_total[1m])
          {} 1
        """);

    [Fact]
    public Task Names_stay_until_the_end_but_are_gone_from_results() => PassAsync(
        """
        load 1m
          a_total{x="1"} 0+60x5
          b_total{x="1"} 0+120x5

        eval instant at 5m rate({__name__=~".+_total"}[2m])
          expect fail msg: vector cannot contain metrics with the same labelset

        eval instant at 5m label_replace(rate({__name__=~".+_total"}[2m]), "of", "$1", "__name__", "(.)_total")
          {x="1", of="a"} 1
          {x="1", of="b"} 2
        """);

    [Fact]
    public Task Vectors_are_matched_grouped_and_filled() => PassAsync(
        """
        load 1m
          used{host="a", disk="1"} 10
          used{host="a", disk="2"} 30
          used{host="b", disk="1"} 5
          size{host="a"} 100

        eval instant at 0 used / on (host) group_left size
          {host="a", disk="1"} 0.1
          {host="a", disk="2"} 0.3

        eval instant at 0 sum by (host) (used) / fill_right (10) size
          {host="a"} 0.4
          {host="b"} 0.5

        eval instant at 0 used / on (host) size
          expect fail msg: multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)

        eval instant at 0 size / on (host) used
          expect fail regex: found duplicate series for the match group {host="a"} on the right hand-side

        eval instant at 0 used unless on (host) size
          used{host="b", disk="1"} 5
        """);

    [Fact]
    public Task Native_histograms_are_added_compared_and_asked_for_quantiles() => PassAsync(
        """
        load 1m
          wait {{schema:0 count:4 sum:6 buckets:[1 2 1]}} {{schema:0 count:8 sum:12 buckets:[2 4 2]}}
          fine {{schema:1 count:2 sum:3 buckets:[1 1]}}
          limits {{schema:-53 count:6 sum:9 custom_values:[1 2 4] buckets:[1 2 3]}}
          other {{schema:-53 count:2 sum:3 custom_values:[2] buckets:[1 1]}}

        eval instant at 0 histogram_count(wait)
          {} 4

        eval instant at 0 wait + fine
          {} {{schema:0 count:6 sum:9 buckets:[2 3 1]}}

        eval instant at 1m increase(wait[2m])
          expect no_warn
          {} {{schema:0 count:8 sum:12 counter_reset_hint:gauge buckets:[2 4 2]}}

        eval instant at 0 histogram_quantile(0.5, limits)
          {} 2

        eval instant at 0 histogram_fraction(0, 2, limits)
          {} 0.5

        eval instant at 0 limits + on () other
          expect info regex: mismatched custom buckets were reconciled during addition
          {} {{schema:-53 count:8 sum:12 custom_values:[2] buckets:[4 4]}}

        eval instant at 0 histogram_sum(limits + on () other)
          expect no_info
          {} 12

        eval instant at 0 wait + on () limits
          expect warn regex: incompatible bucket layout encountered for binary operator \+

        eval instant at 0 max(wait)
          expect info msg: PromQL info: ignored histogram in max aggregation (1:5)
        """);

    [Fact]
    public Task Staleness_ends_series_and_lookback_is_open_on_the_left() => PassAsync(
        """
        load 1m
          s 1 2 stale 4

        eval instant at 1m59s s
          s 2

        eval instant at 2m s

        eval instant at 7m59s s
          s 4

        eval instant at 8m s

        eval instant at 3m count_over_time(s[3m])
          {} 2
        """);

    [Fact]
    public Task Subqueries_stand_at_multiples_of_their_step() => PassAsync(
        """
        load 10s
          m 0+1x30

        eval instant at 65s sum_over_time(m[30s:20s])
          {} 10

        eval range from 60s to 80s step 10s max_over_time(m[20s:10s] offset 10s)
          {} 5 6 7

        eval instant at 2m m @ 30
          m 3
        """);

    [Fact]
    public Task Info_adds_the_labels_of_a_target() => PassAsync(
        """
        load 1m
          up{job="j", instance="i"} 1
          target_info{job="j", instance="i", region="north", tier="2"} 1

        eval instant at 0 info(up, {region=~".+"})
          up{job="j", instance="i", region="north"} 1

        eval instant at 0 info(up)
          up{job="j", instance="i", region="north", tier="2"} 1
        """);

    [Fact]
    public Task Remarks_tell_what_may_be_meant_otherwise() => PassAsync(
        """
        load 1m
          depth 0+1x10

        eval instant at 5m 1 + rate(depth[2m])
          expect info msg: PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "depth" (1:10)
          {} 1.0166666666666666

        eval instant at 5m quantile(2, depth)
          expect warn msg: PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)
          {} Inf

        eval range from 0 to 2m step 1m sort(depth)
          expect warn regex: sort is ineffective for range queries
          depth 0 1 2
        """);

    [Fact]
    public Task Smoothed_and_anchored_ranges_do_not_extrapolate() => PassAsync(
        """
        load 10s
          c_total 0+10x10

        eval instant at 55s increase(c_total[20s] smoothed)
          {} 20

        eval instant at 55s increase(c_total[20s] anchored)
          {} 20

        eval instant at 55s avg_over_time(c_total[20s] anchored)
          expect fail msg: anchored modifier can only be used with: changes, delta, increase, rate, resets - not with avg_over_time
        """);

    [Fact]
    public async Task A_script_that_expects_too_much_says_what_differs()
    {
        ScriptCase failed = Assert.Single(await ScriptRunner.RunAsync("load 1m\n m 1\n\neval instant at 0 m\n m 2\n", default));

        Assert.Equal(4, failed.Line);
        Assert.Equal("error in eval m (line 4): expected 2 for {__name__=\"m\"} but got 1", failed.Problem);
    }

    [Theory]
    [InlineData("laod 1m\n m 1\n")]
    [InlineData("load 1 minute\n m 1\n")]
    [InlineData("eval instant at 0 m(\n")]
    [InlineData("eval range from 2m to 1m step 1m m\n")]
    [InlineData("eval instant at 0 m\n expect surprise\n")]
    public async Task A_script_that_is_not_valid_does_not_run(string script) =>
        await Assert.ThrowsAsync<ScriptException>(async () => await ScriptRunner.RunAsync(script, default));

    private static async Task PassAsync(string script)
    {
        IReadOnlyList<ScriptCase> cases = await ScriptRunner.RunAsync(script, default);
        Assert.All(cases, one => Assert.True(one.Problem is null, $"line {one.Line}: {one.Problem}"));
    }
}
