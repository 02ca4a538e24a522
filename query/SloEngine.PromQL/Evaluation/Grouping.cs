using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Evaluation;

/// <summary>Which labels of a series are its group's.</summary>
internal sealed class Grouping(Aggregation aggregation)
{
    private readonly HashSet<string> _names = [.. aggregation.Grouping];

    public Labels Of(Labels labels) => aggregation.Without
        ? labels.Where(name => name != Labels.MetricName && !_names.Contains(name))
        : _names.Count == 0 ? Labels.Empty : labels.Where(_names.Contains);

    /// <summary>Groups by one label more, or leaves it as it is where labels are taken away.</summary>
    public void Add(string label)
    {
        if (!aggregation.Without)
        {
            _names.Add(label);
        }
    }
}
