using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.Rules.Files;
using SloEngine.Rules.Templates;

namespace SloEngine.Rules.Evaluation;

/// <summary>
/// An alerting rule at work: each sample is an alert, pending until it was there for long enough. The series ALERTS and ALERTS_FOR_STATE
/// tell of it (prometheus.io/docs/prometheus/latest/configuration/alerting_rules).
/// </summary>
public sealed class AlertingState(AlertingRule rule) : RuleState
{
    private const string AlertName = "alertname";
    private const string AlertStateLabel = "alertstate";
    private const long ResolvedRetentionMs = 15 * 60_000;

    private Dictionary<Labels, RuleAlert> _alerts = [];

    /// <inheritdoc/>
    public override Rule Rule => rule;

    /// <summary>Alerts that are pending, firing, or were over a moment ago.</summary>
    public IReadOnlyCollection<RuleAlert> Alerts => _alerts.Values;

    /// <summary>Takes up alerts of an earlier process or of an earlier version of the rule.</summary>
    public void Restore(IEnumerable<RuleAlert> alerts) => _alerts = alerts.ToDictionary(static alert => alert.Labels);

    /// <summary>
    /// Alerts that Alertmanagers are to be told of, and marks them as told: those that fire, or were over of late, when they were not told of
    /// for a while, and those that are over since (rules/alerting.go, needsSending).
    /// </summary>
    public IReadOnlyList<RuleAlert> TakeDue(long timeMs, TimeSpan resendDelay)
    {
        RuleAlert[] due =
        [
            .. _alerts.Values.Where(alert => alert.State != RuleAlertState.Pending
                && (alert.SentAtMs is not { } sent || alert.ResolvedAtMs > sent || sent + (long)resendDelay.TotalMilliseconds < timeMs)),
        ];
        if (due.Length > 0)
        {
            // Others may be reading: what they see stays as it is.
            Dictionary<Labels, RuleAlert> marked = new(_alerts);
            foreach (RuleAlert alert in due)
            {
                marked[alert.Labels] = alert with { SentAtMs = timeMs };
            }
            _alerts = marked;
        }
        return due;
    }

    /// <inheritdoc/>
    public override void TakeOver(RuleState earlier)
    {
        base.TakeOver(earlier);
        _alerts = (earlier as AlertingState)?._alerts ?? _alerts;
    }

    /// <inheritdoc/>
    protected override async ValueTask<IReadOnlyList<RuleSample>> SamplesAsync(RuleContext context, EvaluationTime time, CancellationToken cancellation)
    {
        IReadOnlyList<VectorSample> vector = await context.QueryAsync(rule.Expression, time.QueryMs, cancellation);
        Dictionary<Labels, RuleAlert> found = Found(vector, context, time, cancellation);
        var next = new Dictionary<Labels, RuleAlert>(found.Count);
        foreach ((Labels labels, RuleAlert alert) in found)
        {
            RuleAlert current = _alerts.TryGetValue(labels, out RuleAlert? known) && known.State != RuleAlertState.Inactive
                ? known with
                {
                    // Not later than now: a clock that was set back would have it pend until it is there again.
                    ActiveSinceMs = Math.Min(known.ActiveSinceMs, time.TimeMs), Value = alert.Value, Annotations = alert.Annotations, KeptSinceMs = null,
                }
                : alert;
            next.Add(labels, Advanced(current, time.TimeMs));
        }
        foreach ((Labels labels, RuleAlert alert) in _alerts)
        {
            if (!found.ContainsKey(labels) && WithoutSample(alert, time.TimeMs) is { } left)
            {
                next.Add(labels, left);
            }
        }
        RuleAlert[] active = [.. next.Values.Where(static alert => alert.State != RuleAlertState.Inactive)];
        if (time.Limit > 0 && active.Length > time.Limit)
        {
            _alerts = [];
            throw Fail($"exceeded limit of {time.Limit} with {active.Length} alerts");
        }
        _alerts = next;
        return [.. active.SelectMany(alert => Samples(alert, time.QueryMs))];
    }

    private Dictionary<Labels, RuleAlert> Found(IReadOnlyList<VectorSample> vector, RuleContext context, EvaluationTime time, CancellationToken cancellation)
    {
        var found = new Dictionary<Labels, RuleAlert>(vector.Count);
        if (vector.Count == 0)
        {
            return found;
        }
        // Templates are expanded at once, and few query: the wait for those is accepted.
        var environment = new TemplateEnvironment(
            time.QueryMs,
            Uri.TryCreate(context.ExternalUrl, UriKind.Absolute, out Uri? url) ? url : null,
            query => context.QueryAsync(PromQLParser.Parse(query), time.QueryMs, cancellation).AsTask().GetAwaiter().GetResult());
        foreach (VectorSample sample in vector)
        {
            AlertTemplateData data = AlertTemplate.Data(sample, context.ExternalLabels, context.ExternalUrl);
            Dictionary<string, string> labels = TemplateEnvironment.Map(sample.Labels);
            labels.Remove(Labels.MetricName);
            foreach ((string name, string value) in rule.Labels)
            {
                labels[name] = AlertTemplate.Expand(rule.Name, value, data, environment);
            }
            labels[AlertName] = rule.Name;
            var alert = new RuleAlert
            {
                Labels = Labels.Of(labels),
                Annotations = [.. rule.Annotations.Select(pair => KeyValuePair.Create(pair.Key, AlertTemplate.Expand(rule.Name, pair.Value, data, environment)))],
                Value = sample.Histogram is null ? sample.Value : 0,
                State = RuleAlertState.Pending,
                ActiveSinceMs = time.TimeMs,
            };
            if (!found.TryAdd(alert.Labels, alert))
            {
                throw Fail($"vector contains metrics with the same labelset after applying alert labels");
            }
        }
        return found;
    }

    private RuleAlert Advanced(RuleAlert alert, long timeMs) =>
        alert.State == RuleAlertState.Pending && timeMs - alert.ActiveSinceMs >= (long)rule.For.TotalMilliseconds
            ? alert with { State = RuleAlertState.Firing, FiredAtMs = timeMs }
            : alert;

    /// <summary>What becomes of an alert without a sample: it is kept, over, or forgotten.</summary>
    private RuleAlert? WithoutSample(RuleAlert alert, long timeMs)
    {
        switch (alert.State)
        {
            case RuleAlertState.Pending:
                return null;
            case RuleAlertState.Inactive:
                return timeMs - alert.ResolvedAtMs > ResolvedRetentionMs ? null : alert;
            default:
                long since = Math.Min(alert.KeptSinceMs ?? timeMs, timeMs);
                return timeMs - since < (long)rule.KeepFiringFor.TotalMilliseconds
                    ? alert with { KeptSinceMs = since }
                    : alert with { State = RuleAlertState.Inactive, ResolvedAtMs = timeMs };
        }
    }

    private static IEnumerable<RuleSample> Samples(RuleAlert alert, long timeMs)
    {
        string state = alert.State == RuleAlertState.Firing ? "firing" : "pending";
        yield return new RuleSample(alert.Labels.With(Labels.MetricName, "ALERTS").With(AlertStateLabel, state), timeMs, 1);
        yield return new RuleSample(alert.Labels.With(Labels.MetricName, "ALERTS_FOR_STATE"), timeMs, alert.ActiveSinceMs / 1000);
    }
}
