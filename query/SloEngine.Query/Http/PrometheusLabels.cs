using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Routing;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.Query.Metrics;
using SloEngine.Storage;

namespace SloEngine.Query.Http;

/// <summary>The part of the Prometheus API that tells which series, labels and metrics there are.</summary>
internal static class PrometheusLabels
{
    private const string EscapedPrefix = "U__";

    public static void MapPrometheusLabels(this IEndpointRouteBuilder endpoints, IColumnStore store, StoredSeriesSources sources, QueryOptions options, string[] getOnly, string[] getOrPost)
    {
        endpoints.MapPrometheus("series", getOrPost, async (parameters, http) =>
        {
            if (parameters.All("match[]").Count == 0)
            {
                throw new ParameterException("no match[] parameter provided");
            }
            int limit = parameters.Limit();
            TimeRange? active = Active(parameters);
            IReadOnlyList<IReadOnlyList<LabelMatcher>> selectors = Selectors(parameters, "invalid parameter \"match[]\": ");
            IReadOnlyCollection<Labels> series = await Catalog(parameters).SeriesAsync(selectors, active, http.RequestAborted);
            return PrometheusAnswer.List(series, limit, PrometheusJson.Write);
        });
        endpoints.MapPrometheus("labels", getOrPost, async (parameters, http) =>
        {
            int limit = parameters.Limit();
            TimeRange? active = Active(parameters);
            SortedSet<string> names = await Catalog(parameters).NamesAsync(Selectors(parameters, ""), active, http.RequestAborted);
            return PrometheusAnswer.List(names, limit, static (json, name) => json.WriteStringValue(name));
        });
        endpoints.MapPrometheus("label/{name}/values", getOnly, async (parameters, http) =>
        {
            string name = Unescape((string)http.Request.RouteValues["name"]!);
            int limit = parameters.Limit();
            TimeRange? active = Active(parameters);
            SortedSet<string> values = await Catalog(parameters).ValuesAsync(name, Selectors(parameters, ""), active, http.RequestAborted);
            return PrometheusAnswer.List(values, limit, static (json, value) => json.WriteStringValue(value));
        });
        endpoints.MapPrometheus("metadata", getOnly, async (parameters, http) =>
        {
            int limit = Count(parameters, "limit");
            // Each metric has one entry, so there is nothing to cut; a number it has to be.
            _ = Count(parameters, "limit_per_metric");
            IReadOnlyList<MetricMetadata> all = await MetricMetadata.ReadAsync(store, parameters.Tenant, parameters.Optional("metric"), http.RequestAborted);
            return json => MetricMetadata.Write(json, all, limit);
        });

        LabelCatalog Catalog(RequestParameters parameters) => new(store, sources, options, parameters.Tenant);
    }

    /// <summary>The times a request is about; none when it gives none, so that series without recent points are found, too.</summary>
    private static TimeRange? Active(RequestParameters parameters)
    {
        long start = parameters.TimeMs("start", 0);
        long end = parameters.TimeMs("end", long.MaxValue);
        return parameters.Optional("start") is null && parameters.Optional("end") is null ? null : new TimeRange(start, end);
    }

    private static List<IReadOnlyList<LabelMatcher>> Selectors(RequestParameters parameters, string prefix)
    {
        var selectors = new List<IReadOnlyList<LabelMatcher>>();
        foreach (string? text in parameters.All("match[]"))
        {
            try
            {
                selectors.Add(PromQLParser.ParseSelector(text ?? "").Matchers);
            }
            catch (PromQLParseException wrong)
            {
                bool matchesAll = wrong.Reason == "vector selector must contain at least one non-empty matcher";
                throw new ParameterException(prefix + (matchesAll ? "match[] must contain at least one non-empty matcher" : wrong.Message));
            }
        }
        return selectors;
    }

    private static int Count(RequestParameters parameters, string name) => parameters.Optional(name) is not { } text ? -1
        : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int count) ? count
        : throw new ParameterException($"{name} must be a number");

    /// <summary>A label's name as paths hold it: one of other characters than letters, digits and underscores may be escaped, as <c>U__a_2e_b</c> for <c>a.b</c>.</summary>
    private static string Unescape(string name)
    {
        if (!name.StartsWith(EscapedPrefix, StringComparison.Ordinal))
        {
            return name;
        }
        var plain = new StringBuilder();
        for (int index = EscapedPrefix.Length; index < name.Length; index++)
        {
            if (name[index] != '_')
            {
                plain.Append(name[index]);
                continue;
            }
            int end = name.IndexOf('_', index + 1);
            if (end == index + 1)
            {
                plain.Append('_');
            }
            else if (end > 0 && int.TryParse(name.AsSpan(index + 1, end - index - 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code) && Rune.IsValid(code))
            {
                plain.Append(new Rune(code).ToString());
            }
            else
            {
                // Not an escaped name after all.
                return name;
            }
            index = end;
        }
        return plain.ToString();
    }
}
