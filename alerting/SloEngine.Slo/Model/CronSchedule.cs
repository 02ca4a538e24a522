using System.Globalization;

namespace SloEngine.Slo.Model;

/// <summary>
/// Times by a cron expression of five fields: minute, hour, day of the month, month and day of the week (crontab(5)). A field is <c>*</c>, a
/// value, a range, either with a step, or a list of those; months and days of the week may be named by three letters. When both days are given,
/// either is enough.
/// </summary>
public sealed record CronSchedule
{
    private static readonly string[] MonthNames = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    private static readonly string[] DayNames = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

    private readonly ulong _minutes;
    private readonly ulong _hours;
    private readonly ulong _daysOfMonth;
    private readonly ulong _months;
    private readonly ulong _daysOfWeek;
    private readonly bool _isEitherDay;

    private CronSchedule(string expression, string[] fields)
    {
        Expression = expression;
        _minutes = Field(fields[0], "minute", 0, 59, []);
        _hours = Field(fields[1], "hour", 0, 23, []);
        _daysOfMonth = Field(fields[2], "day of the month", 1, 31, []);
        _months = Field(fields[3], "month", 1, 12, MonthNames);
        ulong week = Field(fields[4], "day of the week", 0, 7, DayNames);
        // Sunday is 0, and 7.
        _daysOfWeek = (week | (week >> 7)) & 0x7f;
        _isEitherDay = !fields[2].StartsWith('*') && !fields[4].StartsWith('*');
    }

    /// <summary>The expression as written.</summary>
    public string Expression { get; }

    /// <summary>Reads an expression.</summary>
    /// <exception cref="FormatException">It is none; the message says which field, and what is expected.</exception>
    public static CronSchedule Parse(string expression)
    {
        string[] fields = expression.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return fields.Length == 5 ? new CronSchedule(string.Join(' ', fields), fields)
            : throw new FormatException($"'{expression}' has {fields.Length} fields, expected five: minute, hour, day of the month, month and day of the week, such as \"0 3 * * SUN\"");
    }

    /// <summary>Whether it has times on a day.</summary>
    public bool IsOn(DateTime day)
    {
        bool ofMonth = Has(_daysOfMonth, day.Day);
        bool ofWeek = Has(_daysOfWeek, (int)day.DayOfWeek);
        return Has(_months, day.Month) && (_isEitherDay ? ofMonth || ofWeek : ofMonth && ofWeek);
    }

    /// <summary>Its times on such a day.</summary>
    public IEnumerable<TimeSpan> TimesOfDay()
    {
        for (int hour = 0; hour < 24; hour++)
        {
            for (int minute = 0; minute < 60 && Has(_hours, hour); minute++)
            {
                if (Has(_minutes, minute))
                {
                    yield return new TimeSpan(hour, minute, 0);
                }
            }
        }
    }

    private static bool Has(ulong set, int value) => (set >> value & 1) != 0;

    private static ulong Field(string field, string name, int least, int most, string[] names)
    {
        ulong set = 0;
        foreach (string part in field.Split(','))
        {
            string[] stepped = part.Split('/');
            string[] range = stepped[0].Split('-');
            int step = 1;
            if (stepped.Length > 2 || range.Length > 2 || (stepped.Length == 2 && (!int.TryParse(stepped[1], NumberStyles.None, CultureInfo.InvariantCulture, out step) || step < 1)))
            {
                throw Wrong();
            }
            (int from, int to) = stepped[0] == "*" ? (least, most) : (Value(range[0]), range.Length == 2 ? Value(range[1]) : stepped.Length == 2 ? most : Value(range[0]));
            if (from > to)
            {
                throw Wrong();
            }
            for (int value = from; value <= to; value += step)
            {
                set |= 1ul << value;
            }
        }
        return set;

        int Value(string text)
        {
            int named = Array.FindIndex(names, known => known.Equals(text, StringComparison.OrdinalIgnoreCase));
            return named >= 0 ? named + least
                : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= least && value <= most ? value : throw Wrong();
        }

        FormatException Wrong() => new($"the {name} is '{field}', expected *, numbers from {least} to {most}{(names.Length > 0 ? $", {names[0]} to {names[^1]}" : "")}, ranges such as {least}-{most} or steps such as */5");
    }
}
