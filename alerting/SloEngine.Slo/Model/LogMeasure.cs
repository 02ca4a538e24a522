using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace SloEngine.Slo.Model;

/// <summary>Counts log records.</summary>
/// <param name="Service">Service, or null for any.</param>
/// <param name="EventName">Name of the event that the record tells of (<c>event_name</c>, or the attribute <c>event.name</c>), or null for any.</param>
/// <param name="Attributes">Conditions on attributes.</param>
public sealed record LogMeasure(string? Service, string? EventName, IReadOnlyList<Matcher> Attributes) : Measure
{
    private readonly byte[]? _eventName = EventName is null ? null : Encoding.UTF8.GetBytes(EventName);
    private readonly AttributeCondition[] _conditions = [.. Attributes.Select(matcher => new AttributeCondition(matcher))];
    private readonly byte[]? _contained;
    private readonly Regex? _pattern;

    /// <summary>Least <c>severity_number</c> (logs.proto: 1 to 24; 0 is none given), or null for any.</summary>
    public int? MinSeverity { get; init; }

    /// <summary>Greatest <c>severity_number</c>, or null for any.</summary>
    public int? MaxSeverity { get; init; }

    /// <summary>Text that the body is to contain, by its letters' case, or null for any.</summary>
    public string? BodyContains
    {
        get;
        init => (field, _contained) = (value, value is null ? null : Encoding.UTF8.GetBytes(value));
    }

    /// <summary>Pattern that is to be found somewhere in the body, or null for any.</summary>
    /// <exception cref="ArgumentException">It is not valid, or one that only backtracking could match.</exception>
    /// <exception cref="NotSupportedException">As before.</exception>
    public string? BodyMatches
    {
        get;
        init => (field, _pattern) = (value, value is null ? null : new Regex(value, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant));
    }

    /// <summary>Whether a record counts.</summary>
    public bool Matches(in LogView log)
    {
        if ((Service is not null && log.Service != Service)
            || log.Severity < MinSeverity
            || log.Severity > MaxSeverity
            || (_eventName is not null && !log.EventName.SequenceEqual(_eventName))
            || (_contained is not null && log.Body.IndexOf(_contained) < 0))
        {
            return false;
        }
        foreach (AttributeCondition condition in _conditions)
        {
            if (!condition.Holds(log.Attributes, log.Row))
            {
                return false;
            }
        }
        return _pattern is null || Utf8Text.Test(log.Body, _pattern, static (text, pattern) => pattern.IsMatch(text));
    }

    /// <inheritdoc/>
    public override string Describe()
    {
        var conditions = new List<string>();
        void Add(string name, object? value)
        {
            if (value is not null)
            {
                conditions.Add(string.Create(CultureInfo.InvariantCulture, $"{name}{value}"));
            }
        }
        Add("service=", Service);
        Add("event=", EventName);
        Add("severity>=", MinSeverity);
        Add("severity<=", MaxSeverity);
        Add("body contains ", BodyContains is null ? null : $"\"{BodyContains}\"");
        Add("body matches ", BodyMatches is null ? null : $"/{BodyMatches}/");
        conditions.AddRange(Attributes.Select(matcher => matcher.ToString()));
        return $"log records {{{string.Join(", ", conditions)}}}";
    }
}

/// <summary>A log record, as far as an indicator looks at it.</summary>
public readonly ref struct LogView
{
    /// <summary>Whose it is; null where that is not told apart.</summary>
    public string? Tenant { get; init; }

    /// <summary>Service.</summary>
    public required string Service { get; init; }

    /// <summary><c>severity_number</c>, 0 to 24.</summary>
    public required int Severity { get; init; }

    /// <summary>Body as text, UTF-8.</summary>
    public required ReadOnlySpan<byte> Body { get; init; }

    /// <summary>Name of the event that it tells of, UTF-8; empty for none.</summary>
    public required ReadOnlySpan<byte> EventName { get; init; }

    /// <summary>Attributes of the block that the record is in.</summary>
    public required IRecordAttributes Attributes { get; init; }

    /// <summary>Row of the record in that block.</summary>
    public required int Row { get; init; }
}
