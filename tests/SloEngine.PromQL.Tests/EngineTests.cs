using FsCheck;
using FsCheck.Fluent;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Tests;

public sealed class EngineTests
{
    private const long Second = 1000;

    private static readonly PromQLEngine Engine = new(new EngineOptions { MaxSamples = 100_000 });

    [Theory]
    [InlineData("a", 300, 40.0)]
    [InlineData("rate(a[2m])", 300, 8 / 60d)]
    [InlineData("increase(a[4m])", 300, 32)]
    [InlineData("sum(a) + sum(b)", 300, 47)]
    [InlineData("sum by (job) (a) / on (job) b", 300, 40 / 7d)]
    [InlineData("b > 5", 300, 7)]
    [InlineData("b > bool 50", 300, 0)]
    [InlineData("count_over_time(a[5m])", 300, 5)]
    [InlineData("max_over_time(a[5m])", 300, 40)]
    [InlineData("sum_over_time(vector(1)[5m:1m])", 300, 5)]
    [InlineData("histogram_quantile(0.5, h_bucket)", 300, 0.55)]
    [InlineData("absent(nothing{x=\"y\"})", 300, 1)]
    [InlineData("label_replace(b, \"x\", \"$1\", \"job\", \"(.).*\")", 300, 7)]
    [InlineData("quantile(0.5, a or on (x) b)", 300, 40)]
    [InlineData("sum({__name__=~\"a|b\"})", 300, 47)]
    [InlineData("a offset 1m", 300, 32)]
    [InlineData("a @ 60", 300, 8)]
    [InlineData("clamp_max(a, 5) * 2 ^ 3 - -1", 300, 41)]
    [InlineData("clamp_min(b * Inf, NaN)", 300, double.PositiveInfinity)]
    [InlineData("clamp_max(b, NaN)", 300, double.NaN)]
    [InlineData("deriv((a * NaN)[5m:1m])", 300, double.NaN)]
    public async Task Expressions_have_the_values_that_Prometheus_gives(string query, long seconds, double expected)
    {
        // a rises by 8 each minute from 8 at 60 s; b is 7; h is a histogram of 10 observations.
        QueryValue value = await Engine.InstantAsync(PromQLParser.Parse(query), Source(), seconds * Second, default);
        double actual = value is ScalarResult scalar ? scalar.Value : Assert.Single(((VectorResult)value).Samples).Value;
        Assert.Equal(expected, actual, 9);
    }

    [Fact]
    public async Task A_query_waits_for_its_turn_no_longer_than_its_time()
    {
        using var turns = new SemaphoreSlim(1);
        var held = new TaskCompletionSource<IReadOnlyList<SeriesData>>();
        var engine = new PromQLEngine(new EngineOptions(), turns);
        Expr query = PromQLParser.Parse("a");
        Task<QueryValue> first = engine.InstantAsync(query, new Held(held.Task), 300 * Second, default).AsTask();
        Task<QueryValue> second = engine.InstantAsync(query, Source(), 300 * Second, default).AsTask();

        PromQLEvaluationException late = await Assert.ThrowsAsync<PromQLEvaluationException>(async () =>
            await new PromQLEngine(new EngineOptions { Timeout = TimeSpan.FromMilliseconds(20) }, turns).InstantAsync(query, Source(), 300 * Second, default));
        Assert.Equal((QueryFailure.Timeout, "query timed out in query queue"), (late.Failure, late.Message));
        Assert.False(second.IsCompleted);

        held.SetException(new InvalidOperationException("the store is gone"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => first);
        Assert.Equal(40, Assert.Single(((VectorResult)await second).Samples).Value);
        Assert.Equal(1, turns.CurrentCount);
    }

    [Fact]
    public async Task Rate_and_increase_of_delta_points_are_their_sum()
    {
        var source = new Samples();
        source.Add("d", isDelta: true, [(10, 5), (20, 3), (30, 4)]);

        Assert.Equal(7, await NumberAsync("increase(d[20s])", source, 30));
        Assert.Equal(0.35, await NumberAsync("rate(d[20s])", source, 30), 12);
    }

    [Fact]
    public void Increase_equals_brute_force_when_samples_fill_the_window()
    {
        // With a sample on each edge there is nothing to extrapolate: the increase is what was counted, resets included.
        Gen<(int Step, bool Reset)[]> steps = Gen.ArrayOf(from step in Gen.Choose(0, 9) from reset in Gen.Choose(0, 5) select (step, reset == 0), 20);
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll(Arb.From(steps), history =>
        {
            double value = 0;
            double total = 0;
            // A large first value keeps extrapolation from meeting zero.
            var points = new List<(long, double)> { (10, value = 1_000_000) };
            for (int index = 0; index < history.Length; index++)
            {
                double before = value;
                value = history[index].Reset ? history[index].Step : value + history[index].Step;
                total += value < before ? value : value - before;
                points.Add((20 + (index * 10), value));
            }
            var source = new Samples();
            source.Add("c", isDelta: false, [.. points]);
            double last = points[^1].Item1;
            // The window is open on the left: it begins just before the first sample.
            double increase = NumberAsync($"increase(c[{(last - 10 + 1).ToString(System.Globalization.CultureInfo.InvariantCulture)}s])", source, (long)last).GetAwaiter().GetResult();
            double sampled = last - 10;
            Assert.Equal(total * (sampled + Math.Min(1, total > 0 ? sampled * 1_000_000 / total : 1)) / sampled, increase, 6);
        }));
    }

