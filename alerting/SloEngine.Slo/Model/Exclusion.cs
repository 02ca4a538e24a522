using System.Globalization;

namespace SloEngine.Slo.Model;

/// <summary>A stretch of time, or many, whose events do not count: announced maintenance.</summary>
public abstract record Exclusion
{
    /// <summary>Longest stretch of one that comes again and again.</summary>
    public static readonly TimeSpan LongestRecurring = TimeSpan.FromDays(7);

    /// <summary>Why, in words; may be empty.</summary>
    public string Reason { get; init; } = "";

    /// <summary>When it is, in words.</summary>
    public abstract string Describe();

    /// <summary>Whether a moment is within it.</summary>
    public abstract bool Covers(DateTimeOffset time);

    /// <summary>Its stretches, from their start (inclusive) to their end (exclusive), that have a part in a span of time; the earliest first.</summary>
    public abstract IEnumerable<(DateTimeOffset Start, DateTimeOffset End)> Between(DateTimeOffset from, DateTimeOffset to);
}

/// <summary>Once.</summary>
/// <param name="Start">Start, inclusive.</param>
/// <param name="End">End, exclusive.</param>
public sealed record OneOffExclusion(DateTimeOffset Start, DateTimeOffset End) : Exclusion
{
    /// <inheritdoc/>
    public override string Describe() => $"{Start.UtcDateTime:u} to {End.UtcDateTime:u}";

    /// <inheritdoc/>
    public override bool Covers(DateTimeOffset time) => time >= Start && time < End;

    /// <inheritdoc/>
    public override IEnumerable<(DateTimeOffset Start, DateTimeOffset End)> Between(DateTimeOffset from, DateTimeOffset to) =>
        Start < to && End > from ? [(Start, End)] : [];
}

/// <summary>The first so long of every calendar window: two hours from every second Sunday at three, say.</summary>
/// <param name="Every">When it begins.</param>
/// <param name="Length">How long it lasts, in time that passes.</param>
public sealed record RecurringExclusion(CalendarWindow Every, TimeSpan Length) : Exclusion
{
    /// <inheritdoc/>
    public override string Describe() => string.Create(
        CultureInfo.InvariantCulture,
        $"every {Every.Count} {Every.Unit.ToString().ToLowerInvariant()}{(Every.Count == 1 ? "" : "s")} from {Every.Start:yyyy-MM-dd HH:mm} {Every.Zone.Id}, for {WindowedQuery.DurationText(Length)}");

    /// <inheritdoc/>
    public override bool Covers(DateTimeOffset time) => time - Every.Bounds(time).Start < Length;

    /// <inheritdoc/>
    public override IEnumerable<(DateTimeOffset Start, DateTimeOffset End)> Between(DateTimeOffset from, DateTimeOffset to)
    {
        for ((DateTimeOffset start, DateTimeOffset next) = Every.Bounds(from); start < to; (start, next) = Every.Bounds(next))
        {
            if (start + Length > from)
            {
                yield return (start, start + Length);
            }
        }
    }
}

/// <summary>For so long from each time that a cron expression names: the nights of working days, the first of each month.</summary>
/// <param name="Schedule">When it begins.</param>
/// <param name="Zone">Time zone of the schedule.</param>
/// <param name="Length">How long it lasts, in time that passes.</param>
public sealed record ScheduledExclusion(CronSchedule Schedule, TimeZoneInfo Zone, TimeSpan Length) : Exclusion
{
    /// <summary>More than clocks are changed by.</summary>
    private static readonly TimeSpan LargestChange = TimeSpan.FromHours(3);

    /// <inheritdoc/>
    public override string Describe() => $"\"{Schedule.Expression}\" {Zone.Id}, for {WindowedQuery.DurationText(Length)}";

    /// <inheritdoc/>
    public override bool Covers(DateTimeOffset time) => Between(time, time + TimeSpan.FromTicks(1)).Any();

    /// <inheritdoc/>
    public override IEnumerable<(DateTimeOffset Start, DateTimeOffset End)> Between(DateTimeOffset from, DateTimeOffset to)
    {
        DateTime earliest = TimeZoneInfo.ConvertTime(from, Zone).DateTime - Length - LargestChange;
        DateTime latest = TimeZoneInfo.ConvertTime(to, Zone).DateTime + LargestChange;
        for (DateTime day = earliest.Date; day <= latest; day = day.AddDays(1))
        {
            if (!Schedule.IsOn(day))
            {
                continue;
            }
            foreach (TimeSpan timeOfDay in Schedule.TimesOfDay())
            {
                if (day + timeOfDay < earliest || day + timeOfDay > latest)
                {
                    continue;
                }
                DateTimeOffset start = LocalTime.At(day + timeOfDay, Zone);
                if (start < to && start + Length > from)
                {
                    yield return (start, start + Length);
                }
            }
        }
    }
}
