using System.Globalization;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.OpenSlo;

/// <summary>Reads windows of OpenSLO documents.</summary>
internal static class OpenSloWindows
{
    /// <summary>Annotation of an alert condition: its short window, where it is not a twelfth of the long one.</summary>
    public const string ShortWindow = "sloengine/short-window";

    private static readonly string[] Starts = ["yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss'Z'", "yyyy-MM-dd HH:mm", "yyyy-MM-dd'T'HH:mm", "yyyy-MM-dd"];

    /// <summary>The window of a budget; 30 days where none is given.</summary>
    public static BudgetWindow Read(YamlPlace? windows, bool isAlpha)
    {
        if (windows is null)
        {
            return new RollingWindow(TimeSpan.FromDays(30));
        }
        YamlPlace[] all = [.. windows.Items];
        if (all.Length != 1)
        {
            throw windows.Fail($"{windows.Path} has {all.Length} entries, expected one");
        }
        YamlPlace window = all[0];
        YamlPlace? calendar = window.Optional("calendar");
        YamlPlace? rolling = window.Optional("isRolling");
        if (rolling?.Boolean == true && calendar is not null)
        {
            throw calendar.Fail($"{calendar.Path} is for windows with isRolling: false");
        }
        bool isCalendar = calendar is not null || (rolling is null ? !isAlpha : !rolling.Boolean);
        (YamlPlace place, int count, CalendarUnit? unit, TimeSpan? length) = isAlpha ? Counted(window) : Shorthand(window.Required("duration"), isCalendar);
        if (!isCalendar)
        {
            TimeSpan given = length ?? throw place.Fail($"{place.Path} is '{place.Text}'; a rolling window is counted in days, such as 30d");
            return given >= BudgetWindow.Shortest && given <= BudgetWindow.Longest ? new RollingWindow(given)
                : throw place.Fail($"duration is {place.Text}, expected 1h to 366d");
        }
        YamlPlace from = calendar ?? throw window.Fail($"{window.Path}.calendar is missing; expected it, or isRolling: true");
        return Calendar(place, count, unit, from.Required("startTime"), from.Required("timeZone"));
    }

    /// <summary>A rolling window of a length.</summary>
    public static RollingWindow Rolling(YamlPlace length) => length.Duration is var given && given >= BudgetWindow.Shortest && given <= BudgetWindow.Longest
        ? new RollingWindow(given) : throw length.Fail($"{length.Path} is {length.Text}, expected 1h to 366d");

    /// <summary>Calendar windows of a length such as 1M.</summary>
    public static CalendarWindow Calendar(YamlPlace length, YamlPlace start, YamlPlace zone)
    {
        (YamlPlace place, int count, CalendarUnit? unit, _) = Shorthand(length, isCalendar: true);
        return Calendar(place, count, unit, start, zone);
    }

    private static CalendarWindow Calendar(YamlPlace place, int count, CalendarUnit? unit, YamlPlace start, YamlPlace zone)
    {
        CalendarUnit known = unit ?? throw place.Fail($"{place.Path} is '{place.Text}'; a calendar window is counted in days, weeks, months, quarters or years");
        CalendarWindow read = new(known, count, Start(start), Zone(zone));
        return read.Length <= BudgetWindow.Longest ? read : throw place.Fail($"{place.Path} is longer than a year");
    }

    /// <summary>Length of a calendar window as <see cref="Calendar(YamlPlace, YamlPlace, YamlPlace)"/> reads it.</summary>
    public static string LengthText(CalendarWindow window) => string.Create(CultureInfo.InvariantCulture, $"{window.Count}{window.Unit switch
    {
        CalendarUnit.Day => 'd',
        CalendarUnit.Week => 'w',
        CalendarUnit.Month => 'M',
        CalendarUnit.Quarter => 'Q',
        _ => 'Y',
    }}");

    /// <summary>A lookback window; some tools write it as negative.</summary>
    public static TimeSpan Lookback(YamlPlace place) => place.DurationOf(place.Text.TrimStart('-'));

    private static (YamlPlace Place, int Count, CalendarUnit? Unit, TimeSpan? Length) Counted(YamlPlace window)
    {
        YamlPlace count = window.Required("count");
        YamlPlace unit = window.Required("unit");
        if (count.Number is not (>= 1 and <= 10_000) || count.Number % 1 != 0)
        {
            throw count.Fail($"{count.Path} is {count.Text}, expected a whole number from 1");
        }
        int number = (int)count.Number;
        return unit.Text switch
        {
            "Minute" => (count, number, null, TimeSpan.FromMinutes(number)),
            "Hour" => (count, number, null, TimeSpan.FromHours(number)),
            "Day" => (count, number, CalendarUnit.Day, TimeSpan.FromDays(number)),
            "Week" => (count, number, CalendarUnit.Week, TimeSpan.FromDays(7 * number)),
            "Month" => (count, number, CalendarUnit.Month, TimeSpan.FromDays(30 * number)),
            "Quarter" => (count, number, CalendarUnit.Quarter, TimeSpan.FromDays(90 * number)),
            "Year" => (count, number, CalendarUnit.Year, TimeSpan.FromDays(365 * number)),
            _ => throw unit.Fail($"{unit.Path} is '{unit.Text}', expected Hour, Day, Week, Month, Quarter or Year"),
        };
    }

    private static (YamlPlace Place, int Count, CalendarUnit? Unit, TimeSpan? Length) Shorthand(YamlPlace duration, bool isCalendar)
    {
        string text = duration.Text;
        CalendarUnit? unit = text[^1] switch
        {
            'd' => CalendarUnit.Day,
            'w' => CalendarUnit.Week,
            'M' => CalendarUnit.Month,
            // Minutes make no calendar window: the specification's example means a month.
            'm' when isCalendar => CalendarUnit.Month,
            'Q' => CalendarUnit.Quarter,
            'Y' => CalendarUnit.Year,
            _ => null,
        };
        if (unit is { } && int.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count is >= 1 and <= 10_000)
        {
            return (duration, count, unit, unit is CalendarUnit.Day or CalendarUnit.Week ? duration.Duration : null);
        }
        return (duration, 0, null, duration.Duration);
    }

    /// <summary>A local time.</summary>
    public static DateTime Start(YamlPlace start) =>
        DateTime.TryParseExact(start.Text, Starts, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTime time)
            ? DateTime.SpecifyKind(time, DateTimeKind.Unspecified)
            : throw start.Fail($"{start.Path} is '{start.Text}', expected a time such as 2026-01-01 00:00:00");

    /// <summary>A time zone by its name.</summary>
    public static TimeZoneInfo Zone(YamlPlace zone) => TimeZoneInfo.TryFindSystemTimeZoneById(zone.Text, out TimeZoneInfo? found)
        ? found : throw zone.Fail($"{zone.Path} is '{zone.Text}', expected a name of the IANA time zone database such as Europe/Berlin");
}
