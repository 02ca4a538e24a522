namespace SloEngine.Slo.Model;

/// <summary>The stretch of time that a budget is for.</summary>
public abstract record BudgetWindow
{
    /// <summary>Shortest window of a budget.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromHours(1);

    /// <summary>Longest window of a budget: a leap year, with the hour that daylight saving may add.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(366) + TimeSpan.FromHours(1);

    /// <summary>The longest that it lasts: months and years differ, and days do where clocks are changed.</summary>
    public abstract TimeSpan Length { get; }

    /// <summary>Start (inclusive) and end (exclusive) of the window that a moment is in; that of a rolling window ends with the moment.</summary>
    public abstract (DateTimeOffset Start, DateTimeOffset End) Bounds(DateTimeOffset now);

    /// <summary>How far back from a moment the sums reach of the window that it is in: the slot that begins with a calendar's window belongs to it.</summary>
    public abstract TimeSpan Elapsed(DateTimeOffset now);
}

/// <summary>The last so many days, at every moment.</summary>
public sealed record RollingWindow : BudgetWindow
{
    /// <summary>Creates a window of a length.</summary>
    public RollingWindow(TimeSpan length) => Length = length;

    /// <inheritdoc/>
    public override TimeSpan Length { get; }

    /// <inheritdoc/>
    public override (DateTimeOffset Start, DateTimeOffset End) Bounds(DateTimeOffset now) => (now - Length, now);

    /// <inheritdoc/>
    public override TimeSpan Elapsed(DateTimeOffset now) => Length;
}

/// <summary>Unit of a calendar window.</summary>
public enum CalendarUnit
{
    /// <summary>Days.</summary>
    Day,
    /// <summary>Seven days.</summary>
    Week,
    /// <summary>Months.</summary>
    Month,
    /// <summary>Three months.</summary>
    Quarter,
    /// <summary>Years.</summary>
    Year,
}

/// <summary>
/// Windows that follow each other by the calendar of a place: each begins with a whole budget. They begin at the same local time whatever
/// daylight saving does: where that time is skipped, at the moment of the change; where it comes twice, at the first.
/// </summary>
/// <param name="Unit">Unit.</param>
/// <param name="Count">Units a window.</param>
/// <param name="Start">Local time at which one of the windows begins; a day of the month beyond a month's end is its last day.</param>
/// <param name="Zone">Time zone of the calendar.</param>
public sealed record CalendarWindow(CalendarUnit Unit, int Count, DateTime Start, TimeZoneInfo Zone) : BudgetWindow
{
    /// <inheritdoc/>
    public override TimeSpan Length => TimeSpan.FromHours(1) + TimeSpan.FromDays(Unit switch
    {
        CalendarUnit.Day => Count,
        CalendarUnit.Week => 7 * Count,
        _ => Math.Min(31 * Months, (365 * Math.Ceiling(Months / 12d)) + 1),
    });

    private int Months => Count * Unit switch
    {
        CalendarUnit.Month => 1,
        CalendarUnit.Quarter => 3,
        _ => 12,
    };

    private bool IsOfDays => Unit is CalendarUnit.Day or CalendarUnit.Week;

    private int Days => Unit == CalendarUnit.Week ? 7 * Count : Count;

    /// <inheritdoc/>
    public override (DateTimeOffset Start, DateTimeOffset End) Bounds(DateTimeOffset now)
    {
        DateTime local = TimeZoneInfo.ConvertTime(now, Zone).DateTime;
        int index = IsOfDays
            ? (int)Math.Floor((local - Start).TotalDays / Days)
            : (int)Math.Floor((((local.Year - Start.Year) * 12) + local.Month - Start.Month) / (double)Months);
        // The day of the month, and the clock's changes, decide on the one before or after.
        while (Begin(index) > now)
        {
            index--;
        }
        while (Begin(index + 1) <= now)
        {
            index++;
        }
        return (Begin(index), Begin(index + 1));
    }

    /// <inheritdoc/>
    public override TimeSpan Elapsed(DateTimeOffset now) => now - Bounds(now).Start + TimeSpan.FromTicks(1);

    private DateTimeOffset Begin(int index) => LocalTime.At(IsOfDays ? Start.AddDays((double)index * Days) : Start.AddMonths(index * Months), Zone);
}
