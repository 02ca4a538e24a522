using SloEngine.Otlp.Grpc;
using SloEngine.Scaling.Keda;

namespace SloEngine.Scaling.Tests;

public sealed class KedaTests
{
    [Fact]
    public void A_workload_finds_its_policy_by_namespace_and_name_or_by_the_policys_name()
    {
        using var rig = new ScalingRig(ScalingRig.Policy("first", "web") + "\n---\n" + ScalingRig.Policy("second", "worker"));
        string Metric(ScaledObjectRef target) => rig.Scaler.GetMetricSpec(target).MetricSpecs.Single().MetricName;
        var named = new ScaledObjectRef { Namespace = "shop", Name = "web" };
        named.ScalerMetadata["policy"] = "second";

        Assert.Equal("sloengine-first", Metric(new() { Namespace = "shop", Name = "web" }));
        Assert.Equal("sloengine-second", Metric(new() { Namespace = "shop", Name = "worker" }));
        Assert.Equal("sloengine-second", Metric(named));

        GrpcStatusException elsewhere = Assert.Throws<GrpcStatusException>(() => Metric(new() { Namespace = "mall", Name = "web" }));
        Assert.Equal((GrpcStatusCode.NotFound, "there is no scaling policy 'mall/web'; known are first, second"), (elsewhere.Code, elsewhere.Message));
        named.ScalerMetadata["policy"] = "third";
        Assert.Equal("there is no scaling policy 'third'; known are first, second", Assert.Throws<GrpcStatusException>(() => Metric(named)).Message);
    }

    [Fact]
    public void A_policy_is_its_SLOs_owners_alone_also_before_that_is_known_and_after_the_SLO_was_removed()
    {
        using var rig = new ScalingRig(ScalingRig.Policy(), tenant: "acme");
        var target = new ScaledObjectRef { Namespace = "shop", Name = "web" };
        string Metric(ExternalScaler scaler) => scaler.GetMetricSpec(target).MetricSpecs.Single().MetricName;
        (GrpcStatusCode, string) Refusal(string tenant) => Assert.Throws<GrpcStatusException>(() => Metric(rig.ScalerOf(tenant))) is var refused ? (refused.Code, refused.Message) : default;
        (GrpcStatusCode, string) unknown = (GrpcStatusCode.Unavailable, "scaling policy 'shop/web' is not known to be yours yet: the server has just started");
        (GrpcStatusCode, string) others = (GrpcStatusCode.NotFound, "there is no scaling policy 'shop/web'; known are ");

        Assert.Equal((unknown, unknown, "sloengine-web"), (Refusal("acme"), Refusal("default"), Metric(rig.Scaler)));
        rig.FallSilent(1);
        Assert.Equal(("sloengine-web", others, "sloengine-web"), (Metric(rig.ScalerOf("acme")), Refusal("default"), Metric(rig.Scaler)));
        rig.RemoveSlo();
        rig.FallSilent(1);
        Assert.Equal(("sloengine-web", others, "sloengine-web"), (Metric(rig.ScalerOf("acme")), Refusal("default"), Metric(rig.Scaler)));
    }

    [Fact]
    public void HPA_arrives_at_the_desired_count_through_rises_and_falls()
    {
        using var rig = new ScalingRig(ScalingRig.Policy(spec: "scaleDown: {cooldown: 1m}"));
        var target = new ScaledObjectRef { Namespace = "shop", Name = "web" };
        rig.Serve(100, 180);
        int replicas = 10;
        var seen = new HashSet<int>();
        // From 10 to 31 replicas and back by single steps of demand, which HPA would pass over one by one.
        foreach (double rate in (double[])[.. Enumerable.Range(100, 210).Select(rate => (double)rate), .. Enumerable.Range(0, 306).Select(down => 310d - down)])
        {
            rig.Serve(rate, 30);
            double value = rig.Scaler.GetMetrics(new GetMetricsRequest { ScaledObjectRef = target }).MetricValues.Single().MetricValueFloat;
            double perReplica = rig.Scaler.GetMetricSpec(target).MetricSpecs.Single().TargetSizeFloat;
            replicas = Hpa(replicas, value, perReplica);
            Assert.Equal(rig.Desired(), replicas);
            seen.Add(replicas);
        }
        Assert.Equal(1, replicas);
        Assert.True(seen.Count > 12);
    }

    [Fact]
    public async Task StreamIsActive_is_silent_until_there_is_a_decision_and_tells_changes()
    {
        using var rig = new ScalingRig(ScalingRig.Policy(spec: "minReplicas: 0"));
        using var end = new CancellationTokenSource();
        var answers = new List<bool>();
        Task stream = rig.Scaler.StreamIsActiveAsync(
            new ScaledObjectRef { Namespace = "shop", Name = "web" },
            answer =>
            {
                lock (answers)
                {
                    answers.Add(answer.Result);
                }
                return Task.CompletedTask;
            },
            end.Token);

        await Step(() => rig.Serve(100, 1), 30);
        Assert.Empty(answers);
        await Step(() => rig.Serve(100, 1), 60);
        await Step(() => rig.Serve(0, 1), 500);
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => stream);

        Assert.Equal([true, false], answers);

        static async Task Step(Action action, int times)
        {
            for (int step = 0; step < times; step++)
            {
                action();
                await Task.Yield();
            }
            await Task.Delay(50);
        }
    }

    /// <summary>HPA's arithmetic for an external metric of type AverageValue with its default tolerance (Kubernetes, "Algorithm details").</summary>
    private static int Hpa(int replicas, double value, double perReplica)
    {
        double ratio = value / (perReplica * replicas);
        return Math.Abs(ratio - 1) <= 0.1 ? replicas : (int)Math.Ceiling(value / perReplica);
    }
}
