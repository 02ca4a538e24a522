using FsCheck;
using FsCheck.Fluent;
using SloEngine.Scaling.Policies;

namespace SloEngine.Scaling.Tests;

public sealed class ScalingDecisionTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly ScalingPolicy Policy = new()
    {
        Name = "p",
        TargetNamespace = "n",
        TargetName = "t",
        Slo = "s",
        RequestsPerReplica = 10,
        MinReplicas = 2,
        MaxReplicas = 20,
        BurnThreshold = 6,
        BurnBoost = 1.5,
        ScaleDownCooldown = TimeSpan.FromMinutes(5),
    };

    [Fact]
    public void Replicas_stay_within_bounds_and_follow_the_rate()
    {
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll(Arb.From(Gen.Choose(0, 1_000_000)), Arb.From(Gen.Choose(0, 1000)), (rate, more) =>
        {
            int low = new ScalingDecider(Policy).Decide(new ScalingInput(rate, 0), Start).DesiredReplicas;
            int high = new ScalingDecider(Policy).Decide(new ScalingInput(rate + more, 0), Start).DesiredReplicas;
            return low >= Policy.MinReplicas && high <= Policy.MaxReplicas && low <= high;
        }));
    }

    [Fact]
    public void Up_goes_at_once_and_down_only_after_the_cooldown()
    {
        var decider = new ScalingDecider(Policy);
        Assert.Equal(10, decider.Decide(new ScalingInput(100, 0), Start).DesiredReplicas);
        Assert.Equal(15, decider.Decide(new ScalingInput(150, 0), Start.AddSeconds(1)).DesiredReplicas);
        Assert.Equal(15, decider.Decide(new ScalingInput(20, 0), Start.AddMinutes(4)).DesiredReplicas);
        Assert.Equal(2, decider.Decide(new ScalingInput(20, 0), Start.AddMinutes(6)).DesiredReplicas);
    }

    [Fact]
    public void A_load_that_swings_does_not_make_replicas_swing()
    {
        var decider = new ScalingDecider(Policy);
        int changes = 0;
        int? last = null;
        for (int second = 0; second < 600; second += 10)
        {
            int desired = decider.Decide(new ScalingInput(second % 20 == 0 ? 50 : 150, 0), Start.AddSeconds(second)).DesiredReplicas;
            changes += last is not null && last != desired ? 1 : 0;
            last = desired;
        }
        Assert.Equal(1, changes);
    }

    [Fact]
    public void Without_data_the_last_decision_stands_and_says_so()
    {
        var decider = new ScalingDecider(Policy);
        decider.Decide(new ScalingInput(100, 0), Start);

        ScalingDecision held = decider.Decide(default, Start.AddHours(1));

        Assert.Equal(10, held.DesiredReplicas);
        Assert.True(held.Frozen);
    }

    [Fact]
    public void A_burning_budget_boosts_replicas() =>
        Assert.Equal(15, new ScalingDecider(Policy).Decide(new ScalingInput(100, 7), Start).DesiredReplicas);

    [Theory]
    [InlineData("spec: {slo: s}", "apiVersion is missing")]
    [InlineData("apiVersion: sloengine/v1\nkind: ScalingPolicy\nmetadata: {name: p}\nspec: {target: {namespace: n, name: t}, slo: s, requestsPerReplica: x, maxReplicas: 3}", "expected a number")]
    [InlineData("apiVersion: sloengine/v1\nkind: ScalingPolicy\nmetadata: {name: p}\nspec: {target: {namespace: n, name: t}, slo: s, requestsPerReplica: 1, maxReplicas: 3, window: 0s}", "above zero")]
    [InlineData("apiVersion: sloengine/v1\nkind: ScalingPolicy\nmetadata: {name: p}\nspec: {target: {namespace: n, name: t}, slo: s, requestsPerReplica: 1, maxReplicas: 3, window: 99999999999999999h}", "up to 24h")]
    [InlineData("apiVersion: sloengine/v1\nkind: ScalingPolicy\nmetadata: {name: p}\nspec: {replicas: 3}", "spec.replicas does not belong here")]
    public void A_wrong_policy_file_says_where_and_what(string text, string expected)
    {
        FormatException wrong = Assert.Throws<FormatException>(() => ScalingPolicyFile.Read("p.yaml", text));
        Assert.StartsWith("p.yaml:", wrong.Message, StringComparison.Ordinal);
        Assert.Contains(expected, wrong.Message, StringComparison.Ordinal);
    }
}
