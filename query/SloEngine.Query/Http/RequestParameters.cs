using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using SloEngine.PromQL.Syntax;

namespace SloEngine.Query.Http;

/// <summary>A parameter that is missing or does not fit; the message names it.</summary>
internal sealed class ParameterException(string message) : Exception(message);

/// <summary>Parameters of a request, from the query string and, for POST, the form.</summary>
internal sealed class RequestParameters
{
    /// <summary>The earliest and the latest time that Prometheus knows, as its clients send them.</summary>
    private const string Earliest = "-292273086-05-16T16:47:06Z";
    private const string Latest = "292277025-08-18T07:12:54.999999999Z";

    private readonly IQueryCollection _query;
    private readonly IFormCollection? _form;

    private RequestParameters(IQueryCollection query, IFormCollection? form, string tenant) => (_query, _form, Tenant) = (query, form, tenant);

    /// <summary>Whose data is read.</summary>
    public string Tenant { get; }

    public static async ValueTask<RequestParameters> ReadAsync(HttpContext http)
    {
        IFormCollection? form;
        try
        {
            form = http.Request.HasFormContentType ? await http.Request.ReadFormAsync(http.RequestAborted) : null;
        }
        catch (InvalidDataException wrong)
        {
            throw new ParameterException($"error parsing form values: {wrong.Message}");
        }
        return new RequestParameters(http.Request.Query, form, TenantOf(http.Request));
    }

    /// <summary>Whose data a request reads.</summary>
    public static string TenantOf(HttpRequest request) => request.Headers["X-Scope-OrgID"].ToString() is { Length: > 0 } tenant ? tenant : "default";

    public StringValues All(string name) => StringValues.Concat(_form is null ? StringValues.Empty : _form[name], _query[name]);

    public string? Optional(string name) => All(name) is { Count: > 0 } values && values[0] is { Length: > 0 } value ? value : null;

    public string Required(string name) => Optional(name) ?? throw new ParameterException($"invalid parameter \"{name}\": it is missing");

    /// <summary>The text of a parameter, empty when it is missing.</summary>
    public string Text(string name) => Optional(name) ?? "";

    public int Integer(string name, int otherwise, int most)
    {
        string? text = Optional(name);
        return text is null ? otherwise
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? Math.Min(number, most)
            : throw new ParameterException($"invalid parameter \"{name}\": cannot parse \"{text}\" to a whole number");
    }

    /// <summary>How many items an answer of the Prometheus API may have; 0, the default, for all.</summary>
    public int Limit()
    {
        string? text = Optional("limit");
        if (text is null)
        {
            return 0;
        }
        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int limit))
        {
            throw new ParameterException($"invalid parameter \"limit\": strconv.Atoi: parsing \"{text}\": invalid syntax");
        }
        return limit >= 0 ? limit : throw new ParameterException("invalid parameter \"limit\": limit must be non-negative");
    }

    /// <summary>A time as Unix seconds or RFC 3339, in milliseconds.</summary>
    public long TimeMs(string name, long otherwise)
    {
        string? text = Optional(name);
        return text is null ? otherwise
            : TryTime(text, out long timeMs) ? timeMs
            : throw new ParameterException($"invalid parameter \"{name}\": invalid time value for '{name}': cannot parse \"{text}\" to a valid timestamp");
    }

    /// <summary>The same where it has to be given.</summary>
    public long RequiredTimeMs(string name)
    {
        string text = Text(name);
        return TryTime(text, out long timeMs)
            ? timeMs : throw new ParameterException($"invalid parameter \"{name}\": cannot parse \"{text}\" to a valid timestamp");
    }

    /// <summary>A time as Unix seconds or nanoseconds, or RFC 3339, in nanoseconds; the first or the last that the store knows when it lies outside.</summary>
    public long TimeNanos(string name, long otherwiseMs)
    {
        string? text = Optional(name);
        bool nanoseconds = text is { Length: >= 16 } && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _);
        return nanoseconds ? long.Parse(text!, CultureInfo.InvariantCulture) : Math.Clamp(TimeMs(name, otherwiseMs), 0, long.MaxValue / 1_000_000) * 1_000_000;
    }

    /// <summary>A duration above zero, as seconds or such as 5m, in milliseconds.</summary>
    public long DurationMs(string name, long otherwise)
    {
        string? text = Optional(name);
        return text is null ? otherwise
            : TryDuration(text, out TimeSpan duration) && duration.Ticks >= TimeSpan.TicksPerMillisecond ? (long)duration.TotalMilliseconds
            : throw new ParameterException($"invalid parameter \"{name}\": cannot parse \"{text}\" to a duration above zero");
    }

    /// <summary>A duration of any sign, as seconds or such as 5m.</summary>
    public static bool TryDuration(string text, out TimeSpan duration)
    {
        duration = default;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds))
        {
            bool fits = Math.Abs(seconds) < TimeSpan.MaxValue.TotalSeconds;
            duration = fits ? TimeSpan.FromTicks((long)(seconds * TimeSpan.TicksPerSecond)) : default;
            return fits;
        }
        if (!PromQLParser.TryParseDuration(text, out long milliseconds))
        {
            return false;
        }
        duration = TimeSpan.FromMilliseconds(milliseconds);
        return true;
    }

    private static bool TryTime(string text, out long timeMs)
    {
        timeMs = text == Earliest ? 0 : long.MaxValue / 1_000_000;
        if (text is Earliest or Latest or "+" + Latest)
        {
            return true;
        }
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds))
        {
            timeMs = (long)Math.Round(seconds * 1000);
            return Math.Abs(seconds) < 1e14;
        }
        bool isTime = DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time);
        timeMs = time.ToUnixTimeMilliseconds();
        return isTime;
    }
}
