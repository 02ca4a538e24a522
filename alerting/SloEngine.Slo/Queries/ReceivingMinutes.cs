using SloEngine.Slo.Ledger;

namespace SloEngine.Slo.Queries;

/// <summary>
/// The minutes in which this node took in telemetry from their beginning to their end: what is missing of them was never sent. They are kept with the
/// ledger's minutes, under a key of their own.
/// </summary>
/// <param name="store">Keeps them over restarts.</param>
/// <param name="time">The clock.</param>
public sealed class ReceivingMinutes(ILedgerStore store, TimeProvider time)
{
    /// <summary>Key of the minutes: no SLO can be called so.</summary>
    public const string Key = "~receiving";

    /// <summary>A process that was not asked for longer may have been stopped meanwhile: nobody could reach it.</summary>
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private DateTimeOffset _lastTick;
    private DateTimeOffset? _next;

    /// <summary>Up to when it is known, and stored, which minutes they are; null before the first <see cref="TickAsync"/>.</summary>
    public DateTimeOffset? KnownUntil => _next;

    /// <summary>When this process began to take in telemetry.</summary>
    public DateTimeOffset? Since { get; private set; }

    /// <summary>Stores the minutes that are over; to be called every few seconds while telemetry is taken in.</summary>
    public async Task TickAsync(CancellationToken cancellation)
    {
        DateTimeOffset now = time.GetUtcNow();
        Since ??= now;
        DateTimeOffset next = _next is { } known && now - _lastTick <= LongestPause && now >= _lastTick ? known : Ceiling(now);
        _lastTick = now;
        DateTimeOffset over = now.AddTicks(-(now.Ticks % Minute.Ticks));
        if (over > next)
        {
            var minutes = new List<LedgerIncrement>();
            for (DateTimeOffset minute = next; minute < over; minute += Minute)
            {
                minutes.Add(new LedgerIncrement(Key, "", minute, 1, 1));
            }
            // A retry after a lost answer may tell of more minutes, under another token: those told twice are still those.
            await store.AppendAsync(minutes, $"receiving/{next.ToUnixTimeSeconds()}-{over.ToUnixTimeSeconds()}", cancellation);
            next = over;
        }
        _next = next;
    }

    /// <summary>The minutes since a time, by their starts.</summary>
    public async Task<IReadOnlySet<DateTimeOffset>> ReadAsync(DateTimeOffset since, CancellationToken cancellation) =>
        (await store.ReadAsync(Key, since, cancellation)).Select(minute => minute.Minute).ToHashSet();

    private static DateTimeOffset Ceiling(DateTimeOffset time) => time.AddTicks((Minute.Ticks - (time.Ticks % Minute.Ticks)) % Minute.Ticks);
}
