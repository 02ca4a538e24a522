using FsCheck;
using FsCheck.Fluent;
using SloEngine.Otlp.Metrics;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;
using SloEngine.Storage.Tables;

namespace SloEngine.Storage.Tests;

/// <summary>Samples that were gathered are written as if they had come at once: in the order of their table, each once.</summary>
[Collection(EngineCollection.Name)]
public sealed class SampleMergeTests(EngineFixture engine)
{
    private const long HourMs = 3_600_000;

    [Fact]
    public void Samples_of_several_runs_are_in_the_order_of_their_table_and_equal_ones_as_they_came()
    {
        // Of few series and times, so that many are equal, come late, or lie at the ends of hours; and of far more series and hours than samples.
        Gen<(int Series, long Ms)> near = Gen.Choose(0, 4).SelectMany(static _ => Gen.Choose(-8, 24), static (series, step) => (series, step * (HourMs / 8)));
        Gen<(int Series, long Ms)> far = Gen.Choose(0, 99).SelectMany(static _ => Gen.Choose(-100_000, 2_000_000), static (series, hour) => (series, hour * HourMs));
        Gen<(int Series, long Ms)[][]> batches = Gen.OneOf(near, Gen.Frequency((20, near), (1, far))).NonEmptyListOf().Select(static some => some.ToArray()).ArrayOf()
            .Where(static some => some.Length > 0);
        UInt128[] ids = [.. Enumerable.Range(0, 100).Select(static series => new UInt128((ulong)(series * 37 % 101), 1))];
        byte[] scales = new byte[ids.Length];
        using var order = new RowOrder();

        Check.One(Config.QuickThrowOnFailure.WithMaxTest(500), Prop.ForAll(batches.ToArbitrary(), given =>
        {
            int sample = 0;
            SampleRun[] runs = Array.ConvertAll(given, batch => Run([.. batch.Select(one => (one.Series, one.Ms, (double)sample++))], ids, scales, order));
            (int Series, long Ms)[] all = [.. given.SelectMany(static batch => batch)];

            List<long> written = [];
            foreach (SampleMerge.Piece piece in SampleMerge.Of(runs).Pieces)
            {
                written.AddRange(runs[piece.Run].Numbers.Slice(piece.Start, piece.Length));
                Assert.All(Enumerable.Range(piece.Start, piece.Length), row => Assert.Equal(ids[all[(int)runs[piece.Run].Numbers[row]].Series], runs[piece.Run].Ids[piece.Stretch]));
            }
            Assert.Equal(Enumerable.Range(0, all.Length).OrderBy(row => (all[row].Ms / HourMs, ids[all[row].Series], all[row].Ms)).Select(static row => (long)row), written);
            Array.ForEach(runs, static run => run.Dispose());
        }));
    }

    [Fact]
    public async Task Every_column_goes_with_its_sample_also_where_only_some_runs_have_starts()
    {
        UInt128[] ids = [4713, 4714];
        using var order = new RowOrder();
        using var writer = new NativeWriter();
        long now = 1_767_225_600_000;
        using SampleRun without = Run([(1, now + 1, 0.5), (0, now + 3, 1)], ids, new byte[2], order);
        using SampleRun with = Run([(0, now + 2, 2.25), (1, now + 2, double.NaN), (0, now + 1, 3)], ids, new byte[2], order, startMs: now);

        await engine.Store.InsertAsync(MetricTables.Encode([without, with], writer));

        QueryResult stored = await engine.Store.QueryAsync(new StoreQuery(
            $"SELECT arrayStringConcat(groupArray(concat(toString(id), '+', toString(toUnixTimestamp64Milli(ts) - {now}), ' ', toString(value), ' ', if(toUnixTimestamp64Milli(start) = {now}, 's', '-'))), ', ') FROM (SELECT * , value FROM samples WHERE id IN (4713, 4714) ORDER BY id, ts)"));
        Assert.Equal("4713+1 3 s, 4713+2 2.25 s, 4713+3 1 -, 4714+1 0.5 -, 4714+2 nan s", stored.Blocks[0].Text(0).String(0));
    }

    private static SampleRun Run((int Series, long Ms, double Value)[] samples, UInt128[] ids, byte[] scales, RowOrder order, long startMs = 0)
    {
        using var points = new NumberPoints();
        foreach ((int series, long ms, double value) in samples)
        {
            points.Series.Append(series);
            points.TimeNanos.Append(ms * 1_000_000);
            points.StartNanos.Append(startMs * 1_000_000);
            points.Values.Append(value);
        }
        return SampleRun.Of(points, ids, scales, order);
    }
}
