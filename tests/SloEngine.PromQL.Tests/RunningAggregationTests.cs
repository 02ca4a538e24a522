using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Tests;

/// <summary>Aggregations over functions of ranges take series as they are evaluated, some at a time: nobody is to see it but in what a query holds.</summary>
public sealed class RunningAggregationTests
{
    private const int Steps = 3_000;

    public static TheoryData<string> Operators => ["sum", "avg", "count", "group", "min", "max"];

    [Theory]
    [MemberData(nameof(Operators))]
    public async Task Series_that_come_some_at_a_time_give_what_all_at_one_time_give(string name)
    {
        Assert.Equal(Text(await RangeAsync($"{name} by (g) (x)", allAtOnce: true)), Text(await RangeAsync($"{name} by (g) (last_over_time(x[1s]))")));
        Assert.Equal(Text(await RangeAsync($"{name} without (n) (x)", allAtOnce: true)), Text(await RangeAsync($"{name} without (n) ((last_over_time(x[1s])))")));
    }

    [Fact]
    public async Task What_a_query_holds_at_one_time_does_not_grow_with_the_series_that_it_sums_up()
    {
        QueryStatistics some = (await RangeAsync("sum(last_over_time(x[1s]))", series: 1_400)).Statistics;
        QueryStatistics twice = (await RangeAsync("sum(last_over_time(x[1s]))", series: 2_800)).Statistics;

        // The samples themselves, six of seven steps, which the source holds, but not a number for each series and step beside them.
        Assert.InRange(twice.SamplesHeld - some.SamplesHeld, 1, (1_400 * Steps * 6 / 7) + Steps);
        Assert.Equal(some.SamplesPerStep.Sum() * 2, twice.SamplesPerStep.Sum());
    }

    [Fact]
    public async Task Means_that_would_overflow_as_sums_are_taken_step_by_step()
    {
        MatrixResult mean = await new PromQLEngine(new EngineOptions()).RangeAsync(
            PromQLParser.Parse("avg(last_over_time(x[1s]))"), new Many(3, static _ => 1.7e308), 0, 10_000, 1_000, default);

        Assert.All(mean.Series.Single().Values, static value => Assert.Equal(1.7e308, value, 1e293));
    }

    private static async Task<MatrixResult> RangeAsync(string query, bool allAtOnce = false, int series = 1_600) =>
        await new PromQLEngine(new EngineOptions { MaxParallelism = allAtOnce ? 1 : 3, LookbackMs = 1_000, MaxSamples = 100_000_000 }).RangeAsync(
            PromQLParser.Parse(query), new Many(series, static sample => sample), 0, (Steps - 1) * 1_000, 1_000, default);

    private static string Text(MatrixResult result) => string.Join(
        '\n', result.Series.Select(one => $"{one.Labels} {string.Join(' ', one.TimesMs.Zip(one.Values, (time, value) => $"{time} {value:R}"))}").Order(StringComparer.Ordinal));

    /// <summary>Counts with gaps, NaN, infinities and both zeros among them.</summary>
    private sealed class Many(int count, Func<double, double> value) : ISeriesSource
    {
        public ValueTask<IReadOnlyList<SeriesData>> SelectAsync(SeriesSelection selection, CancellationToken cancellation) => ValueTask.FromResult<IReadOnlyList<SeriesData>>(
        [
            .. Enumerable.Range(0, count).Select(index =>
            {
                long[] times = [.. Enumerable.Range(0, Steps).Where(step => (step + index) % 7 > 0).Select(static step => step * 1_000L)];
                return new SeriesData
                {
                    Labels = Labels.Of([new(Labels.MetricName, "x"), new("g", $"{index % 3}"), new("n", $"{index:0000}")]),
                    TimesMs = times,
                    Values = Array.ConvertAll(times, time => value(Sample(index, time))),
                };
            }),
        ]);

        private static double Sample(int index, long time) => ((time / 1_000) + index) switch
        {
            var number when number % 4_001 == 0 => double.NaN,
            var number when number % 5_003 == 0 => double.PositiveInfinity,
            var number when number % 11 == 0 => -0d,
            var number => Math.Sqrt(number) - 20,
        };
    }
}
