using System.Globalization;
using System.Text.RegularExpressions;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>
/// <c>info</c>: adds the labels of info series, such as <c>target_info</c>, to series of the same <c>instance</c> and <c>job</c>
/// (promql/info.go).
/// </summary>
internal sealed class InfoFunction(SelectorReader reader, LabelAliases aliases, long[] steps)
{
    private const string TargetInfo = "target_info";
    private static readonly string[] Identifying = ["instance", "job"];

    public async ValueTask<StepVector> EvaluateAsync(Call call, StepVector vector)
    {
        IReadOnlyList<LabelMatcher> selector = call.Arguments.Count > 1 ? ((VectorSelector)call.Arguments[1]).Matchers : [];
        LabelMatcher[] names = NameMatchers([.. selector.Where(static matcher => matcher.Label == Labels.MetricName)]);
        LabelMatcher[] data = [.. selector.Where(static matcher => matcher.Label != Labels.MetricName)];
        LabelPattern[] namePatterns = [.. names.Select(LabelPattern.Of)];
        bool IsInfo(StepSeries series) => Array.TrueForAll(namePatterns, pattern => pattern.Matches(series.Labels[Labels.MetricName]));

        StepSeries[] plain = [.. vector.Series.Where(series => !IsInfo(series))];
        List<InfoSeries> infos = await FetchAsync(call, plain, names, data, Times(call.Arguments[0]));
        var merger = new SeriesMerger();
        foreach (StepSeries series in vector.Series)
        {
            if (IsInfo(series))
            {
                merger.Add(series);
            }
            else
            {
                Enrich(series, infos, data, merger);
            }
        }
        return new StepVector(merger.Series);
    }

    /// <summary>Names of info series: those asked for; all that end in _info if only some are excluded; else that of target info.</summary>
    private static LabelMatcher[] NameMatchers(LabelMatcher[] names)
    {
        if (Array.Exists(names, static matcher => matcher.Kind is MatchKind.Equal or MatchKind.Regex))
        {
            return names;
        }
        return names.Length > 0
            ? [new LabelMatcher(Labels.MetricName, MatchKind.Regex, ".+_info"), .. names]
            : [new LabelMatcher(Labels.MetricName, MatchKind.Equal, TargetInfo)];
    }

    /// <summary>Times at which info series count: those of the first selector in the argument, with the subqueries around it.</summary>
    private long[] Times(Expr argument)
    {
        TimeModifier? found = Find(argument);
        return found is null ? steps : SelectorReader.Times(found, steps);
    }

    private static TimeModifier? Find(Expr expression)
    {
        switch (expression)
        {
            case VectorSelector selector:
                return selector.Time;
            case MatrixSelector matrix:
                return matrix.Vector.Time;
            case Subquery subquery:
                TimeModifier? inner = Find(subquery.Inner);
                // Offsets add up to the first time that is fixed, from the inside out.
                return inner is null || inner.AtMs is not null ? inner : new TimeModifier(inner.OffsetMs + subquery.Time.OffsetMs, subquery.Time.AtMs);
            case Parentheses parentheses:
                return Find(parentheses.Inner);
            case Unary unary:
                return Find(unary.Inner);
            case Binary binary:
                return Find(binary.Left) ?? Find(binary.Right);
            case Aggregation aggregation:
                return Find(aggregation.Inner) ?? (aggregation.Parameter is null ? null : Find(aggregation.Parameter));
            case Call call:
                return call.Arguments.Select(Find).FirstOrDefault(static time => time is not null);
            default:
                return null;
        }
    }

