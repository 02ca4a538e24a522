using System.Globalization;
using System.Text;

namespace SloEngine.Rules.Templates;

/// <summary>A point in time, as <c>toTime</c> gives it.</summary>
internal sealed record TemplateTime(long UnixNanos)
{
    private const long NanosPerSecond = 1_000_000_000;

    /// <summary>Elements of Go's reference time, longer ones first, and what they stand for in .NET.</summary>
    private static readonly (string Element, string Format)[] Layout =
    [
        ("January", "MMMM"), ("Monday", "dddd"), ("2006", "yyyy"), ("Z07:00", "zzz"), ("-07:00", "zzz"), ("-0700", "zzz"), ("Jan", "MMM"), ("Mon", "ddd"),
        ("MST", "UTC"), (".000000", ".ffffff"), (".000", ".fff"), ("01", "MM"), ("02", "dd"), ("03", "hh"), ("04", "mm"), ("05", "ss"), ("06", "yy"),
        ("15", "HH"), ("PM", "tt"), ("1", "%M"), ("2", "%d"), ("3", "%h"), ("4", "%m"), ("5", "%s"),
    ];

    private DateTime Moment => DateTime.UnixEpoch.AddTicks((long)Math.Floor(UnixNanos / 100.0));

    /// <summary>Calls a method.</summary>
    public object? Call(string method, IReadOnlyList<object?> arguments) => (method, arguments) switch
    {
        ("Unix", []) => (long)Math.Floor(UnixNanos / (double)NanosPerSecond),
        ("UnixMilli", []) => UnixNanos / 1_000_000,
        ("UnixNano", []) => UnixNanos,
        ("Year", []) => (long)Moment.Year,
        ("Month", []) => Moment.ToString("MMMM", CultureInfo.InvariantCulture),
        ("Weekday", []) => Moment.DayOfWeek.ToString(),
        ("Day", []) => (long)Moment.Day,
        ("Hour", []) => (long)Moment.Hour,
        ("Minute", []) => (long)Moment.Minute,
        ("Second", []) => (long)Moment.Second,
        ("UTC", []) => this,
        ("String", []) => ToString(),
        ("Format", [string layout]) => Formatted(layout),
        ("Add", [TemplateDuration duration]) => new TemplateTime(UnixNanos + duration.Nanoseconds),
        ("Sub", [TemplateTime other]) => new TemplateDuration(UnixNanos - other.UnixNanos),
        _ => null,
    };

    private string Formatted(string layout)
    {
        var text = new StringBuilder();
        int position = 0;
        while (position < layout.Length)
        {
            (string? element, string? format) = Array.Find(Layout, one => layout.AsSpan(position).StartsWith(one.Element, StringComparison.Ordinal));
            if (element is null)
            {
                text.Append(layout[position++]);
                continue;
            }
            string part = element switch
            {
                "MST" => "UTC",
                "Z07:00" => "Z",
                "-07:00" => "+00:00",
                "-0700" => "+0000",
                _ => Moment.ToString(format, CultureInfo.InvariantCulture),
            };
            text.Append(part);
            position += element.Length;
        }
        return text.ToString();
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        long nanos = ((UnixNanos % NanosPerSecond) + NanosPerSecond) % NanosPerSecond;
        string fraction = nanos == 0 ? "" : "." + nanos.ToString("D9", CultureInfo.InvariantCulture).TrimEnd('0');
        DateTime whole = DateTime.UnixEpoch.AddSeconds((UnixNanos - nanos) / NanosPerSecond);
        return string.Create(CultureInfo.InvariantCulture, $"{whole:yyyy-MM-dd HH:mm:ss}{fraction} +0000 UTC");
    }
}

/// <summary>A span of time, as <c>toDuration</c> gives it.</summary>
internal sealed record TemplateDuration(long Nanoseconds)
{
    private const double NanosPerSecond = 1e9;

    /// <summary>Calls a method.</summary>
    public object? Call(string method) => method switch
    {
        "Hours" => Nanoseconds / NanosPerSecond / 3600,
        "Minutes" => Nanoseconds / NanosPerSecond / 60,
        "Seconds" => Nanoseconds / NanosPerSecond,
        "Milliseconds" => Nanoseconds / 1_000_000,
        "Microseconds" => Nanoseconds / 1_000,
        "Nanoseconds" => Nanoseconds,
        "String" => ToString(),
        _ => null,
    };

    /// <summary>Hours, minutes and seconds; below a second one unit with its fraction.</summary>
    public override string ToString()
    {
        string sign = Nanoseconds < 0 ? "-" : "";
        decimal nanos = Math.Abs((decimal)Nanoseconds);
        string Number(decimal value) => value.ToString("0.#########", CultureInfo.InvariantCulture);
        if (nanos < 1_000_000_000m)
        {
            return nanos == 0 ? "0s"
                : nanos < 1_000m ? $"{sign}{Number(nanos)}ns"
                : nanos < 1_000_000m ? $"{sign}{Number(nanos / 1_000m)}µs"
                : $"{sign}{Number(nanos / 1_000_000m)}ms";
        }
        decimal seconds = nanos / 1_000_000_000m;
        decimal hours = decimal.Floor(seconds / 3600);
        decimal minutes = decimal.Floor(seconds / 60) % 60;
        string rest = $"{Number(seconds % 60)}s";
        return hours > 0 ? $"{sign}{Number(hours)}h{Number(minutes)}m{rest}" : minutes > 0 ? $"{sign}{Number(minutes)}m{rest}" : sign + rest;
    }
}
