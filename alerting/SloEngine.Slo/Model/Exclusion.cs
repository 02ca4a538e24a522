namespace SloEngine.Slo.Model;

/// <summary>A stretch of time whose events do not count: announced maintenance.</summary>
public abstract record Exclusion
{
    /// <summary>Whether a moment is within it.</summary>
    public abstract bool Covers(DateTimeOffset time);
}

/// <summary>Once.</summary>
/// <param name="Start">Start, inclusive.</param>
/// <param name="End">End, exclusive.</param>
public sealed record OneOffExclusion(DateTimeOffset Start, DateTimeOffset End) : Exclusion
{
    /// <inheritdoc/>
    public override bool Covers(DateTimeOffset time) => time >= Start && time < End;
}

/// <summary>The first so long of every calendar window: two hours from each Sunday at three, say.</summary>
/// <param name="Every">When it begins.</param>
/// <param name="Length">How long it lasts, in time that passes.</param>
public sealed record RecurringExclusion(CalendarWindow Every, TimeSpan Length) : Exclusion
{
    /// <inheritdoc/>
    public override bool Covers(DateTimeOffset time) => time - Every.Bounds(time).Start < Length;
}
