using SloEngine.Otlp.Grpc;
using SloEngine.Scaling.Keda;

namespace SloEngine.Scaling.Tests;

public sealed class ScalingEvaluatorTests
{
    private static readonly ScaledObjectRef Target = new() { Namespace = "shop", Name = "web" };

    [Fact]
    public void No_traffic_scales_to_zero_after_the_cooldown()
    {
        using var rig = new ScalingRig(ScalingRig.Policy(spec: "minReplicas: 0"));
        rig.Serve(100, 180);
        Assert.Equal(10, rig.Desired());

        rig.Serve(0, 120);
        Assert.Equal(10, rig.Desired());
        rig.Serve(0, 260);

        Assert.Equal(0, rig.Desired());
        Assert.False(rig.Evaluator.Latest.Decisions["web"].Frozen);
        Assert.False(rig.Scaler.IsActive(Target).Result);
        rig.Serve(5, 20);
        Assert.True(rig.Scaler.IsActive(Target).Result);
    }

    [Theory]
    [InlineData(2, "20s")]
    [InlineData(7, "1m")]
    [InlineData(60, "2m")]
    public void A_steady_rate_is_measured_as_it_is_at_every_moment(int exportSeconds, string window)
    {
        using var rig = new ScalingRig(ScalingRig.Policy().Replace("window: 1m", $"window: {window}", StringComparison.Ordinal)) { ExportSeconds = exportSeconds };
        rig.Serve(100, 300);
        for (int second = 0; second < 300; second++)
        {
            rig.Serve(100, 1);
            double rate = rig.Evaluator.Latest.Decisions["web"].Input.RequestRate!.Value;
            Assert.InRange(rate, exportSeconds == 7 ? 88 : 100, exportSeconds == 7 ? 112 : 100);
        }
    }

    [Fact]
    public void Telemetry_that_fades_does_not_look_like_traffic_that_falls()
    {
        using var rig = new ScalingRig(ScalingRig.Policy(spec: "scaleDown: {cooldown: 0s}"));
        rig.Serve(100, 180);

        for (int second = 0; second < 120; second++)
        {
            rig.FallSilent(1);
            Assert.Equal(10, rig.Desired());
        }
        Assert.True(rig.Evaluator.Latest.Decisions["web"].Frozen);
    }

    [Theory]
    [InlineData("error", null)]
    [InlineData("hold", 10)]
    [InlineData("min", 2)]
    public void Silence_is_answered_as_the_policy_says(string onNoData, int? expected)
    {
        using var rig = new ScalingRig(ScalingRig.Policy(spec: $"minReplicas: 2\n  onNoData: {onNoData}"));
        rig.Serve(100, 180);
        rig.FallSilent(400);

        if (expected is { } replicas)
        {
            Assert.Equal(replicas, Replicas(rig));
            return;
        }
        Assert.Equal((GrpcStatusCode.Unavailable, "scaling policy 'web' has no data: telemetry of SLO 'web' does not fill the last 60 s"), Refusal(rig));
        Assert.Equal(10, rig.Desired());
    }

    [Fact]
    public void Nothing_is_answered_until_telemetry_fills_the_window()
    {
        using var rig = new ScalingRig(ScalingRig.Policy(spec: "onNoData: hold"));
        Assert.Equal((GrpcStatusCode.Unavailable, "scaling policy 'web' has no decision yet: the server has just started"), Refusal(rig));

        rig.Serve(100, 60);
        Assert.Equal((GrpcStatusCode.Unavailable, "scaling policy 'web' has no decision yet: telemetry of SLO 'web' does not fill the last 60 s"), Refusal(rig));
        Assert.Equal("sloengine-web", rig.Scaler.GetMetricSpec(Target).MetricSpecs.Single().MetricName);

        rig.Serve(100, 30);
        Assert.Equal(10, Replicas(rig));
    }

    [Fact]
    public async Task A_short_restart_goes_on_with_the_same_count()
    {
        using var rig = new ScalingRig(ScalingRig.Policy());
        rig.Serve(100, 300);
        await rig.RestartAsync(secondsDown: 5);
        Assert.Equal(GrpcStatusCode.Unavailable, Refusal(rig).Code);

        for (int second = 0; second < 180; second++)
        {
            rig.Serve(100, 1);
            Assert.Equal(10, Replicas(rig));
        }
    }

    [Fact]
    public async Task The_cooldown_goes_on_over_a_restart()
    {
        using var rig = new ScalingRig(ScalingRig.Policy());
        rig.Serve(100, 300);
        rig.Serve(20, 120);
        await rig.RestartAsync(secondsDown: 5);

        rig.Serve(20, 60);
        Assert.Equal(10, Replicas(rig));
        rig.Serve(20, 240);
        Assert.Equal(2, Replicas(rig));
    }

    [Fact]
    public async Task After_a_long_outage_the_backlog_of_a_counter_is_not_taken_for_load()
    {
        using var rig = new ScalingRig(ScalingRig.Policy());
        rig.Serve(100, 300);
        await rig.RestartAsync(secondsDown: 3600);

        bool answered = false;
        for (int second = 0; second < 300; second++)
        {
            rig.Serve(second == 0 ? 360_000 : 100, 1);
            answered |= rig.Desired() is not null;
            Assert.True(rig.Desired() is null or 10, $"{rig.Desired()} after {second} s");
        }
        Assert.True(answered);
    }

