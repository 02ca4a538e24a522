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

    /// <summary>Evaluates the rules once: all, or the recording rules only.</summary>
    public async Task EvaluateAsync(
        RuleContext context, long timeMs, IRuleOutput output, TimeProvider clock, bool recordingOnly, CancellationToken cancellation)
    {
        var time = new EvaluationTime(timeMs, (long)(Group.QueryOffset ?? TimeSpan.Zero).TotalMilliseconds, Group.Limit);
        foreach (RuleState rule in Rules.Where(rule => !recordingOnly || rule is RecordingState))
        {
            await rule.EvaluateAsync(context, time, output, clock, cancellation);
        }
    }

    /// <summary>Goes on with what the rules of an earlier version remember; gives those that are no more.</summary>
    public IReadOnlyList<RuleState> TakeOver(GroupState earlier)
    {
        List<RuleState> left = [.. earlier.Rules];
        foreach (RuleState rule in Rules)
        {
            if (left.Find(old => Key(old.Rule) == Key(rule.Rule)) is { } known)
            {
                rule.TakeOver(known);
                left.Remove(known);
            }
        }
        return left;
    }

    private static string Key(Rule rule) =>
        $"{rule.GetType().Name}\0{rule.Name}\0{rule.Expression}\0{string.Join('\0', rule.Labels.Select(static label => $"{label.Key}={label.Value}"))}";
}