    [Fact]
    public async Task A_stale_marker_ends_a_series_at_once()
    {
        var source = new Samples();
        source.Add("s", isDelta: false, [(10, 1), (20, BitConverter.Int64BitsToDouble(0x7FF0000000000002))]);

        Assert.Equal(1, await NumberAsync("s", source, 15));
        Assert.Empty(((VectorResult)await Engine.InstantAsync(PromQLParser.Parse("s"), source, 25 * Second, default)).Samples);
        Assert.Equal(1, await NumberAsync("count_over_time(s[1m])", source, 25));
    }

    [Fact]
    public async Task A_range_query_has_a_value_at_each_step_that_has_one()
    {
        MatrixResult result = await Engine.RangeAsync(PromQLParser.Parse("a"), Source(), 0, 300 * Second, 60 * Second, default);

        ResultSeries series = Assert.Single(result.Series);
        Assert.Equal([60_000, 120_000, 180_000, 240_000, 300_000], series.TimesMs);
        Assert.Equal([8, 16, 24, 32, 40], series.Values);
    }

    [Fact]
    public async Task Limits_are_errors_that_say_so()
    {
        var source = new Samples();
        source.Add("big", isDelta: false, [.. Enumerable.Range(1, 200_000).Select(index => ((long)index, 1d))]);

        PromQLEvaluationException tooMany = await Assert.ThrowsAsync<PromQLEvaluationException>(
            async () => await Engine.InstantAsync(PromQLParser.Parse("sum_over_time(big[30d])"), source, 200_000 * Second, default));
        Assert.Contains("too many samples", tooMany.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<PromQLEvaluationException>(async () => await Engine.RangeAsync(PromQLParser.Parse("a"), Source(), 0, 20_000 * Second, Second, default));
    }

    [Fact]
    public async Task Matching_that_is_not_unique_is_an_error()
    {
        var source = Source();
        source.Add("c", isDelta: false, [(300, 1)], ("x", "1"));
        source.Add("c", isDelta: false, [(300, 2)], ("x", "2"));

        await Assert.ThrowsAsync<PromQLEvaluationException>(async () => await Engine.InstantAsync(PromQLParser.Parse("b * ignoring (job, x) c"), source, 300 * Second, default));
    }

    private static async Task<double> NumberAsync(string query, Samples source, long seconds) =>
        Assert.Single(((VectorResult)await Engine.InstantAsync(PromQLParser.Parse(query), source, seconds * Second, default)).Samples).Value;

    private static Samples Source()
    {
        var source = new Samples();
        source.Add("a", isDelta: false, [(60, 8), (120, 16), (180, 24), (240, 32), (300, 40)], ("job", "web"));
        source.Add("b", isDelta: false, [(300, 7)], ("job", "web"));
        source.Add("h_bucket", isDelta: false, [(300, 4)], ("le", "0.1"));
        source.Add("h_bucket", isDelta: false, [(300, 6)], ("le", "1.0"));
        source.Add("h_bucket", isDelta: false, [(300, 10)], ("le", "+Inf"));
        return source;
    }

    /// <summary>Series in memory; times in seconds.</summary>
    /// <summary>Answers when it is told to.</summary>
    private sealed class Held(Task<IReadOnlyList<SeriesData>> answer) : ISeriesSource
    {
        public async ValueTask<IReadOnlyList<SeriesData>> SelectAsync(SeriesSelection selection, CancellationToken cancellation) => await answer;
    }

    private sealed class Samples : ISeriesSource
    {
        private readonly List<SeriesData> _all = [];

        public void Add(string name, bool isDelta, (long Seconds, double Value)[] points, params (string Name, string Value)[] labels) => _all.Add(new SeriesData
        {
            Labels = Labels.Of(labels.Select(label => KeyValuePair.Create(label.Name, label.Value)).Append(KeyValuePair.Create(Labels.MetricName, name))),
            IsDelta = isDelta,
            TimesMs = [.. points.Select(point => point.Seconds * Second)],
            Values = [.. points.Select(point => point.Value)],
        });

        public ValueTask<IReadOnlyList<SeriesData>> SelectAsync(SeriesSelection selection, CancellationToken cancellation)
        {
            IReadOnlyList<SeriesData> found =
            [
                .. _all.Where(series => selection.Matchers.All(matcher => LabelPattern.Of(matcher).Matches(series.Labels[matcher.Label]))).Select(series =>
                {
                    int[] inside = [.. Enumerable.Range(0, series.TimesMs.Length).Where(index => series.TimesMs[index] > selection.StartMs && series.TimesMs[index] <= selection.EndMs)];
                    return new SeriesData
                    {
                        Labels = series.Labels,
                        IsDelta = series.IsDelta,
                        TimesMs = [.. inside.Select(index => series.TimesMs[index])],
                        Values = [.. inside.Select(index => series.Values[index])],
                    };
                }),
            ];
            return ValueTask.FromResult(found);
        }
    }
}
