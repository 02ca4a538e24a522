using SloEngine.Rules.Files;

namespace SloEngine.Rules.Evaluation;

/// <summary>A group of rules at work: its rules are evaluated in order, each seeing what those before it gave.</summary>
public sealed class GroupState
{
    /// <summary>Creates a group that was never evaluated.</summary>
    public GroupState(RuleGroup group)
    {
        Group = group;
        Rules =
        [
            .. group.Rules.Select(static rule => rule switch
            {
                RecordingRule recording => (RuleState)new RecordingState(recording),
                AlertingRule alerting => new AlertingState(alerting),
                _ => throw new InvalidOperationException($"a rule of type {rule.GetType().Name} cannot be evaluated"),
            }),
        ];
    }

    /// <summary>The group.</summary>
    public RuleGroup Group { get; }

    /// <summary>Its rules, in order.</summary>
    public IReadOnlyList<RuleState> Rules { get; }

    /// <summary>Evaluates all rules once.</summary>
    public async Task EvaluateAsync(RuleContext context, long timeMs, IRuleOutput output, TimeProvider clock, CancellationToken cancellation)
    {
        var time = new EvaluationTime(timeMs, (long)(Group.QueryOffset ?? TimeSpan.Zero).TotalMilliseconds, Group.Limit);
        foreach (RuleState rule in Rules)
        {
            await rule.EvaluateAsync(context, time, output, clock, cancellation);
        }
    }
}
