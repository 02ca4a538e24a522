namespace SloEngine.Slo.Model;

/// <summary>Times of a place's clocks.</summary>
internal static class LocalTime
{
    /// <summary>The moment of a local time: where that time is skipped, the moment of the change; where it comes twice, the first.</summary>
    public static DateTimeOffset At(DateTime time, TimeZoneInfo zone)
    {
        DateTime local = DateTime.SpecifyKind(time, DateTimeKind.Unspecified);
        if (zone.IsInvalidTime(local))
        {
            // The clock goes from before the gap to after it: the moment of the change has the offset of before.
            DateTime before = local;
            while (zone.IsInvalidTime(before))
            {
                before = before.AddMinutes(-1);
            }
            return new DateTimeOffset(before, zone.GetUtcOffset(before)).AddMinutes(1).ToUniversalTime();
        }
        TimeSpan offset = zone.IsAmbiguousTime(local) ? zone.GetAmbiguousTimeOffsets(local).Max() : zone.GetUtcOffset(local);
        return new DateTimeOffset(local, offset).ToUniversalTime();
    }
}
