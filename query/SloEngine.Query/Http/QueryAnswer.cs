using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.Query.Arrow;

namespace SloEngine.Query.Http;

/// <summary>The answer to a query: as JSON, or as an Arrow stream for those who ask for it.</summary>
/// <param name="Value">The result.</param>
/// <param name="Query">Text of the query.</param>
/// <param name="Limit">Series that the answer may hold; 0 for all.</param>
/// <param name="Statistics">Statistics to be shown in JSON, or null.</param>
internal sealed record QueryAnswer(QueryValue Value, string Query, int Limit, ShownStatistics? Statistics)
{
    /// <summary>Runs a handler and writes its answer in the form that the request accepts.</summary>
    public static Task WriteAsync(HttpContext http, Func<RequestParameters, HttpContext, Task<QueryAnswer>> handler) => PrometheusAnswer.RunAsync(http, async parameters =>
    {
        QueryAnswer answer = await handler(parameters, http);
        http.Response.Headers.Vary = StringValues.Concat(http.Response.Headers.Vary, HeaderNames.Accept);
        if (!PrefersArrow(http.Request))
        {
            await PrometheusAnswer.WriteAsync(http, (json, send) => PrometheusJson.WriteAnswerAsync(json, answer.Value, answer.Query, answer.Limit, answer.Statistics, send));
            return;
        }
        if (answer.Value is StringResult)
        {
            throw new ParameterException("a query whose result is a string has no answer in Arrow; ask for application/json");
        }
        http.Response.ContentType = ArrowStream.ContentType;
        await answer.WriteArrowAsync(http.Response.BodyWriter, http.RequestAborted);
    });

    private static bool PrefersArrow(HttpRequest request)
    {
        (double arrow, double json) = (0, 0);
        if (MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out IList<MediaTypeHeaderValue>? accepted))
        {
            foreach (MediaTypeHeaderValue type in accepted)
            {
                arrow = type.MediaType.Equals(ArrowStream.ContentType, StringComparison.OrdinalIgnoreCase) ? type.Quality ?? 1 : arrow;
                json = type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase) ? type.Quality ?? 1 : json;
            }
        }
        return arrow > 0 && arrow >= json;
    }

    private async Task WriteArrowAsync(PipeWriter output, CancellationToken cancellation)
    {
        var stream = new ArrowStream(output);
        stream.Schema(
        [
            new("resultType", PrometheusJson.TypeOf(Value)),
            new("warnings", string.Join('\n', PrometheusJson.Warnings(Value, Query, Limit))),
            new("infos", string.Join('\n', PrometheusJson.Infos(Value, Query))),
        ]);
        var batch = new SampleBatch();
        foreach ((Labels labels, long timeMs, double number, FloatHistogram? histogram) in Samples())
        {
            batch.Add(labels, timeMs, number, histogram is null ? null : Text(histogram));
            if (batch.IsFull)
            {
                stream.Batch(batch);
                await output.FlushAsync(cancellation);
                batch = new SampleBatch();
            }
        }
        if (batch.Rows > 0)
        {
            stream.Batch(batch);
        }
        stream.End();
        await output.FlushAsync(cancellation);
    }

    private IEnumerable<VectorSample> Samples()
    {
        int limit = Limit == 0 ? int.MaxValue : Limit;
        return Value switch
        {
            ScalarResult scalar => [new VectorSample(Labels.Empty, scalar.TimeMs, scalar.Value)],
            VectorResult vector => vector.Samples.Take(limit),
            MatrixResult matrix => matrix.Series.Take(limit).SelectMany(static series => series.Values.Select(
                (value, index) => new VectorSample(series.Labels, series.TimesMs[index], value, series.Histograms?[index]))),
            _ => [],
        };
    }

    private static string Text(FloatHistogram histogram)
    {
        using var text = new MemoryStream();
        using (var json = new Utf8JsonWriter(text, ApiJson.Options))
        {
            PrometheusJson.Write(json, histogram);
        }
        return Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length);
    }
}
