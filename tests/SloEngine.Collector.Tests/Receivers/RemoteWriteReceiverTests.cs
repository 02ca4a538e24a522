using System.Net;
using IronSnappy;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Pipelines;
using SloEngine.Collector.Receivers;
using SloEngine.Collector.Tests.Ingest;
using SloEngine.Otlp;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Collector.Tests.Receivers;

/// <summary>What a sender of remote write 2.0 is told, over a real port.</summary>
public sealed class RemoteWriteReceiverTests
{
    [Theory]
    [InlineData("nothing_*", 3)]
    [InlineData("*", 0)]
    public async Task What_a_filter_drops_is_told_as_written_for_senders_take_what_is_missing_for_lost(string filtered, int stored)
    {
        var filter = new FilterStep("f", new TelemetryFilter { Names = new KeySet([filtered]) });
        await using var rig = new IngestRig(new CollectorOptions { Pipelines = new PipelineOptions { Metrics = [filter] } });
        await rig.StartAsync();
        await using WebApplication app = await ListenAsync(rig.Ingest);
        using var http = new HttpClient();
        using var body = new ByteArrayContent(Snappy.Encode(TwoSamplesAHistogramAndAnExemplar()));
        body.Headers.TryAddWithoutValidation("Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request");
        body.Headers.TryAddWithoutValidation("Content-Encoding", "snappy");

        using HttpResponseMessage answer = await http.PostAsync(new Uri(app.Urls.First() + "/api/v1/write"), body);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal(("2", "1", "1"), (Written("Samples"), Written("Histograms"), Written("Exemplars")));
        await rig.Ingest.StoredAsync(TimeSpan.FromSeconds(20), default);
        Assert.Equal(stored, rig.Store.Rows("samples") + rig.Store.Rows("exponential_histograms"));

        string Written(string what) => answer.Headers.GetValues($"X-Prometheus-Remote-Write-{what}-Written").Single();
    }

    private static async Task<WebApplication> ListenAsync(OtlpIngest ingest)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Services.AddSingleton<ITelemetryIntake>(ingest).AddSingleton(new CollectorOptions()).AddSingleton(new BodyMemory(1 << 30));
        WebApplication app = builder.Build();
        app.MapRemoteWrite();
        await app.StartAsync();
        return app;
    }

    private static byte[] TwoSamplesAHistogramAndAnExemplar() => Encode(write =>
    {
        foreach (string symbol in (string[])["", "__name__", "requests_total", "latency_seconds"])
        {
            write.Text(4, symbol);
        }
        write.Message(5, series =>
        {
            series.Bytes(1, [1, 2]);
            for (ulong time = 1; time <= 2; time++)
            {
                series.Message(2, sample =>
                {
                    sample.Double(1, 7);
                    sample.Varint(2, time);
                });
            }
            series.Message(4, exemplar =>
            {
                exemplar.Double(2, 1);
                exemplar.Varint(3, 1);
            });
        });
        write.Message(5, series =>
        {
            series.Bytes(1, [1, 3]);
            series.Message(3, histogram =>
            {
                histogram.Varint(1, 0);
                histogram.Varint(15, 1);
            });
        });
    });
}
