using FsCheck;
using FsCheck.Fluent;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Tests;

/// <summary>Rates of plain counters are taken from the ends of windows; they are to be those that looking at every sample gives.</summary>
public sealed class CounterWindowTests
{
    private static readonly string[] Queries = ["rate(m[1m])", "increase(m[7m])", "delta(m[2m])", "rate(m[3m] offset 20s)", "increase(m[5m] @ 400)"];

    [Fact]
    public void Windows_by_their_ends_give_what_all_samples_give() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(300),
        Prop.ForAll(Gen.ArrayOf(Sample()).ToArbitrary(), samples =>
        {
            (long[] times, double[] values) = Placed(samples);
            SeriesData plain = Series(times, values, null);
            // Start times that are all unknown say nothing, but have every sample looked at.
            SeriesData watched = Series(times, values, new long[times.Length]);
            foreach (string query in Queries)
            {
                Assert.Equal(Evaluate(query, watched), Evaluate(query, plain));
            }
        }));

    /// <summary>Large queries are evaluated on several threads: nobody is to see it in their answers.</summary>
    [Theory]
    [InlineData("rate(m[1m])")]
    [InlineData("avg_over_time(m[2m])")]
    [InlineData("max_over_time(rate(m[1m])[5m:10s])")]
    public async Task Several_threads_give_what_one_gives(string query)
    {
        var source = new Many([.. Enumerable.Range(0, 400).Select(static index => Counter(index, samples: 500))]);

        MatrixResult alone = await RangeAsync(query, source, 1);
        MatrixResult together = await RangeAsync(query, source, 7);

        Assert.Equal(400, alone.Series.Count);
        Assert.Equal(Text(alone), Text(together));
        Assert.Equal(alone.Annotations, together.Annotations);
        Assert.Equal(alone.Statistics.SamplesPerStep, together.Statistics.SamplesPerStep);
    }

    [Fact]
    public async Task What_fails_on_another_thread_fails_the_query_as_it_would_alone()
    {
        var source = new Many(
        [
            .. Enumerable.Range(0, 399).Select(static index => Counter(index, samples: 500)),
            new SeriesData { Labels = Labels.Empty, Packed = new Broken() },
        ]);

        PromQLEvaluationException alone = await Assert.ThrowsAsync<PromQLEvaluationException>(() => RangeAsync("rate(m[1m])", source, 1));
        PromQLEvaluationException together = await Assert.ThrowsAsync<PromQLEvaluationException>(() => RangeAsync("rate(m[1m])", source, 7));

        Assert.Equal(alone.Message, together.Message);
    }

    [Fact]
    public async Task A_query_may_read_more_in_turns_than_it_may_hold_at_a_time()
    {
        long[] times = [.. Enumerable.Range(1, 60).Select(index => index * 10_000L)];
        SeriesData series = Series(times, Array.ConvertAll(times, time => (double)time), null);
        var engine = new PromQLEngine(new EngineOptions { MaxSamples = 100 });
        Expr twice = PromQLParser.Parse("rate(m[10m]) + rate(m[10m])");

        QueryValue value = await engine.InstantAsync(twice, new One(series), 600_000, default);

        Assert.Single(((VectorResult)value).Samples);
        await Assert.ThrowsAsync<PromQLEvaluationException>(
            async () => await new PromQLEngine(new EngineOptions { MaxSamples = 50 }).InstantAsync(twice, new One(series), 600_000, default));
    }

    /// <summary>Milliseconds since the sample before, and a value: rising, reset, stale or no number.</summary>
    private static Gen<(int Gap, double Value)> Sample() => Gen.Choose(1, 40_000).SelectMany(
        _ => Gen.Frequency(
            (8, Gen.Choose(0, 1000).Select(value => (double)value)),
            (2, Gen.Constant(0d)),
            (1, Gen.Constant(-0d)),
            (1, Gen.Constant(double.NaN)),
            (1, Gen.Constant(-3.5)),
            (1, Gen.Constant(BitConverter.Int64BitsToDouble(0x7FF0000000000002)))),
        (gap, value) => (gap, value));

    private static (long[] Times, double[] Values) Placed((int Gap, double Value)[] samples)
    {
        var times = new long[samples.Length];
        var values = new double[samples.Length];
        (long time, double counter) = (0, 0);
        for (int index = 0; index < samples.Length; index++)
        {
            (int gap, double value) = samples[index];
            times[index] = time += gap;
            values[index] = value > 0 ? counter += value : counter = value;
            counter = double.IsNaN(counter) ? 0 : counter;
        }
        return (times, values);
    }

    private static SeriesData Series(long[] times, double[] values, long[]? starts) => new()
    {
        Labels = Labels.Of([new(Labels.MetricName, "m")]), TimesMs = times, Values = values, StartTimesMs = starts,
    };

    private static SeriesData Counter(int index, int samples)
    {
        long[] times = [.. Enumerable.Range(0, samples).Select(static sample => sample * 10_000L)];
        return new SeriesData
        {
            Labels = Labels.Of([new(Labels.MetricName, "m"), new("n", $"{index:000}")]),
            TimesMs = times,
            Values = Array.ConvertAll(times, time => (double)(time / 1000 * (index + 1) % 3_000)),
        };
    }

    private static async Task<MatrixResult> RangeAsync(string query, ISeriesSource source, int threads) =>
        await new PromQLEngine(new EngineOptions { MaxParallelism = threads }).RangeAsync(
            PromQLParser.Parse(query, ParserOptions.All), source, 0, 5_000_000, 10_000, default);

    private static string Text(MatrixResult result) => string.Join(
        '\n', result.Series.Select(one => $"{one.Labels} {string.Join(' ', one.TimesMs.Zip(one.Values, (time, value) => $"{time} {value:R}"))}"));

    private static string Evaluate(string query, SeriesData series)
    {
        var engine = new PromQLEngine(new EngineOptions { UseStartTimes = true });
        ValueTask<MatrixResult> result = engine.RangeAsync(PromQLParser.Parse(query), new One(series), 0, 900_000, 10_000, default);
        return Text(result.AsTask().GetAwaiter().GetResult());
    }

    private sealed class One(SeriesData series) : ISeriesSource
    {
        public ValueTask<IReadOnlyList<SeriesData>> SelectAsync(SeriesSelection selection, CancellationToken cancellation)
        {
            int[] kept = [.. Enumerable.Range(0, series.TimesMs.Length).Where(index => series.TimesMs[index] > selection.StartMs && series.TimesMs[index] <= selection.EndMs)];
            return ValueTask.FromResult<IReadOnlyList<SeriesData>>(
            [
                new SeriesData
                {
                    Labels = series.Labels,
                    TimesMs = Array.ConvertAll(kept, index => series.TimesMs[index]),
                    Values = Array.ConvertAll(kept, index => series.Values[index]),
                    StartTimesMs = series.StartTimesMs is null ? null : Array.ConvertAll(kept, index => series.StartTimesMs[index]),
                },
            ]);
        }
    }

    private sealed class Many(IReadOnlyList<SeriesData> series) : ISeriesSource
    {
        public ValueTask<IReadOnlyList<SeriesData>> SelectAsync(SeriesSelection selection, CancellationToken cancellation) => ValueTask.FromResult(series);
    }

    private sealed class Broken : IPackedSamples
    {
        public int Count => 1;

        public void Unpack(Span<long> timesMs, Span<double> values) => throw new PromQLEvaluationException(QueryFailure.Execution, "no samples");
    }
}
