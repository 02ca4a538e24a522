using System.Globalization;

namespace SloEngine.Scaling.Policies;

/// <summary>
/// Decides on replicas in the order of HPA's algorithm (Kubernetes documentation, "Horizontal Pod Autoscaling", "Algorithm details" and
/// "Configurable scaling behavior"): stabilisation, tolerance, largest steps.
/// </summary>
internal sealed class ScalingDecider(ScalingPolicy policy)
{
    /// <summary>Sums of floating-point rates: 3.0000000001 replicas are three.</summary>
    private const double Noise = 1e-9;

    private readonly List<(DateTimeOffset Time, double Replicas)> _demands = [];
    private readonly List<(DateTimeOffset Since, int Replicas)> _course = [];
    private ScalingDecision? _latest;

    private int? Current => _course.Count > 0 ? _course[^1].Replicas : null;

    /// <summary>Takes up a moment of the past: it counts for cooldowns, tolerance and steps, and decides nothing.</summary>
    public void Recall(ScalingInput input, DateTimeOffset time)
    {
        if (input.RequestRate is { } rate)
        {
            Advance(Demand(rate, input.BurnRate), time);
        }
    }

    /// <summary>Decides for a moment; times ascend from call to call. Without data the last decision stands; null when there is none.</summary>
    public ScalingDecision? Decide(ScalingInput input, DateTimeOffset now)
    {
        if (input.RequestRate is not { } rate)
        {
            return _latest = _latest is null ? null
                : _latest with { Input = input, Frozen = true, Reason = $"{input.Silence}: the last decision stands", EvaluatedAt = now };
        }
        double demand = Demand(rate, input.BurnRate);
        (int desired, string note) = Advance(demand, now);
        int raw = Ceiling(demand);
        string reason = string.Create(CultureInfo.InvariantCulture, $"{rate:0.##} requests/s at {policy.RequestsPerReplica:0.##} a replica")
            + (input.Silence is { } silence ? $" ({silence}, which counts as no traffic)" : "")
            + (Boosts(input.BurnRate) ? string.Create(CultureInfo.InvariantCulture, $", x{policy.BurnBoost:0.##} for a burn of {input.BurnRate:0.#}") : "")
            + note
            + (raw > policy.MaxReplicas ? ", at the maximum" : raw < policy.MinReplicas ? ", at the minimum" : "");
        return _latest = new ScalingDecision(policy, desired, raw, input, Frozen: false, reason, now);
    }

    private bool Boosts(double? burn) => policy.BurnBoost > 1 && burn >= policy.BurnThreshold;

    private double Demand(double rate, double? burn) => rate / policy.RequestsPerReplica * (Boosts(burn) ? policy.BurnBoost : 1);

    private (int Replicas, string Note) Advance(double demand, DateTimeOffset now)
    {
        double bounded = Math.Clamp(demand, policy.MinReplicas, policy.MaxReplicas);
        double stable = Stabilise(bounded, now);
        int tolerated = Tolerate(stable);
        int desired = Limit(tolerated, now);
        string note = desired != tolerated ? ", at the largest step"
            : tolerated != Ceiling(stable) ? ", within the tolerance"
            : Ceiling(stable) > Ceiling(bounded) ? ", scale-down cools"
            : Ceiling(stable) < Ceiling(bounded) ? ", scale-up cools" : "";
        if (desired != Current)
        {
            _course.Add((now, desired));
            TimeSpan longest = policy.ScaleUp.StepPeriod > policy.ScaleDown.StepPeriod ? policy.ScaleUp.StepPeriod : policy.ScaleDown.StepPeriod;
            _course.RemoveRange(0, Since(now - longest));
        }
        return (desired, note);
    }

    /// <summary>Up to the lowest demand of the one cooldown, down to the highest of the other.</summary>
    private double Stabilise(double demand, DateTimeOffset now)
    {
        DateTimeOffset up = now - policy.ScaleUp.Cooldown;
        DateTimeOffset down = now - policy.ScaleDown.Cooldown;
        _demands.RemoveAll(past => past.Time <= up && past.Time <= down);
        (double lowest, double highest) = (demand, demand);
        foreach ((DateTimeOffset time, double past) in _demands)
        {
            lowest = time > up ? Math.Min(lowest, past) : lowest;
            highest = time > down ? Math.Max(highest, past) : highest;
        }
        _demands.Add((now, demand));
        return Current is { } current ? Math.Clamp(current, lowest, highest) : demand;
    }

    /// <summary>
    /// Leaves the replicas where HPA would: it compares our count with its own and passes over what is within its tolerance. So a count
    /// that it would pass over is never asked for, and it arrives at every one that is.
    /// </summary>
    private int Tolerate(double demand)
    {
        int replicas = Ceiling(demand);
        return Current is { } current && current > 0 && demand <= current * (1 + policy.Tolerance) && replicas >= current * (1 - policy.Tolerance)
            ? current : replicas;
    }

    private int Limit(int replicas, DateTimeOffset now)
    {
        if (Current is not { } current || replicas == current)
        {
            return replicas;
        }
        ScalingPace pace = replicas > current ? policy.ScaleUp : policy.ScaleDown;
        int start = _course[Since(now - pace.StepPeriod)].Replicas;
        if (pace.LargestStep(start) is not { } step)
        {
            return replicas;
        }
        return replicas > current ? Math.Min(replicas, Math.Max(current, start + step)) : Math.Max(replicas, Math.Min(current, start - step));
    }

    /// <summary>Index of the change that holds at a time, else of the first one that is known.</summary>
    private int Since(DateTimeOffset time) => Math.Max(0, _course.FindLastIndex(change => change.Since <= time));

    private static int Ceiling(double replicas) => (int)Math.Min(int.MaxValue / 2, Math.Ceiling(replicas - Noise));
}
