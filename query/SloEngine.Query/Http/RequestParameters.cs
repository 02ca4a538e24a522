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
    private readonly IQueryCollection _query;
    private readonly IFormCollection? _form;

    private RequestParameters(IQueryCollection query, IFormCollection? form, string tenant) => (_query, _form, Tenant) = (query, form, tenant);

    /// <summary>Whose data is read.</summary>
    public string Tenant { get; }

    public static async ValueTask<RequestParameters> ReadAsync(HttpContext http)
    {
        IFormCollection? form = http.Request.HasFormContentType ? await http.Request.ReadFormAsync(http.RequestAborted) : null;
        string? tenant = http.Request.Headers["X-Scope-OrgID"];
        return new RequestParameters(http.Request.Query, form, string.IsNullOrEmpty(tenant) ? "default" : tenant);
    }

    public StringValues All(string name) => StringValues.Concat(_query[name], _form is null ? StringValues.Empty : _form[name]);

    public string? Optional(string name) => All(name) is { Count: > 0 } values && values[0] is { Length: > 0 } value ? value : null;

    public string Required(string name) => Optional(name) ?? throw new ParameterException($"invalid parameter \"{name}\": it is missing");

    public int Integer(string name, int otherwise, int most)
    {
        string? text = Optional(name);
        return text is null ? otherwise
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? Math.Min(number, most)
            : throw new ParameterException($"invalid parameter \"{name}\": cannot parse \"{text}\" to a whole number");
    }

    /// <summary>A time as Unix seconds or RFC 3339, in milliseconds.</summary>
    public long TimeMs(string name, long otherwise)
    {
        string? text = Optional(name);
        if (text is null)
        {
            return otherwise;
        }
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds) && Math.Abs(seconds) < 1e14)
        {
            return (long)Math.Round(seconds * 1000);
        }
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time.ToUnixTimeMilliseconds()
            : throw new ParameterException($"invalid parameter \"{name}\": cannot parse \"{text}\" to a valid timestamp");
    }

    /// <summary>A time as Unix seconds or nanoseconds, or RFC 3339, in nanoseconds.</summary>
    public long TimeNanos(string name, long otherwiseMs)
    {
        string? text = Optional(name);
        bool nanoseconds = text is { Length: >= 16 } && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _);
        return nanoseconds ? long.Parse(text!, CultureInfo.InvariantCulture) : TimeMs(name, otherwiseMs) * 1_000_000;
    }

    /// <summary>A duration as seconds or such as 5m, in milliseconds.</summary>
    public long DurationMs(string name, long otherwise)
    {
        string? text = Optional(name);
        if (text is null)
        {
            return otherwise;
        }
        long milliseconds = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds) ? (long)(seconds * 1000)
            : PromQLParser.TryParseDuration(text, out long parsed) ? parsed : 0;
        return milliseconds > 0 ? milliseconds
            : throw new ParameterException($"invalid parameter \"{name}\": cannot parse \"{text}\" to a duration above zero");
    }
}
