using System.Globalization;
using SloEngine.Alerting.Http;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Model;

namespace SloEngine.Alerting.Corrections;

/// <summary>A correction as it is asked for, in JSON.</summary>
public sealed record CorrectionRequest
{
    private const int LongestText = 2000;

    /// <summary>Most events to add, or to take away: sums of many such are still exact to an event.</summary>
    private const double MostEvents = 1e12;

    /// <summary>Longest stretch that events are added to: each of its minutes is kept in memory.</summary>
    private static readonly TimeSpan LongestAddition = TimeSpan.FromDays(7);

    /// <summary>Objective, where it counts events of its own; all of the SLO without it.</summary>
    public string? Objective { get; init; }

    /// <summary>Group, by label; all of them without it.</summary>
    public Dictionary<string, string?>? Group { get; init; }

    /// <summary>Start of the stretch: Unix seconds or RFC 3339, a whole minute.</summary>
    public string? From { get; init; }

    /// <summary>End of the stretch.</summary>
    public string? To { get; init; }

    /// <summary>A minute, in place of a stretch.</summary>
    public string? At { get; init; }

    /// <summary>What of the stretch does not count: <c>bad</c> or <c>all</c>.</summary>
    public string? Exclude { get; init; }

    /// <summary>Good events to add; negative to take away.</summary>
    public double? Good { get; init; }

    /// <summary>Bad events to add; negative to give back.</summary>
    public double? Bad { get; init; }

    /// <summary>Why.</summary>
    public string? Reason { get; init; }

    /// <summary>Who says so; the credential's holder without it.</summary>
    public string? Author { get; init; }

    /// <summary>Ticket, incident or the like.</summary>
    public string? Reference { get; init; }

    /// <summary>What it says of an SLO.</summary>
    /// <exception cref="ApiProblemException">It makes no sense for that SLO; the message says what is expected.</exception>
    public BudgetCorrection Read(ServiceLevelObjective slo, SloEvaluator evaluator, DateTimeOffset now)
    {
        CheckText("reason", Reason, isRequired: true);
        CheckText("reference", Reference, isRequired: false);
        if (slo.Composite is not null)
        {
            throw ApiProblemException.BadRequest($"'{slo.Id}' is made of {string.Join(", ", slo.Composite.Select(member => $"'{member.Slo}'"))}, which count its events: correct those");
        }
        (DateTimeOffset from, DateTimeOffset to) = Stretch(now);
        if (to <= now - slo.Window)
        {
            throw ApiProblemException.BadRequest($"{Text(to)} lies before the window of '{slo.Id}', which lasts {slo.Window.TotalDays:0.##} days: nothing would change");
        }
        var correction = new BudgetCorrection(slo.Id, OfObjective(slo), OfGroup(slo, evaluator), Kind(), from, to, Good ?? 0, Bad ?? 0);
        if (correction.Kind == CorrectionKind.AddEvents && to - from > LongestAddition)
        {
            throw ApiProblemException.BadRequest($"the stretch from {Text(from)} to {Text(to)} lasts more than {LongestAddition.TotalDays:0} days, expected at most that many to add events to: correct each week by itself");
        }
        return correction.Kind != CorrectionKind.AddEvents || to <= now + Slo.Model.Objective.Minute ? correction
            : throw ApiProblemException.BadRequest($"the stretch ends at {Text(to)}, after now; events are added to times that are over");
    }

    /// <summary>Checks a text of an audit trail.</summary>
    internal static void CheckText(string name, string? text, bool isRequired)
    {
        if (isRequired && string.IsNullOrWhiteSpace(text))
        {
            throw ApiProblemException.BadRequest($"{name} is missing: a budget is not changed without one");
        }
        if (text?.Length > LongestText)
        {
            throw ApiProblemException.BadRequest($"{name} has {text.Length} characters, expected up to {LongestText}");
        }
    }

