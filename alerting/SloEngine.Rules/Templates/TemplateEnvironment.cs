using SloEngine.PromQL.Evaluation;

namespace SloEngine.Rules.Templates;

/// <summary>What functions of templates know of the world.</summary>
/// <param name="TimeMs">Time of evaluation.</param>
/// <param name="ExternalUrl">Address of the server; null if none is known.</param>
/// <param name="RunQuery">Evaluates a query at the time of evaluation; it throws where the query fails.</param>
internal sealed record TemplateEnvironment(long TimeMs, Uri? ExternalUrl, Func<string, IReadOnlyList<VectorSample>> RunQuery)
{
    public QueryResult Query(string query)
    {
        try
        {
            return new QueryResult([.. RunQuery(query).Select(Sample)]);
        }
        catch (Exception wrong) when (wrong is PromQL.Syntax.PromQLParseException or PromQLEvaluationException)
        {
            throw new TemplateFunctionException(wrong.Message);
        }
    }

    public static TemplateSample Sample(VectorSample sample) => new(Map(sample.Labels), sample.Histogram is { } histogram ? histogram : sample.Value);

    public static Dictionary<string, string> Map(PromQL.Series.Labels labels)
    {
        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string name, string value) in labels.Pairs)
        {
            map.Add(name, value);
        }
        return map;
    }
}
