using System.Globalization;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Slo.Native;

/// <summary>Reads stretches of time whose events do not count.</summary>
internal static class ExclusionReader
{
    private const string Annotation = "sloengine/exclusions";

    /// <summary>Those of an annotation, whose value is the YAML of the list: for formats that have no field for them.</summary>
    public static IReadOnlyList<Exclusion> OfAnnotation(YamlPlace? annotations) => annotations?.Optional(Annotation) is { } given ? Read(given.Embedded()) : [];

    /// <summary>Those of a list.</summary>
    public static IReadOnlyList<Exclusion> Read(YamlPlace list) => [.. list.Items.Select(One)];

    private static Exclusion One(YamlPlace item)
    {
        item.OnlyKeys("from", "to", "every", "cron", "timeZone", "duration", "reason");
        YamlPlace? every = item.Optional("every");
        YamlPlace? cron = item.Optional("cron");
        if (every is not null && cron is not null)
        {
            throw cron.Fail($"{item.Path} has both every and cron, expected one of them");
        }
        Exclusion read = every is not null ? Recurring(item, every) : cron is not null ? Scheduled(item, cron) : OneOff(item);
        return read with { Reason = item.Optional("reason")?.Text ?? "" };
    }

    private static OneOffExclusion OneOff(YamlPlace item)
    {
        None(item, "duration", "a stretch with from ends with to");
        YamlPlace? zone = item.Optional("timeZone");
        YamlPlace end = item.Required("to");
        (DateTimeOffset from, DateTimeOffset to) = (Moment(item.Required("from"), zone), Moment(end, zone));
        return from < to ? new OneOffExclusion(from, to) : throw end.Fail($"{end.Path} is {end.Text}, expected a time after from");
    }

    private static RecurringExclusion Recurring(YamlPlace item, YamlPlace every)
    {
        None(item, "to", "what comes again and again has a duration");
        CalendarWindow window = OpenSloWindows.Calendar(every, item.Required("from"), item.Required("timeZone"));
        YamlPlace from = item.Required("from");
        return window.Start.Ticks % TimeSpan.TicksPerMinute == 0 ? new RecurringExclusion(window, Length(item)) : throw from.Fail(NoMinute(from));
    }

    private static ScheduledExclusion Scheduled(YamlPlace item, YamlPlace cron)
    {
        None(item, "from", "cron says when it begins");
        None(item, "to", "what comes again and again has a duration");
        try
        {
            return new ScheduledExclusion(CronSchedule.Parse(cron.Text), OpenSloWindows.Zone(item.Required("timeZone")), Length(item));
        }
        catch (FormatException wrong)
        {
            throw cron.Fail($"{cron.Path}: {wrong.Message}");
        }
    }

    private static TimeSpan Length(YamlPlace item)
    {
        YamlPlace duration = item.Required("duration");
        return duration.Duration is var length && length > TimeSpan.Zero && length <= Exclusion.LongestRecurring && length.Ticks % TimeSpan.TicksPerMinute == 0 ? length
            : throw duration.Fail($"{duration.Path} is {duration.Text}, expected whole minutes, up to 7d");
    }

    /// <summary>A time with an offset; or a local one of the time zone.</summary>
    private static DateTimeOffset Moment(YamlPlace place, YamlPlace? zone)
    {
        DateTimeOffset time;
        if (zone is not null)
        {
            time = LocalTime.At(OpenSloWindows.Start(place), OpenSloWindows.Zone(zone));
        }
        else if (!(HasOffset(place.Text) && DateTimeOffset.TryParse(place.Text, CultureInfo.InvariantCulture, DateTimeStyles.None, out time)))
        {
            throw place.Fail($"{place.Path} is '{place.Text}', expected a time with its offset, such as 2026-01-02T15:04:00Z, or a local one and timeZone beside it");
        }
        return time.Ticks % TimeSpan.TicksPerMinute == 0 ? time.ToUniversalTime() : throw place.Fail(NoMinute(place));
    }

    private static bool HasOffset(string time) => time.EndsWith('Z') || (time.Length > 6 && time[^6] is '+' or '-' && time[^3] == ':');

    private static string NoMinute(YamlPlace place) => $"{place.Path} is {place.Text}, expected a whole minute: the ledger keeps minutes";

    private static void None(YamlPlace item, string key, string why)
    {
        if (item.Optional(key) is { } given)
        {
            throw given.Fail($"{given.Path} does not belong here: {why}");
        }
    }
}