    private CorrectionKind Kind()
    {
        bool hasEvents = Good is not null || Bad is not null;
        if (hasEvents == Exclude is not null)
        {
            throw ApiProblemException.BadRequest("expected either exclude (bad or all), or good and bad with the numbers of events to add");
        }
        CheckEvents("good", Good);
        CheckEvents("bad", Bad);
        if (hasEvents && (Good ?? 0) == 0 && (Bad ?? 0) == 0)
        {
            throw ApiProblemException.BadRequest("good and bad are 0: nothing would change");
        }
        return Exclude switch
        {
            null => CorrectionKind.AddEvents,
            "bad" => CorrectionKind.ExcludeBad,
            "all" => CorrectionKind.ExcludeAll,
            _ => throw ApiProblemException.BadRequest($"exclude is '{Exclude}', expected bad or all"),
        };
    }

    private static void CheckEvents(string name, double? events)
    {
        // Also false of what is not a number.
        if (events is { } count && !(Math.Abs(count) <= MostEvents))
        {
            throw ApiProblemException.BadRequest(string.Create(CultureInfo.InvariantCulture, $"{name} is {count}, expected a number of events from {-MostEvents:0} to {MostEvents:0}"));
        }
    }

    private (DateTimeOffset From, DateTimeOffset To) Stretch(DateTimeOffset now)
    {
        if (At is not null && (From is not null || To is not null))
        {
            throw ApiProblemException.BadRequest("expected either at, or from and to");
        }
        DateTimeOffset from = At is null ? Minute("from", From) : Minute("at", At);
        DateTimeOffset to = At is null ? Minute("to", To) : from + Slo.Model.Objective.Minute;
        if (from >= to || to - from > BudgetWindow.Longest)
        {
            throw ApiProblemException.BadRequest($"from is {Text(from)} and to is {Text(to)}, expected from before to, and at most a year");
        }
        return to <= now + BudgetWindow.Longest ? (from, to)
            : throw ApiProblemException.BadRequest($"the stretch ends at {Text(to)}, expected at most a year ahead");
    }

    private static DateTimeOffset Minute(string name, string? text)
    {
        if (text is null || !RequestTime.TryRead(text, default, out DateTimeOffset time))
        {
            throw ApiProblemException.BadRequest($"{name} is {(text is null ? "missing" : $"'{text}'")}, expected Unix seconds or a time such as 2026-01-02T15:04:00Z, from 1970 to 2200");
        }
        return time.Ticks % TimeSpan.TicksPerMinute == 0 ? time.ToUniversalTime()
            : throw ApiProblemException.BadRequest($"{name} is {text}, expected a whole minute: the ledger keeps minutes");
    }

    private string OfObjective(ServiceLevelObjective slo)
    {
        if (string.IsNullOrEmpty(Objective))
        {
            return "";
        }
        if (slo.Objectives.FirstOrDefault(objective => objective.Name == Objective) is null)
        {
            throw ApiProblemException.BadRequest($"'{slo.Id}' has no objective '{Objective}'; it has {string.Join(", ", slo.Objectives.Select(objective => $"'{objective.Name}'"))}");
        }
        foreach (IGrouping<string, ServiceLevelObjective> sharing in slo.Each().GroupBy(one => one.LedgerKey))
        {
            if (sharing.Count() > 1 && sharing.Any(one => one.Objectives[0].Name == Objective))
            {
                throw ApiProblemException.BadRequest(
                    $"the objectives {string.Join(", ", sharing.Select(one => $"'{one.Objectives[0].Name}'"))} count the same events: leave objective out to correct them together");
            }
        }
        return Objective;
    }

    private string OfGroup(ServiceLevelObjective slo, SloEvaluator evaluator)
    {
        if (Group is null or { Count: 0 })
        {
            return "";
        }
        if (!Group.Keys.ToHashSet().SetEquals(slo.GroupBy))
        {
            throw ApiProblemException.BadRequest($"group has {string.Join(", ", Group.Keys)}; '{slo.Id}' is grouped by {(slo.GroupBy.Count == 0 ? "nothing" : string.Join(", ", slo.GroupBy))}");
        }
        if (Group.FirstOrDefault(label => label.Value is null) is { Key: { } unsaid })
        {
            throw ApiProblemException.BadRequest($"group.{unsaid} is null, expected the label's value, which may be empty");
        }
        string group = slo.GroupOf(label => Group[label]!);
        return evaluator.Evaluated(slo).Any(one => one.Group == group) ? group : throw ApiProblemException.BadRequest($"'{slo.Id}' has seen no group {{{group}}}");
    }

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
