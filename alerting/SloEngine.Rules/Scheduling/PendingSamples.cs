using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Testing;
using SloEngine.Rules.Evaluation;
using SloEngine.Storage;

namespace SloEngine.Rules.Scheduling;

/// <summary>The samples of one evaluation of a group: its later rules see them before they are stored, all at once.</summary>
/// <param name="stored">What is stored.</param>
/// <param name="otherLabel">The engine's <see cref="PromQL.EngineOptions.OtherLabel"/>.</param>
internal sealed class PendingSamples(ISeriesSource stored, Func<string, string?>? otherLabel) : IRuleOutput, ISeriesSource
{
    private readonly MemorySeries _series = new(otherLabel);

    public List<RuleSample> Samples { get; } = [];

    public string? Add(RuleSample sample)
    {
        try
        {
            _series.Add(sample.Labels, sample.TimeMs, new SequenceValue(sample.Value, sample.Histogram));
        }
        catch (ArgumentException wrong)
        {
            return wrong.Message;
        }
        Samples.Add(sample);
        return null;
    }

    public async ValueTask<IReadOnlyList<SeriesData>> SelectAsync(SeriesSelection selection, CancellationToken cancellation)
    {
        IReadOnlyList<SeriesData> found;
        try
        {
            found = await stored.SelectAsync(selection, cancellation);
        }
        catch (StoreException failure)
        {
            // The rule fails, and the group goes on.
            throw new PromQLEvaluationException(QueryFailure.Execution, failure.Message);
        }
        IReadOnlyList<SeriesData> pending = Samples.Count == 0 ? [] : await _series.SelectAsync(selection, cancellation);
        if (pending.Count == 0)
        {
            return found;
        }
        Dictionary<Labels, SeriesData> all = found.ToDictionary(static series => series.Labels);
        foreach (SeriesData series in pending)
        {
            all[series.Labels] = all.TryGetValue(series.Labels, out SeriesData? before) ? Join(before, series) : series;
        }
        return [.. all.Values];
    }

    private static FloatHistogram?[] Histograms(SeriesData series) => series.Histograms ?? new FloatHistogram?[series.TimesMs.Length];

    /// <summary>An evaluation that is repeated after a failure may be stored already: what is pending wins.</summary>
    private static SeriesData Join(SeriesData before, SeriesData pending)
    {
        int kept = Array.FindIndex(before.TimesMs, time => time >= pending.TimesMs[0]);
        kept = kept < 0 ? before.TimesMs.Length : kept;
        return new SeriesData
        {
            Labels = before.Labels,
            TimesMs = [.. before.TimesMs.AsSpan(0, kept), .. pending.TimesMs],
            Values = [.. before.Values.AsSpan(0, kept), .. pending.Values],
            Histograms = before.Histograms is null && pending.Histograms is null ? null
                : [.. Histograms(before).AsSpan(0, kept), .. Histograms(pending)],
        };
    }
}
