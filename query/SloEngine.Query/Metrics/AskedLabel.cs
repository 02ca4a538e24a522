using SloEngine.Otlp.Naming;
using SloEngine.PromQL.Series;

namespace SloEngine.Query.Metrics;

/// <summary>A label as it is asked for: the name of an attribute that is no label's finds the label that the attribute was stored as, where there is none of the name itself.</summary>
internal readonly struct AskedLabel(string name)
{
    /// <summary>The name that the attribute was stored by, or null where it is the same.</summary>
    public string? Translated { get; } = PrometheusName.Translated(name);

    /// <summary>Its value in a series; empty when absent.</summary>
    public string Of(Labels labels)
    {
        string value = labels[name];
        return value.Length > 0 || Translated is null ? value : labels[Translated];
    }

    /// <summary>The value as an expression over the column <c>labels</c>; adds its parameters, whose names begin with <paramref name="prefix"/>.</summary>
    public string Sql(string prefix, Dictionary<string, string> parameters)
    {
        parameters.Add(prefix, name);
        if (Translated is null)
        {
            return $"labels[{{{prefix}:String}}]";
        }
        parameters.Add(prefix + "t", Translated);
        return $"if(labels[{{{prefix}:String}}] != '', labels[{{{prefix}:String}}], labels[{{{prefix}t:String}}])";
    }
}
