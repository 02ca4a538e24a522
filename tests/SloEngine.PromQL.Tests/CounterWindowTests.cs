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

    private static string Evaluate(string query, SeriesData series)
    {
        var engine = new PromQLEngine(new EngineOptions { UseStartTimes = true });
        ValueTask<MatrixResult> result = engine.RangeAsync(PromQLParser.Parse(query), new One(series), 0, 900_000, 10_000, default);
        return string.Join('\n', result.AsTask().GetAwaiter().GetResult().Series.SelectMany(one => one.TimesMs.Zip(one.Values, (time, value) => $"{time} {value:R}")));
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
}
