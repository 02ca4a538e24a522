using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using IronSnappy;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Otlp;
using SloEngine.Otlp.Protobuf;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;
using SloEngine.Query.Metrics;
using SloEngine.Query.RemoteRead;
using SloEngine.Storage;

namespace SloEngine.Query.Http;

/// <summary>Prometheus' remote read (prometheus.io/docs/prometheus/latest/querying/remote_read_api): <c>POST /api/v1/read</c>.</summary>
public static class RemoteReadApi
{
    /// <summary>Bytes that a request may have: it holds matchers, no data.</summary>
    private const int MaxRequestBytes = 1 << 20;

    /// <summary>Requests at a time (storage.remote.read-concurrent-limit); further ones wait.</summary>
    private const int ConcurrentReads = 10;

    /// <summary>Maps the path.</summary>
    public static void MapRemoteRead(this IEndpointRouteBuilder endpoints)
    {
        StoredSeriesSources sources = endpoints.ServiceProvider.GetRequiredService<StoredSeriesSources>();
        QueryOptions options = endpoints.ServiceProvider.GetRequiredService<QueryOptions>();
        var gate = new SemaphoreSlim(ConcurrentReads);
        endpoints.MapPost("/api/v1/read", async http =>
        {
            try
            {
                await gate.WaitAsync(http.RequestAborted);
                try
                {
                    await AnswerAsync(http, sources, options);
                }
                finally
                {
                    gate.Release();
                }
            }
            catch (Exception wrong) when (wrong is FormatException or OtlpFormatException or BadHttpRequestException)
            {
                await FailAsync(http, StatusCodes.Status400BadRequest, wrong.Message);
            }
            catch (StoreException failure) when (failure.Code == PrometheusAnswer.StoreTooManyRows)
            {
                await FailAsync(http, StatusCodes.Status400BadRequest, string.Create(CultureInfo.InvariantCulture, $"exceeded sample limit ({options.MaxSamples})"));
            }
            catch (PromQLEvaluationException limit)
            {
                await FailAsync(http, StatusCodes.Status400BadRequest, limit.Message);
            }
            catch (StoreException failure)
            {
                await FailAsync(http, StatusCodes.Status500InternalServerError, failure.Message);
            }
            catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
            {
                // The client has gone.
            }
        });
    }

    private static async Task AnswerAsync(HttpContext http, StoredSeriesSources sources, QueryOptions options)
    {
        ReadRequest request = ReadRequest.Read(await BodyAsync(http));
        ISeriesSource source = sources.Of(RequestParameters.TenantOf(http.Request));
        if (request.IsStreamed)
        {
            http.Response.ContentType = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
            for (int query = 0; query < request.Queries.Count; query++)
            {
                IReadOnlyList<SeriesData> found = await SelectAsync(source, request.Queries[query], http.RequestAborted);
                var stream = new ChunkStream(http.Response.BodyWriter);
                foreach (SeriesData series in found)
                {
                    stream.Write(query, series.Unpacked());
                    await http.Response.BodyWriter.FlushAsync(http.RequestAborted);
                }
            }
            return;
        }
        var results = new List<IReadOnlyList<SeriesData>>(request.Queries.Count);
        long samples = 0;
        foreach (ReadQuery query in request.Queries)
        {
            IReadOnlyList<SeriesData> found = await SelectAsync(source, query, http.RequestAborted);
            samples += found.Sum(static series => (long)series.Count);
            if (samples > options.MaxSamples)
            {
                throw new PromQLEvaluationException(QueryFailure.Limit, string.Create(CultureInfo.InvariantCulture, $"exceeded sample limit ({options.MaxSamples})"));
            }
            results.Add(found);
        }
        http.Response.ContentType = "application/x-protobuf";
        http.Response.Headers.ContentEncoding = "snappy";
        await http.Response.BodyWriter.WriteAsync(Snappy.Encode(SeriesMessage.Response(results).Span), http.RequestAborted);
    }

    /// <summary>The protocol includes the start, a selection does not.</summary>
    private static ValueTask<IReadOnlyList<SeriesData>> SelectAsync(ISeriesSource source, ReadQuery query, CancellationToken cancellation) =>
        query.EndMs < query.StartMs ? ValueTask.FromResult<IReadOnlyList<SeriesData>>([])
            : source.SelectAsync(new SeriesSelection(query.Matchers, Math.Max(query.StartMs, 0) - 1, query.EndMs), cancellation);

    private static async Task<byte[]> BodyAsync(HttpContext http)
    {
        PipeReader reader = http.Request.BodyReader;
        while (true)
        {
            ReadResult read = await reader.ReadAsync(http.RequestAborted);
            if (read.Buffer.Length > MaxRequestBytes)
            {
                throw new BadHttpRequestException($"the request has more than {MaxRequestBytes} bytes");
            }
            if (!read.IsCompleted)
            {
                reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                continue;
            }
            byte[] compressed = read.Buffer.ToArray();
            reader.AdvanceTo(read.Buffer.End);
            return Decompress(compressed);
        }
    }

    private static byte[] Decompress(byte[] compressed)
    {
        try
        {
            uint announced = SnappyBlock.TextLength(compressed, out int start);
            if (announced > MaxRequestBytes || announced > SnappyBlock.MostOfByte * (ulong)compressed.Length)
            {
                throw new BadHttpRequestException($"the request has more than {MaxRequestBytes} bytes when decompressed");
            }
            byte[] text = new byte[announced];
            SnappyBlock.Decode(compressed.AsSpan(start), text);
            return text;
        }
        catch (InvalidDataException malformed)
        {
            throw new FormatException("the body is " + malformed.Message);
        }
    }

    private static async Task FailAsync(HttpContext http, int status, string message)
    {
        if (http.Response.HasStarted)
        {
            // A stream that is cut tells the client that it is not whole.
            http.Abort();
            return;
        }
        http.Response.Clear();
        http.Response.StatusCode = status;
        http.Response.ContentType = "text/plain; charset=utf-8";
        await http.Response.WriteAsync(message + "\n");
    }
}