    private async ValueTask<List<InfoSeries>> FetchAsync(Call call, StepSeries[] series, LabelMatcher[] names, LabelMatcher[] data, long[] times)
    {
        var matchers = new List<LabelMatcher>();
        foreach (string label in Identifying)
        {
            string[] values = [.. series.Select(one => one.Labels[label]).Where(static value => value.Length > 0).Distinct()];
            if (values.Length > 0)
            {
                matchers.Add(new LabelMatcher(label, MatchKind.Regex, string.Join('|', values.Select(Regex.Escape))));
            }
        }
        if (matchers.Count == 0)
        {
            return [];
        }
        IReadOnlyList<SeriesData> found = await reader.FetchAsync([.. matchers, .. data, .. names], call.Range, times, reader.LookbackMs, 0, "info");
        var infos = new List<InfoSeries>(found.Count);
        foreach (SeriesData one in found)
        {
            if (one.Histograms is not null)
            {
                throw new PromQLEvaluationException(QueryFailure.Execution, $"this should be an info metric, with float samples: {one.Labels}");
            }
            StepSeries sampleTimes = reader.OfLatest(one, times, static (data, index) => data.TimesMs[index]);
            infos.Add(new InfoSeries(one.Labels, one.Labels[Labels.MetricName], Identity(one.Labels), sampleTimes.Values));
        }
        return infos;
    }

    private static Labels Identity(Labels labels) => labels.Where(static name => Identifying.Contains(name));

    private void Enrich(StepSeries series, List<InfoSeries> infos, LabelMatcher[] data, SeriesMerger into)
    {
        Labels identity = Identity(series.Labels);
        InfoSeries[][] byName = [.. infos.Where(info => info.Identity.Equals(identity)).GroupBy(static info => info.Name).Select(static group => group.ToArray())];
        bool needsInfo = Array.Exists(data, static matcher => !LabelPattern.Of(matcher).Matches(""));
        HashSet<string> wanted = [.. aliases.With([.. data.Select(static matcher => matcher.Label)])];
        var enriched = new Dictionary<Labels, StepSeries>();
        for (int step = 0; step < steps.Length; step++)
        {
            if (!series.Has(step))
            {
                continue;
            }
            Labels added = Labels.Empty;
            bool any = false;
            foreach (InfoSeries[] candidates in byName)
            {
                if (Newest(candidates, step) is { } info)
                {
                    any = true;
                    added = Add(added, info, series.Labels, wanted);
                }
            }
            if (!any && needsInfo)
            {
                continue;
            }
            Labels labels = added.Pairs.Length == 0 ? series.Labels : Labels.Of([.. series.Labels.Pairs, .. added.Pairs]);
            if (!enriched.TryGetValue(labels, out StepSeries? result))
            {
                enriched.Add(labels, result = StepSeries.Empty(labels, steps.Length, series.DropName));
            }
            result[step] = series[step];
        }
        foreach (StepSeries result in enriched.Values)
        {
            into.Add(result);
        }
    }

    /// <summary>The info series with the newest sample; two equally new ones contradict each other.</summary>
    private static InfoSeries? Newest(InfoSeries[] candidates, int step)
    {
        InfoSeries? newest = null;
        foreach (InfoSeries candidate in candidates.Where(candidate => !Sample.IsAbsent(candidate.SampleTimes[step])))
        {
            if (newest is null || candidate.SampleTimes[step] > newest.SampleTimes[step])
            {
                newest = candidate;
            }
            else if (candidate.SampleTimes[step] == newest.SampleTimes[step])
            {
                string time = newest.SampleTimes[step].ToString("0", CultureInfo.InvariantCulture);
                throw new PromQLEvaluationException(
                    QueryFailure.Execution, $"found duplicate series for info metric: existing {newest.Labels} @ {time}, new {candidate.Labels} @ {time}");
            }
        }
        return newest;
    }

    private static Labels Add(Labels added, InfoSeries info, Labels own, HashSet<string> wanted)
    {
        foreach ((string name, string value) in info.Labels.Pairs)
        {
            if (name == Labels.MetricName || (wanted.Count > 0 && !wanted.Contains(name)))
            {
                continue;
            }
            if (added[name] is { Length: > 0 } other && other != value)
            {
                throw new PromQLEvaluationException(QueryFailure.Execution, $"conflicting label: {name}");
            }
            if (own[name].Length == 0)
            {
                added = added.With(name, value);
            }
        }
        return added;
    }

    /// <summary>An info series; the value at each step is the time of its sample.</summary>
    private sealed record InfoSeries(Labels Labels, string Name, Labels Identity, double[] SampleTimes);
}
