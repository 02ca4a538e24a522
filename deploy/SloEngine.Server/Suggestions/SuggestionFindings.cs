using System.Globalization;

namespace SloEngine.Server.Suggestions;

/// <summary>Makes SLOs of histories, or notes why not.</summary>
internal sealed class SuggestionFindings(string tenant, int days)
{
    /// <summary>Shares of fast events that a threshold is looked for, the best first.</summary>
    private static readonly double[] FastShares = [0.99, 0.95, 0.9];

    private readonly List<SloSuggestion> _suggestions = [];
    private readonly List<PassedOver> _passedOver = [];

    /// <summary>Adds what durations tell.</summary>
    public void Add(string service, KnownDuration duration, DurationCounts counts)
    {
        string selector = MetricHistory.Selector(service);
        SuggestedSource total = Rate($"{duration.Metric}_count", selector);
        Propose(service, $"{duration.Events} that do not fail", NameOf(service, duration, "availability"), counts.Failed, counts.Total, $"{Number(counts.Failed)} failed ({duration.Failed})",
            new SuggestedIndicator(Rate($"{duration.Metric}_count", $"{selector},{duration.Failed}"), total, PartIsBad: true));
        (string Label, double Bound, double Count)? fast = Fast(counts);
        if (fast is not { } bucket)
        {
            PassOver(service, $"latency of {duration.Events}", "no bound of the histogram has 90 % of the events at or below it");
            return;
        }
        string threshold = Duration(bucket.Bound * duration.Unit);
        Propose(service, $"{duration.Events} within {threshold}", NameOf(service, duration, "latency"), counts.Total - bucket.Count, counts.Total,
            $"{Number(counts.Total - bucket.Count)} took longer than {threshold}, the smallest bound that at least {Percent(Array.Find(FastShares, share => bucket.Count >= share * counts.Total))} % did not exceed",
            new SuggestedIndicator(Rate($"{duration.Metric}_bucket", $"{selector},le=\"{bucket.Label}\""), total, PartIsBad: false));
    }

    /// <summary>Adds what spans tell.</summary>
    public void Add(SpanHistory spans)
    {
        string events = $"{spans.Kind} spans";
        (string, string)[] all = [("service", spans.Service), ("kind", spans.Kind)];
        SuggestedSource total = SuggestedSource.Spans(all);
        string sampled = "spans that sampling has dropped are not in this history";
        Propose(spans.Service, $"{events} that do not fail", SloSuggestion.NameOf(spans.Service, spans.Kind + "-availability"), spans.Failed, spans.Total, $"{Number(spans.Failed)} have the status error; {sampled}",
            new SuggestedIndicator(SuggestedSource.Spans([.. all, ("status", "!error")]), total, PartIsBad: false));
        string threshold = Duration(spans.Fast.Milliseconds / 1000d);
        Propose(spans.Service, $"{events} within {threshold}", SloSuggestion.NameOf(spans.Service, spans.Kind + "-latency"), spans.Total - spans.Fast.Count, spans.Total,
            $"{Number(spans.Total - spans.Fast.Count)} took longer than {threshold}, the 99th percentile rounded up; {sampled}",
            new SuggestedIndicator(SuggestedSource.Spans([.. all, ("maxDurationMs", spans.Fast.Milliseconds.ToString(CultureInfo.InvariantCulture))]), total, PartIsBad: false));
    }

    /// <summary>Notes that nothing is proposed.</summary>
    public void PassOver(string service, string what, string reason) => _passedOver.Add(new PassedOver(service, what, reason));

    /// <summary>All that was found; names are unique.</summary>
    public SloSuggestions Finish() => new(
        [.. _suggestions.GroupBy(suggestion => suggestion.Name).SelectMany(same => same.Select((suggestion, index) => index == 0 ? suggestion
            : suggestion with { Name = string.Create(CultureInfo.InvariantCulture, $"{suggestion.Name}-{index + 1}") }))],
        _passedOver);

    private void Propose(string service, string what, string name, double bad, double total, string evidence, SuggestedIndicator indicator)
    {
        bad = Math.Max(0, bad);
        if (ObjectiveChoice.Of(bad, total) is not { } objective)
        {
            PassOver(service, what, total < ObjectiveChoice.LeastEvents ? $"only {Number(total)} events in {days} days" : $"{Number(bad)} of {Number(total)} are not: even 90 % would leave no room");
            return;
        }
        _suggestions.Add(new SloSuggestion
        {
            Name = name,
            Service = service,
            Tenant = tenant,
            Title = $"{service}: {what}",
            Objective = objective,
            Indicator = indicator,
            Reasons =
            [
                $"{service}: {what}.",
                $"Of {Number(total)} in the last {days} days {evidence}: {Percent(1 - (bad / total))} % were good.",
                $"{Percent(objective)} % is the highest of the usual objectives that this leaves room for: it spends {Percent(bad / (total * (1 - objective)))} % of the budget.",
            ],
        });
    }

    private static (string Label, double Bound, double Count)? Fast(DurationCounts counts)
    {
        foreach (double share in FastShares)
        {
            foreach ((string Label, double Bound, double Count) bucket in counts.AtOrBelow)
            {
                if (counts.Total > 0 && bucket.Count >= share * counts.Total)
                {
                    return bucket;
                }
            }
        }
        return null;
    }

    private static SuggestedSource Rate(string metric, string selector) => SuggestedSource.Query($"sum(rate({metric}{{{selector}}}[5m]))");

    /// <summary>The service's name and what is measured; of durations that are not those of HTTP with what they are of.</summary>
    private static string NameOf(string service, KnownDuration duration, string what) => SloSuggestion.NameOf(
        service, duration.Metric.StartsWith("http_", StringComparison.Ordinal) ? what : $"{duration.Metric[..duration.Metric.IndexOf('_', StringComparison.Ordinal)]}-{what}");

    private static string Duration(double seconds) => seconds < 1 ? string.Create(CultureInfo.InvariantCulture, $"{seconds * 1000:0.###} ms") : string.Create(CultureInfo.InvariantCulture, $"{seconds:0.###} s");

    private static string Percent(double share) => (share * 100).ToString("0.###", CultureInfo.InvariantCulture);

    private static string Number(double value) => Math.Round(value).ToString("#,##0", CultureInfo.InvariantCulture);
}
