using SloEngine.PromQL.Series;
using SloEngine.Rules.Evaluation;
using SloEngine.Rules.Files;

namespace SloEngine.Rules.Scheduling;

/// <summary>What an earlier process left of rules: when they were last evaluated, and their alerts.</summary>
internal sealed class RuleHistory(ISeriesSource source, long fromMs, long nowMs)
{
    private const long HourMs = 3_600_000;

    /// <summary>
    /// Time of the last samples of a group's recording rules between two times, or null. It is looked for in the last hour, where it most often is, then
    /// in the two before, and so on: all of a long time may be more samples than a query may read.
    /// </summary>
    public static async Task<long?> LastRecordedAsync(ISeriesSource source, RuleGroup group, long fromMs, long nowMs, CancellationToken cancellation)
    {
        long? last = null;
        for ((long end, long length) = (nowMs, HourMs); last is null && end > fromMs; (end, length) = (end - length, 2 * length))
        {
            last = await new RuleHistory(source, Math.Max(fromMs, end - length), end).LastRecordedAsync(group, cancellation);
        }
        return last;
    }

    private async Task<long?> LastRecordedAsync(RuleGroup group, CancellationToken cancellation)
    {
        long? last = null;
        foreach (string name in group.Rules.OfType<RecordingRule>().Select(static rule => rule.Name).Distinct())
        {
            foreach (SeriesData series in await SelectAsync(name, null, cancellation))
            {
                last = Math.Max(last ?? 0, series.TimesMs[^1]);
            }
        }
        return last;
    }

    /// <summary>Alerts of a rule that were there at its last evaluation.</summary>
    public async Task<IReadOnlyList<RuleAlert>> AlertsAsync(AlertingRule rule, CancellationToken cancellation)
    {
        IReadOnlyList<SeriesData> since = [.. (await SelectAsync("ALERTS_FOR_STATE", rule.Name, cancellation)).Where(series => Fits(rule, series.Labels))];
        if (since.Count == 0)
        {
            return [];
        }
        long last = since.Max(static series => series.TimesMs[^1]);
        HashSet<Labels> firing =
        [
            .. (await SelectAsync("ALERTS", rule.Name, cancellation))
                .Where(series => series.Labels["alertstate"] == "firing" && IsThere(series, last)).Select(static series => Bare(series.Labels)),
        ];
        return
        [
            .. since.Where(series => IsThere(series, last)).Select(series => new RuleAlert
            {
                Labels = Bare(series.Labels),
                Annotations = [],
                Value = 0,
                State = firing.Contains(Bare(series.Labels)) ? RuleAlertState.Firing : RuleAlertState.Pending,
                ActiveSinceMs = (long)(series.Values[^1] * 1000),
                FiredAtMs = firing.Contains(Bare(series.Labels)) ? last : null,
            }),
        ];
    }

    private static bool IsThere(SeriesData series, long timeMs) => series.TimesMs[^1] == timeMs && !double.IsNaN(series.Values[^1]);

    private static Labels Bare(Labels labels) => labels.Where(static name => name is not (Labels.MetricName or "alertstate"));

    /// <summary>Rules may share a name: those labels that are no templates tell them apart.</summary>
    private static bool Fits(AlertingRule rule, Labels labels) =>
        rule.Labels.All(label => label.Value.Contains("{{", StringComparison.Ordinal) || labels[label.Key] == label.Value);

    private ValueTask<IReadOnlyList<SeriesData>> SelectAsync(string metric, string? alert, CancellationToken cancellation)
    {
        List<LabelMatcher> matchers = [new(Labels.MetricName, MatchKind.Equal, metric)];
        if (alert is not null)
        {
            matchers.Add(new LabelMatcher("alertname", MatchKind.Equal, alert));
        }
        return source.SelectAsync(new SeriesSelection(matchers, fromMs, nowMs), cancellation);
    }
}
