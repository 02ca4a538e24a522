using System.Globalization;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;
using SloEngine.Rules.Files;

namespace SloEngine.Rules.Evaluation;

/// <summary>When a rule is evaluated.</summary>
/// <param name="TimeMs">Time of the evaluation.</param>
/// <param name="OffsetMs">How far before it the query looks; samples stand at that time, too.</param>
/// <param name="Limit">Results the rule may have; 0 for any number.</param>
public readonly record struct EvaluationTime(long TimeMs, long OffsetMs, int Limit)
{
    /// <summary>Time of query and samples.</summary>
    public long QueryMs => TimeMs - OffsetMs;
}

/// <summary>A rule with what it remembers from one evaluation to the next.</summary>
public abstract class RuleState
{
    private HashSet<Labels> _previous = [];

    /// <summary>The rule.</summary>
    public abstract Rule Rule { get; }

    /// <summary>Why the last evaluation failed, or null.</summary>
    public string? LastError { get; private set; }

    /// <summary>How long the last evaluation took.</summary>
    public TimeSpan LastDuration { get; private set; }

    /// <summary>Time of the last evaluation, or null.</summary>
    public long? LastTimeMs { get; private set; }

    /// <summary>Evaluates once. A failure is remembered, and changes nothing else; series that are no more are ended.</summary>
    public async ValueTask EvaluateAsync(RuleContext context, EvaluationTime time, IRuleOutput output, TimeProvider clock, CancellationToken cancellation)
    {
        long started = clock.GetTimestamp();
        try
        {
            IReadOnlyList<RuleSample> samples = await SamplesAsync(context, time, cancellation);
            LastError = null;
            var current = new HashSet<Labels>(samples.Count);
            foreach (RuleSample sample in samples)
            {
                current.Add(sample.Labels);
                LastError = output.Add(sample) ?? LastError;
            }
            foreach (Labels ended in _previous.Where(labels => !current.Contains(labels)))
            {
                // Somebody else may have written a later sample: then there is nothing to end.
                output.Add(new RuleSample(ended, time.QueryMs, RuleSample.Stale));
            }
            _previous = current;
        }
        catch (PromQLEvaluationException failure)
        {
            LastError = failure.Message;
        }
        LastDuration = clock.GetElapsedTime(started);
        LastTimeMs = time.TimeMs;
    }

    /// <summary>Ends all series, as the rule is no more.</summary>
    public void End(long timeMs, IRuleOutput output)
    {
        foreach (Labels labels in _previous)
        {
            output.Add(new RuleSample(labels, timeMs, RuleSample.Stale));
        }
        _previous = [];
    }

    /// <summary>Goes on with what an earlier version of the rule remembers.</summary>
    public virtual void TakeOver(RuleState earlier) =>
        (_previous, LastError, LastDuration, LastTimeMs) = (earlier._previous, earlier.LastError, earlier.LastDuration, earlier.LastTimeMs);

    /// <summary>The rule's samples at a time.</summary>
    /// <exception cref="PromQLEvaluationException">They cannot be evaluated.</exception>
    protected abstract ValueTask<IReadOnlyList<RuleSample>> SamplesAsync(RuleContext context, EvaluationTime time, CancellationToken cancellation);

    /// <summary>A failure that is the rule's, not the query's.</summary>
    protected static PromQLEvaluationException Fail(FormattableString message) =>
        new(QueryFailure.Execution, message.ToString(CultureInfo.InvariantCulture));
}

/// <summary>A recording rule at work.</summary>
public sealed class RecordingState(RecordingRule rule) : RuleState
{
    /// <inheritdoc/>
    public override Rule Rule => rule;

    /// <inheritdoc/>
    protected override async ValueTask<IReadOnlyList<RuleSample>> SamplesAsync(RuleContext context, EvaluationTime time, CancellationToken cancellation)
    {
        IReadOnlyList<VectorSample> vector = await context.QueryAsync(rule.Expression, time.QueryMs, cancellation);
        var samples = new List<RuleSample>(vector.Count);
        var distinct = new HashSet<Labels>(vector.Count);
        foreach (VectorSample sample in vector)
        {
            var labels = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach ((string name, string value) in sample.Labels.Pairs)
            {
                labels[name] = value;
            }
            labels[Labels.MetricName] = rule.Name;
            foreach ((string name, string value) in rule.Labels)
            {
                labels[name] = value;
            }
            var series = Labels.Of(labels);
            if (!distinct.Add(series))
            {
                throw Fail($"vector contains metrics with the same labelset after applying rule labels");
            }
            samples.Add(new RuleSample(series, sample.TimeMs, sample.Value, sample.Histogram));
        }
        return time.Limit > 0 && samples.Count > time.Limit ? throw Fail($"exceeded limit of {time.Limit} with {samples.Count} series") : samples;
    }
}
