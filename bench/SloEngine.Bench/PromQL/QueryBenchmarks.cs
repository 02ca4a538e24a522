using System.Globalization;
using BenchmarkDotNet.Attributes;
using SloEngine.PromQL;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.Bench.PromQL;

/// <summary>Range queries as dashboards ask them: an hour in steps of 15 s over series in memory.</summary>
[MemoryDiagnoser]
public class QueryBenchmarks
{
    private const int Series = 1_000;
    private const int Samples = 240;
    private const long IntervalMs = 15_000;

    private readonly PromQLEngine _engine = new(new EngineOptions { MaxParallelism = 1 });
    private readonly Prepared _source = new();
    private Expr _query = null!;

    /// <summary>The query.</summary>
    [Params(
        "requests_total",
        "sum by (job) (rate(requests_total[5m]))",
        "requests_total / on (instance) group_left limits",
        "histogram_quantile(0.9, sum by (job, le) (rate(latency_bucket[5m])))",
        "histogram_quantile(0.9, sum by (job) (rate(latency[5m])))")]
    public string Query { get; set; } = "";

    [GlobalSetup]
    public void Parse() => _query = PromQLParser.Parse(Query);

    [Benchmark]
    public async Task<MatrixResult> Range() => await _engine.RangeAsync(_query, _source, 0, (Samples - 1) * IntervalMs, IntervalMs, default);

    /// <summary>Series that are ready: what is measured is the engine.</summary>
    private sealed class Prepared : ISeriesSource
    {
        private static readonly double[] Bounds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, double.PositiveInfinity];

        private readonly Dictionary<string, List<SeriesData>> _byName = [];

        public Prepared()
        {
            long[] times = [.. Enumerable.Range(0, Samples).Select(index => index * IntervalMs)];
            _byName["requests_total"] = [.. Enumerable.Range(0, Series).Select(index => Counter("requests_total", index, times, index + 1))];
            _byName["limits"] = [.. Enumerable.Range(0, Series).Select(index => Counter("limits", index, times, 0))];
            _byName["latency_bucket"] =
            [
                .. Enumerable.Range(0, Series / Bounds.Length).SelectMany(index => Bounds.Select((bound, rank) =>
                    Counter("latency_bucket", index, times, rank + 1, ("le", double.IsInfinity(bound) ? "+Inf" : bound.ToString(CultureInfo.InvariantCulture))))),
            ];
            _byName["latency"] =
            [
                .. Enumerable.Range(0, Series / Bounds.Length).Select(index => new SeriesData
                {
                    Labels = Named("latency", index),
                    TimesMs = times,
                    Values = new double[Samples],
                    Histograms = [.. Enumerable.Range(1, Samples).Select(Histogram)],
                }),
            ];
        }

        public ValueTask<IReadOnlyList<SeriesData>> SelectAsync(SeriesSelection selection, CancellationToken cancellation) =>
            ValueTask.FromResult<IReadOnlyList<SeriesData>>(_byName[selection.Matchers[^1].Value]);

        private static SeriesData Counter(string name, int index, long[] times, double step, params (string Name, string Value)[] labels) => new()
        {
            Labels = Named(name, index, labels),
            TimesMs = times,
            Values = [.. Enumerable.Range(1, Samples).Select(sample => 1 + (sample * step))],
        };

        private static FloatHistogram Histogram(int sample) => new()
        {
            Schema = 3,
            Count = sample * 20,
            Sum = sample * 5,
            Positive = BucketCounts.From(-10, [.. Enumerable.Repeat((double)sample, 20)]),
        };

        private static Labels Named(string name, int index, params (string Name, string Value)[] labels) => Labels.Of(
        [
            new(Labels.MetricName, name),
            new("job", $"job-{index % 10}"),
            new("instance", $"instance-{index}"),
            .. labels.Select(label => new KeyValuePair<string, string>(label.Name, label.Value)),
        ]);
    }
}
