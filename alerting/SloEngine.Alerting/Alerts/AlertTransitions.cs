using SloEngine.Slo.Burn;

namespace SloEngine.Alerting.Alerts;

/// <summary>The states of one alert: inactive, pending, firing, resolved. Pure: time and conditions go in, the next state comes out.</summary>
internal static class AlertTransitions
{
    /// <summary>What an SLO's policies of one severity say: the first that holds, whether all say no, or nothing for want of data.</summary>
    public static (PolicyState? Holding, bool Over) Read(IEnumerable<PolicyState> policies)
    {
        bool over = true;
        foreach (PolicyState policy in policies)
        {
            if (policy.Holds == true)
            {
                return (policy, false);
            }
            over &= policy.Holds == false;
        }
        return (null, over);
    }

    /// <summary>
    /// The next state of an alert (null for none). Without data nothing changes: an outage that silences its own telemetry neither
    /// resolves its alert nor raises one.
    /// </summary>
    /// <param name="current">The alert as it is, or null.</param>
    /// <param name="begin">Makes a pending alert of the policy that holds.</param>
    /// <param name="holding">The policy that holds, or null.</param>
    /// <param name="over">Whether every policy says that it does not hold.</param>
    /// <param name="overSince">Since when that has been so.</param>
    /// <param name="resolveAfter">How long it has to be so.</param>
    /// <param name="now">The time.</param>
    public static Alert? Next(
        Alert? current, Func<PolicyState, Alert> begin, PolicyState? holding, bool over, DateTimeOffset? overSince, TimeSpan resolveAfter, DateTimeOffset now)
    {
        if (holding is { } policy)
        {
            Alert alert = current is null or { State: AlertState.Resolved } ? begin(policy) : current;
            return alert.State == AlertState.Pending && now - alert.ActiveSince >= policy.Policy.For
                ? alert with { State = AlertState.Firing, FiredAt = now } : alert;
        }
        if (!over || current is null or { State: AlertState.Resolved })
        {
            return current;
        }
        if (current.State == AlertState.Pending)
        {
            return null;
        }
        return overSince is { } since && now - since >= resolveAfter ? current with { State = AlertState.Resolved, ResolvedAt = now } : current;
    }
}
