using SloEngine.Otlp.Grpc;
using SloEngine.Scaling.Signals;
using SloEngine.Slo.Model;

namespace SloEngine.Scaling.Tests;

public sealed class WatchTests
{
    [Fact]
    public async Task A_signal_comes_at_once_then_with_each_change_and_as_a_heartbeat()
    {
        using var rig = new ScalingRig(ScalingRig.Policy());
        rig.Serve(100, 180);
        await using IAsyncEnumerator<ScalingSignal> watch = rig.Signals.WatchAsync(TenantScope.All, ["web"], default).GetAsyncEnumerator();

        Assert.True(await watch.MoveNextAsync());
        Assert.Equal(("web", "shop", 10, 100d, false), (watch.Current.Policy, watch.Current.Namespace, watch.Current.DesiredReplicas, watch.Current.RequestRate, watch.Current.Frozen));

        DateTimeOffset first = rig.Now;
        await NextAsync(rig, watch, 100);
        Assert.Equal((10, TimeSpan.FromSeconds(15)), (watch.Current.DesiredReplicas, rig.Now - first));

        rig.Serve(100, 8);
        DateTimeOffset told;
        do
        {
            told = rig.Now;
            await NextAsync(rig, watch, 400);
        }
        while (watch.Current.DesiredReplicas == 10);
        Assert.True(rig.Now - told < TimeSpan.FromSeconds(15), "a change waits for no heartbeat");
    }

    [Fact]
    public async Task A_removed_policy_is_told_and_one_that_returns_starts_anew()
    {
        using var rig = new ScalingRig(ScalingRig.Policy());
        rig.Serve(100, 180);
        await using IAsyncEnumerator<ScalingSignal> watch = rig.Signals.WatchAsync(TenantScope.All, [], default).GetAsyncEnumerator();
        Assert.True(await watch.MoveNextAsync());

        File.Delete(Path.Combine(rig.PolicyDirectory, "web.yaml"));
        await NextAsync(rig, watch, 100);
        Assert.Equal(("web", true, true, 10, "the policy has been removed"), (watch.Current.Policy, watch.Current.Removed, watch.Current.Frozen, watch.Current.DesiredReplicas, watch.Current.Reason));

        rig.Serve(100, 60);
        rig.Write("web.yaml", ScalingRig.Policy());
        await NextAsync(rig, watch, 100);
        Assert.Equal((false, 10), (watch.Current.Removed, watch.Current.DesiredReplicas));
    }

    [Fact]
    public async Task Silence_freezes_the_signal()
    {
        using var rig = new ScalingRig(ScalingRig.Policy());
        rig.Serve(100, 180);
        rig.FallSilent(120);
        await using IAsyncEnumerator<ScalingSignal> watch = rig.Signals.WatchAsync(TenantScope.All, [], default).GetAsyncEnumerator();

        Assert.True(await watch.MoveNextAsync());
        Assert.Equal((10, true, false), (watch.Current.DesiredReplicas, watch.Current.Frozen, watch.Current.HasRequestRate));
    }

    [Fact]
    public async Task A_policy_that_is_not_there_is_refused()
    {
        using var rig = new ScalingRig(ScalingRig.Policy());
        await using IAsyncEnumerator<ScalingSignal> watch = rig.Signals.WatchAsync(TenantScope.All, ["wbe"], default).GetAsyncEnumerator();

        GrpcStatusException refusal = await Assert.ThrowsAsync<GrpcStatusException>(async () => await watch.MoveNextAsync());
        Assert.Equal((GrpcStatusCode.NotFound, "there is no scaling policy 'wbe'; known are web"), (refusal.Code, refusal.Message));
    }

    /// <summary>Lets time pass, a second at a time, until the watcher has its next signal.</summary>
    private static async Task NextAsync(ScalingRig rig, IAsyncEnumerator<ScalingSignal> watch, double requestsPerSecond)
    {
        Task<bool> next = watch.MoveNextAsync().AsTask();
        for (int second = 0; second < 60 && !next.IsCompleted; second++)
        {
            rig.Serve(requestsPerSecond, 1);
            // The watcher wakes on another thread; a step later it has the signal or waits again.
            await Task.WhenAny(next, Task.Delay(20));
        }
        Assert.True(await next.WaitAsync(TimeSpan.FromSeconds(5)));
    }
}
