using System.Globalization;
using System.Text;
using SloEngine.PromQL.Series;
using SloEngine.Storage;
using SloEngine.Storage.Tables;

namespace SloEngine.Query.Metrics;

/// <summary>Searches for series as conditions on the table <c>series</c>.</summary>
internal static class SeriesCondition
{
    /// <summary>The names of a stored series: a histogram with explicit bounds stands for several.</summary>
    public const string NamesSql = "if(kind = 3, [concat(metric, '_bucket'), concat(metric, '_count'), concat(metric, '_sum')], [toString(metric)])";

    private static readonly (string Name, string Time)[] PointTables =
        [("samples", "ts"), ("histograms", "ts"), ("exponential_histograms", "ts"), ("float_histograms", "ts"), ("samples_5m", "last_ts")];

    /// <summary>Series that may satisfy the matchers, and have a point within a time if one is given; adds the parameters of the condition.</summary>
    public static string Of(string tenant, IReadOnlyList<StoreMatcher> matchers, TimeRange? active, Dictionary<string, string> parameters)
    {
        parameters.Add("tenant", tenant);
        var where = new StringBuilder("tenant = {tenant:String}");
        foreach (StoreMatcher matcher in matchers)
        {
            string place = parameters.Count.ToString(CultureInfo.InvariantCulture);
            where.Append(matcher.Asked.Label switch
            {
                "le" => "",
                Labels.MetricName when matcher.IsName => " AND " + OfMetric(matcher, "m" + place, parameters),
                Labels.MetricName => " AND " + OfNames(matcher.Asked, "m" + place, parameters),
                _ => " AND " + OfLabel(matcher.Asked, "l" + place, "m" + place, parameters),
            });
        }
        if (active is { } range)
        {
            where.Append(CultureInfo.InvariantCulture, $" AND id IN ({PointsWithin(tenant, NameOf(matchers), range, parameters)})");
        }
        return where.ToString();
    }

    /// <summary>The matcher that gives the metric's name, or null; one that few series have before others.</summary>
    public static StoreMatcher? NameOf(IReadOnlyList<StoreMatcher> matchers) =>
        matchers.FirstOrDefault(static matcher => matcher.Otel is not null) ?? matchers.FirstOrDefault(static matcher => matcher.IsName);

    /// <summary>Between which ids the series lie that have a name.</summary>
    public static IEnumerable<(UInt128 First, UInt128 Last)> Families(string tenant, StoreMatcher name) => name.Metrics.Select(metric => SeriesRow.IdsOf(tenant, metric));

    /// <summary>The ids of points within a time, each as often as it has points; of those of a name, if one is given, and a few others.</summary>
    public static string PointsWithin(string tenant, StoreMatcher? name, TimeRange range, Dictionary<string, string> parameters)
    {
        parameters.Add("from", range.StartMs.ToString(CultureInfo.InvariantCulture));
        parameters.Add("to", range.EndMs.ToString(CultureInfo.InvariantCulture));
        var families = new List<string>();
        foreach ((UInt128 first, UInt128 last) in name is null ? [] : Families(tenant, name))
        {
            string number = families.Count.ToString(CultureInfo.InvariantCulture);
            families.Add($"id BETWEEN {{first{number}:UInt128}} AND {{last{number}:UInt128}}");
            parameters.Add("first" + number, first.ToString(CultureInfo.InvariantCulture));
            parameters.Add("last" + number, last.ToString(CultureInfo.InvariantCulture));
        }
        string which = name is null ? "1" : $"({string.Join(" OR ", families)})";
        return string.Join(" UNION ALL ", PointTables.Select(
            table => $"SELECT id FROM {table.Name} WHERE {which} AND {table.Time} >= fromUnixTimestamp64Milli({{from:Int64}}) AND {table.Time} <= fromUnixTimestamp64Milli({{to:Int64}})"));
    }

    /// <summary>Names under which a series of that name may be stored.</summary>
    public static IEnumerable<string> BaseNames(string name)
    {
        yield return name;
        foreach (string suffix in OtelMetric.ClassicSuffixes)
        {
            if (name.EndsWith(suffix, StringComparison.Ordinal))
            {
                yield return name[..^suffix.Length];
            }
        }
    }

    private static string OfMetric(StoreMatcher name, string parameter, Dictionary<string, string> parameters)
    {
        parameters.Add(parameter, SqlText.Array(name.Metrics));
        string condition = $"metric IN {{{parameter}:Array(String)}}";
        if (name.Otel is null)
        {
            return condition;
        }
        // Another name may have been translated to the same one.
        string pairs = string.Join(",", name.Otel.Origins.Select(static origin => $"('{SqlText.Quote(origin.Metric)}','{SqlText.Quote(origin.OtelName)}')"));
        parameters.Add(parameter + "o", $"[{pairs}]");
        return $"{condition} AND (metric, otel_name) IN {{{parameter}o:Array(Tuple(String, String))}}";
    }

    private static string OfNames(LabelMatcher matcher, string parameter, Dictionary<string, string> parameters)
    {
        parameters.Add(parameter, Text(matcher));
        return $"arrayExists(name -> {Comparison(matcher, "name", parameter)}, {NamesSql})";
    }

    private static string OfLabel(LabelMatcher matcher, string label, string parameter, Dictionary<string, string> parameters)
    {
        string value = new AskedLabel(matcher.Label).Sql(label, parameters);
        parameters.Add(parameter, Text(matcher));
        return Comparison(matcher, value, parameter);
    }

    private static string Comparison(LabelMatcher matcher, string value, string parameter)
    {
        string not = matcher.Kind is MatchKind.NotEqual or MatchKind.NotRegex ? "NOT " : "";
        return not + (IsPattern(matcher) ? $"match({value}, {{{parameter}:String}})" : $"{value} = {{{parameter}:String}}");
    }

    private static string Text(LabelMatcher matcher) => IsPattern(matcher) ? $"^(?s:{matcher.Value})$" : matcher.Value;

    private static bool IsPattern(LabelMatcher matcher) => matcher.Kind is MatchKind.Regex or MatchKind.NotRegex;
}
