using SloEngine.Scaling.Policies;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Scaling.Tests;

public sealed class ScalingPolicyFileTests
{
    private const string Valid = """
        apiVersion: sloengine/v1
        kind: ScalingPolicy
        metadata: {name: p}
        spec:
          target: {namespace: n, name: t}
          slo: s
          requestsPerReplica: 12.5
          maxReplicas: 30
        """;

    [Fact]
    public void What_is_left_out_has_HPAs_defaults()
    {
        ScalingPolicy policy = Read(Valid);

        Assert.Equal(new ScalingPolicy { Name = "p", TargetNamespace = "n", TargetName = "t", Slo = "s", RequestsPerReplica = 12.5, MaxReplicas = 30, File = "p.yaml" }, policy);
        Assert.Equal((0.1, OnNoData.Error, 1), (policy.Tolerance, policy.OnNoData, policy.MinReplicas));
        Assert.Equal((TimeSpan.Zero, TimeSpan.FromMinutes(5)), (policy.ScaleUp.Cooldown, policy.ScaleDown.Cooldown));
    }

    [Fact]
    public void Every_key_is_read()
    {
        ScalingPolicy policy = Read(Valid + "\n" + """
              window: 85s
              burn: {threshold: 2, boost: 1.5, window: 10m}
              minReplicas: 0
              tolerance: 0.05
              onNoData: min
              scaleUp: {cooldown: 30s, maxStepPercent: 100, maxStepReplicas: 4, stepPeriod: 15s}
              scaleDown: {cooldown: 0s, maxStepReplicas: 1, stepPeriod: 2m}
            """);

        Assert.Equal((TimeSpan.FromSeconds(90), 2, 1.5, TimeSpan.FromMinutes(10)), (policy.Window, policy.BurnThreshold, policy.BurnBoost, policy.BurnWindow));
        Assert.Equal((0, 0.05, OnNoData.Min), (policy.MinReplicas, policy.Tolerance, policy.OnNoData));
        Assert.Equal(new ScalingPace { Cooldown = TimeSpan.FromSeconds(30), MaxStepPercent = 100, MaxStepReplicas = 4, StepPeriod = TimeSpan.FromSeconds(15) }, policy.ScaleUp);
        Assert.Equal(new ScalingPace { MaxStepReplicas = 1, StepPeriod = TimeSpan.FromMinutes(2) }, policy.ScaleDown);
    }

    [Theory]
    [InlineData("apiVersion: sloengine/v1", "", "p.yaml:2:1: apiVersion is missing")]
    [InlineData("kind: ScalingPolicy", "kind: Policy", "p.yaml:2:7: kind is 'Policy', expected ScalingPolicy")]
    [InlineData("requestsPerReplica: 12.5", "requestsPerReplica: x", "p.yaml:7:23: spec.requestsPerReplica is 'x', expected a number")]
    [InlineData("requestsPerReplica: 12.5", "requestsPerReplica: 0", "p.yaml:7:23: spec.requestsPerReplica is '0', expected a number from 1E-06 to 1000000000")]
    [InlineData("requestsPerReplica: 12.5", "requestsPerReplica: NaN", "p.yaml:7:23: spec.requestsPerReplica is 'NaN', expected a number from")]
    [InlineData("slo: s", "slo: s\n  window: 0s", "p.yaml:7:11: spec.window is '0s', expected a duration from 20s to 24h")]
    [InlineData("slo: s", "slo: s\n  window: 25h", "p.yaml:7:11: spec.window is '25h', expected a duration from 20s to 24h")]
    [InlineData("slo: s", "slo: s\n  window: 99999999999999999h", "p.yaml:7:11: spec.window is '99999999999999999h', expected a duration")]
    [InlineData("maxReplicas: 30", "maxReplicas: 2.7", "p.yaml:8:16: spec.maxReplicas is '2.7', expected a whole number from 1 to 1000000")]
    [InlineData("slo: s", "slo: s\n  minReplicas: 31", "p.yaml:9:16: spec.maxReplicas is 30, below spec.minReplicas, which is 31")]
    [InlineData("slo: s", "slo: s\n  onNoData: zero", "p.yaml:7:13: spec.onNoData is 'zero', expected error, hold or min")]
    [InlineData("slo: s", "slo: s\n  onNodata: min", "p.yaml:7:3: unknown key spec.onNodata; did you mean spec.onNoData?")]
    [InlineData("slo: s", "slo: s\n  scaleDown: {cooldwn: 1m}", "p.yaml:7:15: unknown key spec.scaleDown.cooldwn; did you mean spec.scaleDown.cooldown?")]
    [InlineData("slo: s", "slo: s\n  replicas: 3", "p.yaml:7:3: unknown key spec.replicas; did you mean spec.minReplicas?")]
    [InlineData("slo: s", "slo: s\n  burn: 3", "p.yaml:7:9: spec.burn is to be a mapping")]
    [InlineData("slo: s", "slo: [", "p.yaml:1:1: not valid YAML: a list or mapping may not be closed")]
    [InlineData("slo: s", "slo: 's", "p.yaml:6:8: not valid YAML")]
    public void A_wrong_file_says_where_and_what(string right, string wrong, string expected)
    {
        (IReadOnlyList<ScalingPolicy> policies, IReadOnlyList<SloFileError> errors) = ScalingPolicyFile.Read([("p.yaml", Valid.Replace(right, wrong, StringComparison.Ordinal))]);

        Assert.Empty(policies);
        Assert.StartsWith(expected, Assert.Single(errors).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_is_taken_is_refused()
    {
        (IReadOnlyList<ScalingPolicy> policies, IReadOnlyList<SloFileError> errors) = ScalingPolicyFile.Read([("a.yaml", Valid), ("b.yaml", Valid)]);

        Assert.Single(policies);
        Assert.Equal("b.yaml:1:1: metadata.name 'p' is taken in a.yaml", Assert.Single(errors).ToString());
    }

    [Fact]
    public void The_demos_policies_read()
    {
        DirectoryInfo root = new(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "SloEngine.sln")))
        {
            root = root.Parent!;
        }
        var catalog = new ScalingPolicyCatalog(Path.Combine(root.FullName, "deploy", "SloEngine.Server", "Demo", "scaling"));

        Assert.True(catalog.Reload());
        Assert.Empty(catalog.Errors);
        Assert.Equal(["checkout", "storefront"], catalog.Policies.Select(policy => policy.Name));
    }

    private static ScalingPolicy Read(string text)
    {
        (IReadOnlyList<ScalingPolicy> policies, IReadOnlyList<SloFileError> errors) = ScalingPolicyFile.Read([("p.yaml", text)]);
        Assert.Empty(errors);
        return Assert.Single(policies);
    }
}
