using System.Diagnostics;
using System.Globalization;
using SloEngine.Storage.Chdb;

namespace SloEngine.LoadTest;

/// <summary>
/// Request counters of services over days, each reset now and then, written into a store by the engine itself: what they come to can be told
/// without reading them.
/// </summary>
/// <param name="Services">Services of <see cref="SeriesEach"/> series.</param>
/// <param name="Days">Days of samples.</param>
/// <param name="Interval">Seconds between samples.</param>
/// <param name="End">Time of the last samples, Unix seconds.</param>
internal sealed record History(int Services, int Days, int Interval, long End)
{
    public const string Metric = "history_requests_total";

    /// <summary>Series a service: every tenth counts errors.</summary>
    public const int SeriesEach = 100;

    public int Series => Services * SeriesEach;

    public long Steps => Days * 86_400L / Interval;

    public long Samples => Series * Steps;

    private long Begin => End - ((Steps - 1) * Interval);

    /// <summary>Writes the samples into a store that nobody has open.</summary>
    public async Task WriteAsync(string path, CancellationToken cancellation)
    {
        await using EmbeddedColumnStore store = await EmbeddedColumnStore.OpenAsync(new EmbeddedStoreOptions { Path = path }, cancellation);
        await store.ExecuteAsync(
            Text($"""
            INSERT INTO sloengine.series SELECT 'default', '{Metric}', {Id("number")}, 2, 2, '', '', '{Metric}',
                map('service', concat('service-', toString(intDiv(number, {SeriesEach}))), 'instance', toString(number % {SeriesEach}), 'code', if(number % 10 = 0, '500', '200')), [],
                toDateTime({Begin}), toDateTime({End}) FROM numbers({Series})
            """),
            cancellation);
        long began = Stopwatch.GetTimestamp();
        long perDay = 86_400 / Interval;
        for (int day = 0; day < Days; day++)
        {
            // Not faster than the engine merges; a day is a partition or two.
            await store.ExecuteAsync(
                Text($"""
                INSERT INTO sloengine.samples
                SELECT {Id("series")}, fromUnixTimestamp64Milli(({Begin} + step * {Interval}) * 1000) AS ts,
                    fromUnixTimestamp64Milli(({Begin} + intDiv(step + series, {ResetEach}) * {ResetEach} * {Interval} - series * {Interval} - 1) * 1000) AS start,
                    ((step + series) % {ResetEach}) * (series % 7 + 11) + (step * 40503 + series) % (series % 7 + 11),
                    0
                FROM (SELECT intDiv(number, {perDay}) AS series, {day * perDay} + number % {perDay} AS step FROM numbers({Series * perDay}))
                SETTINGS max_insert_threads = 2, max_block_size = 1048576, min_insert_block_size_rows = 8388608, min_insert_block_size_bytes = 0, max_partitions_per_insert_block = 10
                """),
                cancellation);
            Console.WriteLine(Text($"day {day + 1} of {Days}, {Stopwatch.GetElapsedTime(began).TotalSeconds:0} s"));
        }
    }

    /// <summary>Bad and all events of a service whose samples lie in (since, until], with the first of them for a baseline.</summary>
    public (long Bad, long Total) Events(int service, long since, long until)
    {
        long first = Math.Max(0, since < Begin ? 0 : ((since - Begin) / Interval) + 1);
        long last = Math.Min(Steps - 1, (until - Begin) / Interval);
        long bad = 0;
        long total = 0;
        for (int series = service * SeriesEach; series < (service + 1) * SeriesEach; series++)
        {
            long increase = -Value(series, first);
            for (long step = first; step <= last; step = After(series, step))
            {
                increase += Value(series, Math.Min(After(series, step) - 1, last));
            }
            total += increase;
            bad += series % 10 == 0 ? increase : 0;
        }
        return (bad, total);
    }

    /// <summary>Steps from one reset of a series to the next: a week of minutes, and an odd number.</summary>
    private const long ResetEach = 10_081;

    private static long After(int series, long step) => (((step + series) / ResetEach) + 1) * ResetEach - series;

    private static long Value(int series, long step)
    {
        int rate = (series % 7) + 11;
        return ((step + series) % ResetEach * rate) + (((step * 40_503) + series) % rate);
    }

    /// <summary>Series of one metric lie side by side, as those that the collector writes.</summary>
    private static string Id(string number) => $"bitShiftLeft(toUInt128(3141592653), 96) + bitShiftLeft(toUInt128(cityHash64({number})), 32) + {number}";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
