using SloEngine.PromQL;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.PromQL.Testing;
using SloEngine.PromQL.Text;
using SloEngine.Rules.Evaluation;
using SloEngine.Rules.Files;

namespace SloEngine.Rules.Testing;

/// <summary>
/// One run of a test: at each evaluation the series have the samples up to then, all groups are evaluated, and alerts that are expected
/// are compared. Expressions are evaluated at the end, over everything.
/// </summary>
internal sealed class RuleTestRun(RuleTestFile file, RuleTest test, ParserOptions options) : IRuleOutput
{
    private readonly MemorySeries _series = new();
    private readonly List<string> _problems = [];
    private int _loaded;

    public async Task<IReadOnlyList<string>> RunAsync(IEnumerable<RuleGroup> rules, CancellationToken cancellation)
    {
        GroupState[] groups = [.. rules.Select(static group => new GroupState(group))];
        var engine = new PromQLEngine(new EngineOptions { SubqueryStepMs = file.EvaluationIntervalMs });
        var context = new RuleContext(engine, _series, test.ExternalLabels, test.ExternalUrl);
        for (long elapsed = 0; elapsed <= test.LastMs; elapsed += file.EvaluationIntervalMs)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!Load(elapsed))
            {
                return _problems;
            }
            foreach (GroupState group in groups)
            {
                await group.EvaluateAsync(context, test.StartMs + elapsed, this, TimeProvider.System, recordingOnly: false, cancellation);
            }
            if (NoteErrors(groups, elapsed))
            {
                return _problems;
            }
            foreach (AlertExpectation expected in test.Alerts.Where(alert => alert.AtMs >= elapsed && alert.AtMs < elapsed + file.EvaluationIntervalMs))
            {
                Compare(expected, groups);
            }
        }
        if (Load(long.MaxValue - test.StartMs))
        {
            foreach (QueryExpectation query in test.Queries)
            {
                await CompareAsync(query, context, cancellation);
            }
        }
        return _problems;
    }

    string? IRuleOutput.Add(RuleSample sample)
    {
        try
        {
            _series.Add(sample.Labels, sample.TimeMs, new SequenceValue(sample.Value, sample.Histogram));
            return null;
        }
        catch (ArgumentException wrong)
        {
            return wrong.Message;
        }
    }

    /// <summary>Adds the samples up to a time since the start; gives whether they could be added.</summary>
    private bool Load(long untilMs)
    {
        long last = untilMs / test.IntervalMs;
        for (; _loaded <= last; _loaded++)
        {
            bool more = false;
            foreach ((Labels labels, IReadOnlyList<SequenceValue> values) in test.Series)
            {
                more |= _loaded < values.Count;
                if (_loaded >= values.Count || values[_loaded].IsOmitted)
                {
                    continue;
                }
                try
                {
                    _series.Add(labels, test.StartMs + (_loaded * test.IntervalMs), values[_loaded]);
                }
                catch (ArgumentException wrong)
                {
                    _problems.Add($"{file.Path}:{test.Line}: series {labels} cannot be loaded: {wrong.Message}");
                    return false;
                }
            }
            if (!more)
            {
                break;
            }
        }
        return true;
    }

    private bool NoteErrors(GroupState[] groups, long elapsedMs)
    {
        int before = _problems.Count;
        foreach (RuleState rule in groups.SelectMany(static group => group.Rules).Where(static rule => rule.LastError is not null))
        {
            _problems.Add($"{file.Path}:{test.Line}: rule {rule.Rule.Name} at {Duration.Print(elapsedMs)}: {rule.LastError}");
        }
        return _problems.Count > before;
    }

    private void Compare(AlertExpectation expected, GroupState[] groups)
    {
        IEnumerable<AlertTexts> firing = groups.SelectMany(static group => group.Rules).OfType<AlertingState>()
            .Where(rule => rule.Rule.Name == expected.Name).SelectMany(static rule => rule.Alerts)
            .Where(static alert => alert.State == RuleAlertState.Firing)
            .Select(static alert => new AlertTexts(alert.Labels.Pairs.ToArray(), alert.Annotations));
        string[] actual = Shown(firing);
        string[] wanted = Shown(expected.Alerts);
        if (!actual.SequenceEqual(wanted))
        {
            _problems.Add($"{file.Path}:{expected.Line}: alert {expected.Name} at {Duration.Print(expected.AtMs)}: expected {List(wanted)}, got {List(actual)}");
        }
    }

    private static string[] Shown(IEnumerable<AlertTexts> alerts) =>
        [.. alerts.Select(static alert => $"{{{Shown(alert.Labels)}}} with {{{Shown(alert.Annotations)}}}").Order(StringComparer.Ordinal)];

    private static string Shown(IReadOnlyList<KeyValuePair<string, string>> pairs) =>
        string.Join(", ", pairs.Select(static pair => $"{pair.Key}={QuotedText.Quote(pair.Value)}"));

    private async Task CompareAsync(QueryExpectation expected, RuleContext context, CancellationToken cancellation)
    {
        string place = $"{file.Path}:{expected.Line}: {expected.Expression.ReplaceLineEndings(" ").Trim()} at {Duration.Print(expected.AtMs)}";
        IReadOnlyList<VectorSample> samples;
        try
        {
            samples = await context.QueryAsync(PromQLParser.Parse(expected.Expression, options), test.StartMs + expected.AtMs, cancellation);
        }
        catch (Exception failure) when (failure is PromQLParseException or PromQLEvaluationException)
        {
            _problems.Add($"{place}: {failure.Message}");
            return;
        }
        ExpectedSample[] wanted = [.. expected.Samples.Order(Comparer<ExpectedSample>.Create(static (left, right) => left.Labels.CompareTo(right.Labels)))];
        VectorSample[] actual = [.. samples.Order(Comparer<VectorSample>.Create(static (left, right) => left.Labels.CompareTo(right.Labels)))];
        if (wanted.Length != actual.Length || wanted.Where((sample, index) => !Same(sample, actual[index])).Any())
        {
            _problems.Add($"{place}: expected {List(wanted.Select(static sample => Shown(sample.Labels, sample.Value, sample.Histogram)))}, "
                + $"got {List(actual.Select(static sample => Shown(sample.Labels, sample.Value, sample.Histogram)))}");
        }
    }

    private bool Same(ExpectedSample expected, VectorSample actual)
    {
        string? wanted = expected.Histogram is { } histogram ? HistogramText.Notation(histogram) : null;
        string? found = actual.Histogram is { } other ? HistogramText.Notation(other) : null;
        return expected.Labels.Equals(actual.Labels) && wanted == found
            && (wanted is not null || expected.Value == actual.Value
                || (file.IsFuzzy && (Math.BitIncrement(expected.Value) == actual.Value || Math.BitDecrement(expected.Value) == actual.Value)));
    }

    private static string Shown(Labels labels, double value, FloatHistogram? histogram) =>
        $"{labels} {(histogram is null ? NumberText.General(value) : HistogramText.Notation(histogram))}";

    private static string List(IEnumerable<string> items) => items.Any() ? $"[{string.Join("; ", items)}]" : "nothing";
}
