using System.Globalization;
using SloEngine.Storage.Chdb;
using SloEngine.Storage.Results;
using SloEngine.Storage.Schema;

namespace SloEngine.Storage.RollUps;

/// <summary>A day of samples that was rolled up.</summary>
/// <param name="Day">The day (UTC).</param>
/// <param name="Samples">Samples it had.</param>
public sealed record RolledUpDay(DateOnly Day, long Samples);

/// <summary>
/// Rolls days of <c>samples</c> that are over up into <c>samples_5m</c>, again when late samples have changed them, and records it once it is
/// done: a crash in between leaves it to be done again, which replaces the same rows. Safe for concurrent use.
/// </summary>
public sealed class StoreRollUps : IDisposable
{
    private const string Samples = "samples";

    /// <summary>How long a day is over before it is rolled up: what comes later costs another pass.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromHours(1);

    private readonly IColumnStore _store;
    private readonly TimeProvider _time;
    private readonly string _database;
    private readonly string _partsDatabase;
    private readonly string _parts;
    private readonly SemaphoreSlim _one = new(1);

    /// <summary>Creates the roll-ups of <paramref name="store"/>, whose tables may be those of a cluster.</summary>
    public StoreRollUps(IColumnStore store, TimeProvider time, StoreCluster? cluster = null)
        : this(store, time, EmbeddedColumnStore.Database, cluster)
    {
    }

    internal StoreRollUps(IColumnStore store, TimeProvider time, string database, StoreCluster? cluster = null) =>
        (_store, _time, _database, _partsDatabase, _parts) =
        (store, time, database, cluster is null ? database : StoreCluster.Local(database), cluster?.Parts ?? "system.parts");

    /// <summary>Samples that one statement reads, at most about: it holds neither a connection nor memory for long.</summary>
    internal long SamplesAtOnce { get; init; } = 5_000_000;