    [Fact]
    public void A_policy_of_an_SLO_that_is_not_there_says_so()
    {
        using var rig = new ScalingRig(ScalingRig.Policy().Replace("slo: web", "slo: wbe", StringComparison.Ordinal));
        rig.Serve(100, 180);

        Assert.Equal((GrpcStatusCode.Unavailable, "scaling policy 'web' has no decision yet: there is no SLO 'wbe'"), Refusal(rig));
    }

    [Fact]
    public void A_changed_file_is_read_again_and_keeps_the_cooldown()
    {
        using var rig = new ScalingRig(ScalingRig.Policy());
        rig.Serve(100, 180);
        rig.Serve(20, 60);

        rig.Write("web.yaml", ScalingRig.Policy(spec: "minReplicas: 3"));
        rig.Serve(20, 1);
        Assert.Equal((3, 10), (rig.Evaluator.Latest.Policies.Single().MinReplicas, rig.Desired()));
        rig.Serve(20, 400);
        Assert.Equal(3, rig.Desired());

        File.Delete(Path.Combine(rig.PolicyDirectory, "web.yaml"));
        rig.Serve(20, 1);
        Assert.Empty(rig.Evaluator.Latest.Policies);
        Assert.Equal(GrpcStatusCode.NotFound, Refusal(rig).Code);
    }

    [Fact]
    public void A_broken_file_keeps_its_last_good_policy_and_holds_up_no_other()
    {
        using var rig = new ScalingRig(ScalingRig.Policy());
        rig.Serve(100, 180);
        rig.Log.Clear();

        rig.Write("web.yaml", ScalingRig.Policy(spec: "replicas: 3"));
        rig.Write("other.yaml", ScalingRig.Policy("other", "other"));
        rig.Serve(100, 60);

        Assert.Equal((10, 10), (rig.Desired(), rig.Desired("other")));
        Assert.Equal(
            [
                "scaling.policies.loaded 2 scaling policies in use",
                "scaling.policies.wrong Scaling policies not loaded, the last good ones stand: web.yaml:10:3: unknown key spec.replicas; did you mean spec.minReplicas?",
            ],
            rig.Log);
    }

    [Fact]
    public void A_directory_that_is_gone_is_logged_once_and_its_policies_stand()
    {
        using var rig = new ScalingRig(ScalingRig.Policy());
        rig.Serve(100, 180);
        rig.Log.Clear();

        Directory.Move(rig.PolicyDirectory, rig.PolicyDirectory + "-away");
        rig.Serve(100, 30);
        Assert.Equal(10, rig.Desired());
        Assert.Single(rig.Log, line => line.StartsWith("scaling.policies.wrong", StringComparison.Ordinal));

        Directory.Move(rig.PolicyDirectory + "-away", rig.PolicyDirectory);
        rig.Serve(100, 30);
        Assert.Equal(3, rig.Log.Count);
        Assert.Equal("scaling.policies.loaded 1 scaling policies in use", rig.Log[^1]);
    }

    [Fact]
    public void A_file_behind_a_link_is_read_again_when_the_link_leads_elsewhere()
    {
        using var rig = new ScalingRig(ScalingRig.Policy());
        string folder = Path.Combine(rig.PolicyDirectory, "..");
        File.WriteAllText(Path.Combine(folder, "first"), ScalingRig.Policy("linked", "first"));
        File.WriteAllText(Path.Combine(folder, "other"), ScalingRig.Policy("linked", "other"));
        File.CreateSymbolicLink(Path.Combine(folder, "data"), Path.Combine(folder, "first"));
        File.CreateSymbolicLink(Path.Combine(rig.PolicyDirectory, "linked.yaml"), Path.Combine(folder, "data"));
        rig.Serve(100, 1);
        Assert.Equal("first", rig.Evaluator.Latest.Policies[0].TargetName);

        File.Delete(Path.Combine(folder, "data"));
        File.CreateSymbolicLink(Path.Combine(folder, "data"), Path.Combine(folder, "other"));
        rig.Serve(100, 1);

        Assert.Equal("other", rig.Evaluator.Latest.Policies[0].TargetName);
    }

    private static int Replicas(ScalingRig rig) =>
        (int)rig.Scaler.GetMetrics(new GetMetricsRequest { ScaledObjectRef = Target }).MetricValues.Single().MetricValueFloat;

    private static (GrpcStatusCode Code, string Message) Refusal(ScalingRig rig)
    {
        GrpcStatusException refusal = Assert.Throws<GrpcStatusException>(() => rig.Scaler.GetMetrics(new GetMetricsRequest { ScaledObjectRef = Target }));
        Assert.Equal(refusal.Code, Assert.Throws<GrpcStatusException>(() => rig.Scaler.IsActive(Target)).Code);
        return (refusal.Code, refusal.Message);
    }
}
