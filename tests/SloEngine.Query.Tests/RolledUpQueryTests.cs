using SloEngine.PromQL;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Syntax;
using SloEngine.Query.Metrics;
using SloEngine.Storage;
using SloEngine.Storage.Retention;
using SloEngine.Storage.RollUps;

namespace SloEngine.Query.Tests;

/// <summary>Queries over days whose samples retention has dropped, with two such days in January 1990, and one in February that is kept.</summary>
[Collection(MetricStoreCollection.Name)]
public sealed class RolledUpQueryTests(MetricStore engine)
{
    private const string Tenant = "rolled";
    private const long SecondMs = 1000;
    private const long HourMs = 3600 * SecondMs;
    private const long DayMs = 24 * HourMs;
    private const string Remark = "PromQL info: parts of the range are answered from 5 m roll-ups (1:";

    private static readonly long First = new DateTimeOffset(1990, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();
    private static readonly long Recent = First + (40 * DayMs);

    private readonly PromQLEngine _promql = new(new EngineOptions());

    [Fact]
    public async Task Days_without_samples_are_answered_from_roll_ups_with_a_remark_and_recent_ones_as_ever()
    {
        UInt128 gauge = await engine.SeriesAsync(Tenant, "x", 1);
        UInt128 counter = await engine.SeriesAsync(Tenant, "c_total", 2);
        UInt128 delta = await engine.SeriesAsync(Tenant, "d_total", 2, temporality: 1);
        foreach (long start in (long[])[First, First + DayMs, Recent])
        {
            long[] times = [.. Enumerable.Range(0, 5760).Select(index => start + (index * 15 * SecondMs))];
            await engine.SamplesAsync(gauge, [.. times.Select((time, index) => (time, (double)(index * 7919 % 1000)))]);
            await engine.SamplesAsync(counter, [.. times.Select(time => (time, (double)(time - First) / SecondMs))]);
            await engine.SamplesAsync(delta, [.. times.Select(time => (time, 3.0))]);
        }
        // A window of an hour that ends here holds twelve slots, all of them whole.
        long whole = First + DayMs + (5 * HourMs) - (15 * SecondMs);
        string[] exact = ["max_over_time(x[1h])", "min_over_time(x[1h])", "sum_over_time(x[1h])", "avg_over_time(x[1h])", "last_over_time(x[1h])", "x", "sum_over_time(d_total[1h])"];
        double[] before = [.. await Task.WhenAll(exact.Select(query => NumberAsync(query, whole)))];
        double recent = await NumberAsync("sum_over_time(x[1h])", Recent + (2 * HourMs));
        VectorSample[] steps = await ValuesAsync("x", First);

        var time = new FixedTime(DateTimeOffset.FromUnixTimeMilliseconds(Recent + DayMs + (12 * HourMs)));
        using var rollUps = new StoreRollUps(engine.Store, time);
        using var retention = new StoreRetention(engine.Store, new RetentionOptions { MinFreeBytes = 0 }, time, rollUps: rollUps);
        await retention.ApplyAsync();

        ulong left = (await engine.Store.QueryAsync(new StoreQuery($"SELECT count() FROM samples WHERE id = toUInt128('{gauge}')"))).Blocks[0].Values<ulong>(0)[0];
        Assert.Equal(5760UL, left);
        Assert.Equal(before.Select(value => Math.Round(value, 9)), (await Task.WhenAll(exact.Select(query => NumberAsync(query, whole)))).Select(value => Math.Round(value, 9)));
        // Each slot answers with its last sample, so that at the end of each slot the answer is that of the samples.
        Assert.Equal(steps, await ValuesAsync("x", First));
        Assert.Equal(3600, await NumberAsync("increase(c_total[1h])", whole), 1e-6);
        Assert.Equal(0.2, await NumberAsync("rate(d_total[1h])", whole), 1e-6);
        Assert.Equal(12, await NumberAsync("count_over_time(x[1h])", whole));
        Assert.Empty((await InstantAsync("rate(c_total[5m])", whole)).Samples);

        Assert.StartsWith(Remark, Assert.Single((await InstantAsync("x + 1", whole)).Annotations).Describe("x + 1"), StringComparison.Ordinal);
        VectorResult now = await InstantAsync("sum_over_time(x[1h])", Recent + (2 * HourMs));
        Assert.Equal(recent, Assert.Single(now.Samples).Value);
        Assert.Empty(now.Annotations);
        // A range over both is one series, in order.
        MatrixResult both = await _promql.RangeAsync(PromQLParser.Parse("count_over_time(x[60d])"), Source(), Recent + DayMs, Recent + DayMs, HourMs, default);
        Assert.Equal((2 * 288) + 5760, Assert.Single(both.Series).Values[0]);
        Assert.Single(both.Annotations);

        // What stays in memory is what the table has: the same when it is asked for again and in parts, and what a slot becomes.
        StoreSeriesSource kept = Source();
        foreach (string query in (string[])["max_over_time(x[1h])", "x", "max_over_time(x[1h])", "sum_over_time(d_total[1h])"])
        {
            Assert.Equal(await InstantAsync(query, whole), await InstantAsync(query, whole, kept), static (one, other) => one!.Samples.SequenceEqual(other!.Samples));
        }
        Assert.Equal(3, Assert.Single((await InstantAsync("count_over_time(x[15m])", whole, kept)).Samples).Value);
        long slot = (whole / (300 * SecondMs) * 300) - 300;
        await engine.InsertAsync("samples_5m", [$"({gauge}, {slot}, 1, 4242, 4242, 4242, 4242, fromUnixTimestamp64Milli({(slot + 285) * SecondMs}), 0, now64(3) + INTERVAL 1 DAY)"]);
        Assert.Equal(4242, Assert.Single((await InstantAsync("max_over_time(x[1h])", whole, kept)).Samples).Value);
    }

    private async Task<VectorSample[]> ValuesAsync(string query, long day)
    {
        var samples = new List<VectorSample>();
        for (int slot = 0; slot < 12; slot++)
        {
            samples.AddRange((await InstantAsync(query, day + (slot * 300 * SecondMs) + (285 * SecondMs))).Samples);
        }
        return [.. samples];
    }

    private async Task<double> NumberAsync(string query, long timeMs) => Assert.Single((await InstantAsync(query, timeMs)).Samples).Value;

    private async Task<VectorResult> InstantAsync(string query, long timeMs, StoreSeriesSource? source = null) =>
        (VectorResult)await _promql.InstantAsync(PromQLParser.Parse(query), source ?? Source(), timeMs, default);

    private StoreSeriesSource Source() => new StoredSeriesSources(engine.Store, new QueryOptions()).Stored(Tenant);

    private sealed class FixedTime(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
