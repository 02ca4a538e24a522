using SloEngine.PromQL.Series;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Collects series, and joins those with the same labels; two samples at one step are an error.</summary>
internal sealed class SeriesMerger
{
    private readonly Dictionary<Labels, int> _positions = [];
    private readonly List<StepSeries> _series = [];

    public List<StepSeries> Series => _series;

    /// <exception cref="PromQLEvaluationException">There is a sample at the same step already.</exception>
    public void Add(StepSeries series)
    {
        if (_positions.TryAdd(series.Labels, _series.Count))
        {
            _series.Add(series);
            return;
        }
        int position = _positions[series.Labels];
        StepSeries existing = _series[position];
        var joined = StepSeries.Empty(existing.Labels, existing.Values.Length, existing.DropName);
        for (int step = 0; step < existing.Values.Length; step++)
        {
            if (existing.Has(step) && series.Has(step))
            {
                throw new PromQLEvaluationException(QueryFailure.Execution, "vector cannot contain metrics with the same labelset");
            }
            joined[step] = existing.Has(step) ? existing[step] : series[step];
        }
        _series[position] = joined;
    }

    /// <summary>The series with names dropped where they are to be.</summary>
    public static List<StepSeries> WithoutDroppedNames(List<StepSeries> series)
    {
        var merger = new SeriesMerger();
        foreach (StepSeries one in series)
        {
            merger.Add(one.DropName ? one.With(one.Labels.WithoutName(), false) : one);
        }
        return merger.Series;
    }
}
