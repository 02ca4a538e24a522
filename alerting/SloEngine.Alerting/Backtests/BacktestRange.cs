namespace SloEngine.Alerting.Backtests;

/// <summary>The stretch of history that is replayed, and how often it is evaluated.</summary>
public sealed record BacktestRange
{
    /// <summary>Shortest time between evaluations: the ledger's finest slots.</summary>
    public static readonly TimeSpan ShortestStep = TimeSpan.FromSeconds(10);

    /// <summary>The longest window of a budget lies before the range, and after 1970.</summary>
    private static readonly DateTimeOffset Earliest = new(1972, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Latest = new(2200, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Creates a range; its ends are brought to whole minutes.</summary>
    /// <exception cref="FormatException">The range is empty, longer than 400 days or not between 1972 and 2200, or the step is not 10 s to 5 min in whole seconds.</exception>
    public BacktestRange(DateTimeOffset from, DateTimeOffset to, TimeSpan step)
    {
        (From, To, Step) = (WholeMinute(from), WholeMinute(to), step);
        if (From >= To || To - From > TimeSpan.FromDays(400))
        {
            throw new FormatException($"the range is {from:u} to {to:u}, expected a start before its end, and 400 days at most");
        }
        if (From < Earliest || To > Latest)
        {
            throw new FormatException($"the range is {from:u} to {to:u}, expected times from 1972 to 2200");
        }
        if (step < ShortestStep || step > TimeSpan.FromMinutes(5) || step.Ticks % TimeSpan.TicksPerSecond != 0)
        {
            throw new FormatException($"the step is {step.TotalSeconds} s, expected whole seconds from 10 s (what the ledger resolves) to 5 min");
        }
    }

    /// <summary>When alerts begin to be evaluated.</summary>
    public DateTimeOffset From { get; }

    /// <summary>The end.</summary>
    public DateTimeOffset To { get; }

    /// <summary>Time between evaluations.</summary>
    public TimeSpan Step { get; }

    /// <summary>Its length in weeks.</summary>
    public double Weeks => (To - From).TotalDays / 7;

    private static DateTimeOffset WholeMinute(DateTimeOffset time) => new(time.UtcTicks - (time.UtcTicks % TimeSpan.TicksPerMinute), TimeSpan.Zero);
}
