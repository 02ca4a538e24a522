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
        ScaleDown = new() { Cooldown = TimeSpan.FromMinutes(5) },
    };

    [Fact]
    public void Replicas_stay_within_bounds_and_follow_the_rate()
    {
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll(Arb.From(Gen.Choose(0, 1_000_000)), Arb.From(Gen.Choose(0, 1000)), (rate, more) =>
        {
            int low = Decide(new ScalingDecider(Policy), rate, Start);
            int high = Decide(new ScalingDecider(Policy), rate + more, Start);
            return low >= Policy.MinReplicas && high <= Policy.MaxReplicas && low <= high;
        }));
    }

    [Fact]
    public void Up_goes_at_once_and_down_only_after_the_cooldown()
    {
        var decider = new ScalingDecider(Policy);
        Assert.Equal(10, Decide(decider, 100, Start));
        Assert.Equal(15, Decide(decider, 150, Start.AddSeconds(1)));
        Assert.Equal(15, Decide(decider, 20, Start.AddMinutes(4)));
        Assert.Equal(2, Decide(decider, 20, Start.AddMinutes(6)));
    }

    [Fact]
    public void A_load_that_swings_does_not_make_replicas_swing()
    {
        var decider = new ScalingDecider(Policy);
        int changes = 0;
        int? last = null;
        for (int second = 0; second < 600; second += 10)
        {
            int desired = Decide(decider, second % 20 == 0 ? 50 : 150, Start.AddSeconds(second));
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

        ScalingDecision held = decider.Decide(new ScalingInput(null, null, "silence"), Start.AddHours(1))!;

        Assert.Equal(10, held.DesiredReplicas);
        Assert.True(held.Frozen);
        Assert.Equal("silence: the last decision stands", held.Reason);
    }

    [Fact]
    public void A_burning_budget_boosts_replicas() =>
        Assert.Equal(15, new ScalingDecider(Policy).Decide(new ScalingInput(100, 7), Start)!.DesiredReplicas);

    [Theory]
    [InlineData(20, 2)]
    [InlineData(20.1, 3)]
    [InlineData(29.9, 3)]
    [InlineData(30.000000001, 3)]
    public void A_part_of_a_replica_is_a_replica(double rate, int expected) =>
        Assert.Equal(expected, Decide(new ScalingDecider(Policy), rate, Start));

    [Fact]
    public void A_demand_within_the_tolerance_changes_nothing()
    {
        var decider = new ScalingDecider(Policy with { ScaleDown = new() });
        Assert.Equal(10, Decide(decider, 100, Start));
        Assert.Equal(10, Decide(decider, 109, Start.AddSeconds(1)));
        Assert.Equal(12, Decide(decider, 111, Start.AddSeconds(2)));
        Assert.Equal(12, Decide(decider, 108, Start.AddSeconds(3)));
        Assert.Equal(10, Decide(decider, 100, Start.AddSeconds(4)));

        var exact = new ScalingDecider(Policy with { ScaleDown = new(), Tolerance = 0 });
        Assert.Equal(10, Decide(exact, 100, Start));
        Assert.Equal(11, Decide(exact, 101, Start.AddSeconds(1)));
        Assert.Equal(10, Decide(exact, 100, Start.AddSeconds(2)));
    }

    [Fact]
    public void HPA_follows_every_count_whatever_the_demand()
    {
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll(Arb.From(Gen.NonEmptyListOf(Gen.Choose(0, 2_000))), rates =>
        {
            var decider = new ScalingDecider(Policy with { MinReplicas = 1, MaxReplicas = 150, ScaleDown = new() { Cooldown = TimeSpan.FromSeconds(3) } });
            DateTimeOffset now = Start;
            int? replicas = null;
            foreach (int rate in rates)
            {
                int desired = Decide(decider, rate, now);
                // HPA's own tolerance, of 10 % of what it has.
                replicas = replicas is { } current && Math.Abs(((double)desired / current) - 1) <= 0.1 ? current : desired;
                Assert.Equal(desired, replicas);
                now = now.AddSeconds(1);
            }
        }));
    }

    [Fact]
    public void A_rise_has_to_last_as_long_as_the_scale_up_cooldown()
    {
        var decider = new ScalingDecider(Policy with { ScaleUp = new() { Cooldown = TimeSpan.FromSeconds(30) } });
        Assert.Equal(5, Decide(decider, 50, Start));
        for (int second = 1; second < 30; second++)
        {
            Assert.Equal(5, Decide(decider, 150, Start.AddSeconds(second)));
        }
        Assert.Equal(15, Decide(decider, 150, Start.AddSeconds(30)));
    }

    [Fact]
    public void Steps_are_no_larger_than_the_wider_of_their_limits_in_a_period()
    {
        var pace = new ScalingPace { MaxStepPercent = 50, MaxStepReplicas = 3 };
        var decider = new ScalingDecider(Policy with { ScaleUp = pace, ScaleDown = pace with { MaxStepReplicas = null } });
        var course = new List<int>();
        for (int second = 0; second <= 700; second++)
        {
            int desired = Decide(decider, second == 0 ? 20 : second < 400 ? 200 : 20, Start.AddSeconds(second));
            if (course.Count == 0 || course[^1] != desired)
            {
                course.Add(desired);
            }
        }

        // Up by 3 of 2, by 3 of 5, by half of 8 and the rest.
        Assert.Equal([2, 5, 8, 12, 18, 20, 10, 5, 2], course);
    }

    [Fact]
    public void What_is_recalled_counts_for_the_cooldown_and_is_no_decision()
    {
        var decider = new ScalingDecider(Policy);
        decider.Recall(new ScalingInput(100, 0), Start);

        Assert.Null(decider.Decide(default, Start.AddMinutes(1)));
        Assert.Equal(10, Decide(decider, 20, Start.AddMinutes(2)));
        Assert.Equal(2, Decide(decider, 20, Start.AddMinutes(6)));
    }

    private static int Decide(ScalingDecider decider, double rate, DateTimeOffset now) => decider.Decide(new ScalingInput(rate, 0), now)!.DesiredReplicas;
}
