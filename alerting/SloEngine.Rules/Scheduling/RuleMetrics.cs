using System.Diagnostics.Metrics;
using SloEngine.Rules.Evaluation;

namespace SloEngine.Rules.Scheduling;

/// <summary>The scheduler's own metrics: those that Prometheus has as <c>prometheus_rule_*</c>, by tenant and <c>rule_group</c> (file;name).</summary>
internal sealed class RuleMetrics : IDisposable
{
    private readonly Meter _meter = new("SloEngine.Rules");
    private readonly Counter<long> _evaluations;
    private readonly Counter<long> _failures;
    private readonly Counter<long> _iterations;
    private readonly Counter<long> _missed;
    private readonly Histogram<double> _duration;

    public RuleMetrics(Func<IReadOnlyList<ScheduledGroup>> groups)
    {
        _evaluations = _meter.CreateCounter<long>("sloengine.rules.evaluations", "{evaluation}", "Evaluations of rules.");
        _failures = _meter.CreateCounter<long>("sloengine.rules.evaluation_failures", "{evaluation}", "Evaluations of rules that failed.");
        _duration = _meter.CreateHistogram<double>("sloengine.rules.evaluation.duration", "s", "Time that evaluations of rules took.");
        _iterations = _meter.CreateCounter<long>("sloengine.rules.group.iterations", "{evaluation}", "Evaluations of groups that were due, missed ones among them.");
        _missed = _meter.CreateCounter<long>("sloengine.rules.group.iterations_missed", "{evaluation}", "Evaluations of groups that were passed over because those before took too long.");
        Gauge("last_duration", "s", "Time that the last evaluation of the group took.", static group => group.LastDuration.TotalSeconds);
        Gauge("last_evaluation", "s", "Time of the last evaluation of the group, Unix seconds.", static group => (group.LastMs ?? 0) / 1000d);
        Gauge("interval", "s", "Interval of the group.", static group => group.IntervalMs / 1000d);
        Gauge("rules", "{rule}", "Rules of the group.", static group => group.State.Rules.Count);
        Gauge("last_samples", "{sample}", "Samples that the last evaluation of the group gave.", static group => group.LastSamples);

        void Gauge(string name, string unit, string description, Func<ScheduledGroup, double> read) => _meter.CreateObservableGauge(
            "sloengine.rules.group." + name, () => groups().Select(group => new Measurement<double>(read(group), Tags(group))), unit, description);
    }

    /// <summary>Counts an evaluation of a group and of rules in it.</summary>
    public void Evaluated(ScheduledGroup group, IEnumerable<RuleState> rules)
    {
        KeyValuePair<string, object?>[] tags = Tags(group);
        _iterations.Add(1, tags);
        foreach (RuleState rule in rules)
        {
            _evaluations.Add(1, tags);
            _duration.Record(rule.LastDuration.TotalSeconds);
            if (rule.LastError is not null)
            {
                _failures.Add(1, tags);
            }
        }
    }

    /// <summary>Counts evaluations of a group that were passed over.</summary>
    public void Missed(ScheduledGroup group, long count)
    {
        KeyValuePair<string, object?>[] tags = Tags(group);
        _iterations.Add(count, tags);
        _missed.Add(count, tags);
    }

    public void Dispose() => _meter.Dispose();

    private static KeyValuePair<string, object?>[] Tags(ScheduledGroup group) =>
        [new("rule_group", $"{group.State.Group.File};{group.State.Group.Name}"), new("tenant", group.State.Group.Tenant)];
}