    /// <summary>Rolls up what is due; returns it day by day.</summary>
    /// <exception cref="StoreException">The engine refused; the days before are done.</exception>
    public async IAsyncEnumerable<RolledUpDay> ApplyAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation = default)
    {
        DateTimeOffset due = _time.GetUtcNow() - Rest;
        foreach (SourceDay day in await DueAsync(cancellation))
        {
            if (day.Until <= due && await RollUpAsync(day, cancellation))
            {
                yield return new RolledUpDay(day.Day, (long)day.State.Rows);
            }
        }
    }

    /// <summary>
    /// Rolls a day up that is about to be dropped, unless it is, and records that roll-ups answer for it from now on. Samples that come for a day
    /// that was dropped before are not rolled up: they would replace what was made of all of it.
    /// </summary>
    internal async Task BeforeDropAsync(DateOnly day, CancellationToken cancellation)
    {
        foreach (SourceDay due in await DueAsync(cancellation))
        {
            if (due.Day == day)
            {
                await RollUpAsync(due, cancellation);
            }
        }
        if ((await RecordedAsync(cancellation)).TryGetValue(day, out Recorded recorded) && !recorded.IsDropped)
        {
            await RecordAsync(day, recorded.State, isDropped: true, cancellation);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _one.Dispose();

    /// <summary>The days whose samples are not those that were rolled up, the oldest first.</summary>
    private async Task<List<SourceDay>> DueAsync(CancellationToken cancellation)
    {
        Dictionary<DateOnly, Recorded> recorded = await RecordedAsync(cancellation);
        QueryResult result = await _store.QueryAsync(
            new StoreQuery(
                $$"""
                SELECT partition_id, sum(rows), toUInt64(max(max_block_number)) FROM {{_parts}}
                WHERE active AND database = {database:String} AND table = '{{Samples}}' GROUP BY partition_id ORDER BY partition_id
                """)
            {
                Parameters = new Dictionary<string, string> { ["database"] = _partsDatabase },
            },
            cancellation);
        var due = new List<SourceDay>();
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                var day = DateOnly.ParseExact(block.Text(0).String(row), "yyyyMMdd", CultureInfo.InvariantCulture);
                var state = new SourceState(block.Values<ulong>(1)[row], block.Values<ulong>(2)[row]);
                if (!recorded.TryGetValue(day, out Recorded known) || (!known.IsDropped && known.State != state))
                {
                    due.Add(new SourceDay(day, state));
                }
            }
        }
        return due;
    }

    private async Task<Dictionary<DateOnly, Recorded>> RecordedAsync(CancellationToken cancellation)
    {
        QueryResult result = await _store.QueryAsync(
            new StoreQuery($"SELECT toInt32(day), rows, blocks, dropped FROM {_database}.rollup_days FINAL"), cancellation);
        var days = new Dictionary<DateOnly, Recorded>(result.Rows);
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                days.Add(
                    Epoch.AddDays(block.Values<int>(0)[row]),
                    new Recorded(new SourceState(block.Values<ulong>(1)[row], block.Values<ulong>(2)[row]), block.Values<byte>(3)[row] != 0));
            }
        }
        return days;
    }

    /// <summary>Rolls a day up; false if another caller has done so meanwhile.</summary>
    private async Task<bool> RollUpAsync(SourceDay day, CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation);
        try
        {
            if ((await RecordedAsync(cancellation)).TryGetValue(day.Day, out Recorded known) && (known.IsDropped || known.State == day.State))
            {
                return false;
            }
            // Ids are hashes: equal ranges of them have about as many samples.
            var pieces = (UInt128)(((long)day.State.Rows / SamplesAtOnce) + 1);
            UInt128 width = UInt128.MaxValue / pieces;
            for (UInt128 piece = 0; piece < pieces; piece++)
            {
                UInt128 first = piece * width;
                UInt128 last = piece == pieces - 1 ? UInt128.MaxValue : first + width - 1;
                await _store.ExecuteOnAsync("samples_5m", Statement(day.Day, first, last), cancellation: cancellation);
            }
            await RecordAsync(day.Day, day.State, isDropped: false, cancellation);
            return true;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>
    /// Samples that were sent again count once. NaN, stale markers among them, would make every sum of its slot one: it is left out.
    /// </summary>
    private string Statement(DateOnly day, UInt128 first, UInt128 last) => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        INSERT INTO {_database}.samples_5m (id, slot, count, sum, min, max, last, last_ts, increase, rolled)
        SELECT id, toStartOfFiveMinutes(ts) AS five, count(), sum(value), min(value), max(value), argMax(value, ts), max(ts),
               sum(multiIf(isNaN(previous), 0, value >= previous, value - previous, value)), now64(3)
        FROM
        (
            SELECT id, ts, value, lagInFrame(value, 1, nan) OVER before AS previous, lagInFrame(ts, 1, toDateTime64(0, 3, 'UTC')) OVER before AS previous_ts
            FROM {_database}.{Samples}
            WHERE toYYYYMMDD(ts) = {day:yyyyMMdd} AND id BETWEEN toUInt128('{first}') AND toUInt128('{last}') AND NOT isNaN(value)
            WINDOW before AS (PARTITION BY id ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
        )
        WHERE ts != previous_ts OR isNaN(previous)
        GROUP BY id, five
        SETTINGS max_threads = 1, max_insert_threads = 1, max_bytes_before_external_group_by = 268435456, max_bytes_before_external_sort = 268435456,
                 distributed_foreground_insert = 1
        """);

    private async Task RecordAsync(DateOnly day, SourceState state, bool isDropped, CancellationToken cancellation) => await _store.ExecuteOnAsync(
        "rollup_days",
        string.Create(
            CultureInfo.InvariantCulture,
            $"""
            INSERT INTO {_database}.rollup_days (day, rows, blocks, dropped, done)
            SELECT toDate('{day:yyyy-MM-dd}'), {state.Rows}, {state.Blocks}, {(isDropped ? 1 : 0)}, now64(3) SETTINGS distributed_foreground_insert = 1
            """),
        cancellation: cancellation);

    private static readonly DateOnly Epoch = new(1970, 1, 1);

    /// <summary>What changes with a partition's rows: inserts raise both, deletions lower the first, merges leave them.</summary>
    private readonly record struct SourceState(ulong Rows, ulong Blocks);

    private readonly record struct SourceDay(DateOnly Day, SourceState State)
    {
        public DateTimeOffset Until => new(Day.AddDays(1), default, TimeSpan.Zero);
    }

    private readonly record struct Recorded(SourceState State, bool IsDropped);
}
