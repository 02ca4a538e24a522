using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.PromQL;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.Query.Metrics;
using SloEngine.Storage;

namespace SloEngine.Query.Http;

/// <summary>The HTTP API of Prometheus (prometheus.io/docs/prometheus/latest/querying/api): queries. The rest is mapped from here.</summary>
public static class PrometheusApi
{
    private static readonly string[] GetOnly = [HttpMethods.Get];
    private static readonly string[] GetOrPost = [HttpMethods.Get, HttpMethods.Post];

    /// <summary>Maps the API below <c>/api/v1</c>.</summary>
    public static void MapPrometheusApi(this IEndpointRouteBuilder endpoints)
    {
        IServiceProvider services = endpoints.ServiceProvider;
        TimeProvider time = services.GetRequiredService<TimeProvider>();
        IColumnStore store = services.GetRequiredService<IColumnStore>();
        QueryOptions options = services.GetRequiredService<QueryOptions>();
        StoredSeriesSources sources = services.GetRequiredService<StoredSeriesSources>();
        EngineOptions limits = services.GetRequiredService<PromQLEngine>().Options;
        var turns = new SemaphoreSlim(options.MaxConcurrency);

        endpoints.MapMethods("/api/v1/query", GetOrPost, http => QueryAnswer.WriteAsync(http, async (parameters, http) =>
        {
            int limit = parameters.Limit();
            long timeMs = parameters.TimeMs("time", time.GetUtcNow().ToUnixTimeMilliseconds());
            var engine = new PromQLEngine(Limited(limits, parameters), turns);
            Expr query = PrometheusAnswer.Expression(parameters);
            var source = new TimedSeriesSource(sources.Of(parameters.Tenant), time);
            QueryValue value = await engine.InstantAsync(query, source, timeMs, http.RequestAborted);
            return new QueryAnswer(value, parameters.Text("query"), limit, ShownStatistics.Of(parameters, source, new RangeSteps(timeMs, timeMs, 0)));
        }));
        endpoints.MapMethods("/api/v1/query_range", GetOrPost, http => QueryAnswer.WriteAsync(http, async (parameters, http) =>
        {
            int limit = parameters.Limit();
            RangeSteps steps = Steps(parameters, limits);
            var engine = new PromQLEngine(Limited(limits, parameters), turns);
            Expr query = PrometheusAnswer.Expression(parameters);
            if (query.Type is ExprType.String or ExprType.RangeVector)
            {
                string type = query.Type == ExprType.String ? "string" : "range vector";
                throw new ParameterException($"invalid parameter \"query\": invalid expression type \"{type}\" for range query, must be Scalar or instant Vector");
            }
            var source = new TimedSeriesSource(sources.Of(parameters.Tenant), time);
            MatrixResult value = await engine.RangeAsync(query, source, steps.StartMs, steps.EndMs, steps.StepMs, http.RequestAborted);
            return new QueryAnswer(value, parameters.Text("query"), limit, ShownStatistics.Of(parameters, source, steps));
        }));
        endpoints.MapPrometheus("query_exemplars", GetOrPost, async (parameters, http) =>
        {
            var range = new TimeRange(parameters.TimeMs("start", 0), parameters.TimeMs("end", long.MaxValue));
            if (parameters.TimeMs("end", long.MaxValue) < parameters.TimeMs("start", 0))
            {
                throw new ParameterException("end timestamp must not be before start timestamp");
            }
            IReadOnlyList<IReadOnlyList<LabelMatcher>> selectors =
                [.. Selectors.In(PromQLParser.Parse(parameters.Text("query"))).Select(selector => selector.Matchers)];
            if (selectors.Count == 0)
            {
                return PrometheusAnswer.NoData;
            }
            var reader = new ExemplarReader(store, options, parameters.Tenant);
            return PrometheusAnswer.List(await reader.SelectAsync(selectors, range, http.RequestAborted), 0, PrometheusJson.Write);
        });
        endpoints.MapPrometheus("format_query", GetOrPost, (parameters, _) =>
        {
            string formatted = Printer.Pretty(PrometheusAnswer.Expression(parameters));
            return PrometheusRoutes.Answer(json => json.WriteStringValue(formatted));
        });
        endpoints.MapPrometheus("parse_query", GetOrPost, (parameters, _) =>
        {
            Expr query = PrometheusAnswer.Expression(parameters);
            return PrometheusRoutes.Answer(json => ExpressionJson.Write(json, query));
        });
        endpoints.MapPrometheusLabels(store, sources, options, GetOnly, GetOrPost);
        endpoints.MapPrometheusStatus(store, limits, options, time, GetOnly);
    }

    /// <summary>The limits that a request sets for itself: a lookback, and a timeout below the one that all have.</summary>
    private static EngineOptions Limited(EngineOptions options, RequestParameters parameters)
    {
        if (parameters.Optional("timeout") is { } timeout)
        {
            if (!RequestParameters.TryDuration(timeout, out TimeSpan given))
            {
                throw new ParameterException($"invalid parameter \"timeout\": cannot parse \"{timeout}\" to a valid duration");
            }
            given = given < TimeSpan.Zero ? TimeSpan.Zero : given;
            options = given < options.Timeout ? options with { Timeout = given } : options;
        }
        if (parameters.Optional("lookback_delta") is { } lookback)
        {
            if (!RequestParameters.TryDuration(lookback, out TimeSpan given))
            {
                throw new ParameterException($"error parsing lookback delta duration: cannot parse \"{lookback}\" to a valid duration");
            }
            options = given >= TimeSpan.FromMilliseconds(1) ? options with { LookbackMs = (long)given.TotalMilliseconds } : options;
        }
        return options;
    }

    private static RangeSteps Steps(RequestParameters parameters, EngineOptions options)
    {
        long start = parameters.RequiredTimeMs("start");
        long end = parameters.RequiredTimeMs("end");
        if (end < start)
        {
            throw new ParameterException("invalid parameter \"end\": end timestamp must not be before start time");
        }
        string text = parameters.Text("step");
        if (!RequestParameters.TryDuration(text, out TimeSpan step))
        {
            throw new ParameterException($"invalid parameter \"step\": cannot parse \"{text}\" to a valid duration");
        }
        if (step < TimeSpan.FromMilliseconds(1))
        {
            throw new ParameterException("invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer");
        }
        // A step's parts of a millisecond count here and are dropped behind, as in Prometheus.
        if ((end - start) / step.TotalMilliseconds >= options.MaxSteps + 1)
        {
            throw new ParameterException("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)");
        }
        return new RangeSteps(start, end, (long)step.TotalMilliseconds);
    }
}
