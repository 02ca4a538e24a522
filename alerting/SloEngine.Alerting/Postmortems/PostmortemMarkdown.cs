using System.Globalization;
using System.Text;
using SloEngine.Alerting.Alerts;
using SloEngine.Alerting.Events;
using SloEngine.Slo.Model;

namespace SloEngine.Alerting.Postmortems;

/// <summary>Writes a postmortem as a draft in Markdown: what is known, and what people are to find out.</summary>
internal sealed class PostmortemMarkdown
{
    private static readonly TimeSpan SuspectTime = TimeSpan.FromHours(1);
    private static readonly TimeSpan SlowDetection = TimeSpan.FromMinutes(10);

    private readonly StringBuilder _text = new();
    private readonly Postmortem _incident;
    private readonly Uri _ui;

    private PostmortemMarkdown(Postmortem incident, Uri ui) => (_incident, _ui) = (incident, ui);

    /// <summary>The draft.</summary>
    /// <param name="incident">What is known.</param>
    /// <param name="ui">Address of the UI, for links.</param>
    public static string Write(Postmortem incident, Uri ui)
    {
        var markdown = new PostmortemMarkdown(incident, ui);
        markdown.Head();
        markdown.Budget();
        markdown.Timeline();
        markdown.Groups();
        markdown.Errors();
        markdown.Questions();
        return markdown._text.ToString();
    }

    private void Head()
    {
        ServiceLevelObjective slo = _incident.Slo;
        Line($"# Postmortem: {Cell(slo.DisplayName)}, {Day(_incident.From)}");
        Line();
        Line("Draft from telemetry. Authors: _who?_ Status: _draft_.");
        Line();
        Line("| | |");
        Line("|---|---|");
        Line($"| SLO | [{Cell(slo.Id)}]({Link()}), {slo.Objective * 100:0.####} % over {AlertText.Words(slo.Window)}, service {Cell(slo.Service)} |");
        Line($"| Began | {(_incident.Began is { } began ? Time(began) : "the budget did not burn faster than it may")} |");
        Line($"| Detected | {(FirstFired is { } fired ? $"{Time(fired)}{(_incident.DetectionDelay is { } delay ? $", after {AlertText.Words(delay)}" : "")}" : "no alert fired")} |");
        Line($"| Over | {(_incident.Alerts.Any(alert => alert.State != AlertState.Resolved) ? "not yet: an alert is active" : Time(_incident.To))} |");
        Line($"| Budget spent | {(_incident.Budget.Share is { } share ? $"{Percent(share)} of the window's" : "none")}; left: {Percent(_incident.Budget.Remaining)} |");
        Line($"| Runbook | {(slo.Runbook is { } runbook ? $"<{runbook}>" : "none")} |");
        Line();
    }

    private void Budget()
    {
        string unit = _incident.Slo.Method == BudgetingMethod.Occurrences ? "events" : "slices";
        Line("## Budget");
        Line();
        Line($"{Number(_incident.Budget.Bad)} of {Number(_incident.Budget.Total)} {unit} were bad; the window allows {Number(_incident.Budget.Allowed)}.");
        Line();
        Line("| until | events | bad | burn | budget left |");
        Line("|---|---:|---:|---:|---:|");
        foreach (BurnPoint point in _incident.Curve)
        {
            Line($"| {Time(point.End)} | {Number(point.Total)} | {Number(point.Bad)} | {(point.Burn is { } burn ? $"{burn:0.##}x" : "")} | {(point.Remaining is { } left ? Percent(left) : "")} |");
        }
        Line();
    }

    private void Timeline()
    {
        var entries = new List<(DateTimeOffset At, string What)>();
        if (_incident.Began is { } began)
        {
            entries.Add((began, "the budget begins to burn faster than it may"));
        }
        if (_incident.Curve.Where(point => point.Burn >= 1).OrderByDescending(point => point.Burn).FirstOrDefault() is { Burn: { } highest } peak)
        {
            entries.Add((peak.End, string.Create(CultureInfo.InvariantCulture, $"highest burn, {highest:0.##}x")));
        }
        if (_incident.Curve.Zip(_incident.Curve.Skip(1)).FirstOrDefault(pair => pair.First.Remaining > 0 && pair.Second.Remaining <= 0).Second is { Total: > 0 } spent)
        {
            entries.Add((spent.End, "the budget is spent"));
        }
        foreach (Alert alert in _incident.Alerts)
        {
            string name = $"{alert.Severity} of {Cell(alert.Slo)} ({Cell(alert.Policy)})";
            entries.Add((alert.ActiveSince, $"{name} pending"));
            if (alert.FiredAt is { } fired)
            {
                entries.Add((fired, $"**{name} fires**: {Cell(alert.Annotations.GetValueOrDefault("summary", ""))}"));
            }
            if (alert.ResolvedAt is { } resolved)
            {
                entries.Add((resolved, $"{name} resolved"));
            }
        }
        entries.AddRange(_incident.Changes.Select(change => (change.Time, Describe(change))));
        Line("## Timeline");
        Line();
        Line("| time (UTC) | what |");
        Line("|---|---|");
        foreach ((DateTimeOffset at, string what) in entries.OrderBy(entry => entry.At))
        {
            Line($"| {Time(at)} | {what} |");
        }
        Line();
    }

    private void Groups()
    {
        Line("## Most affected");
        Line();
        if (_incident.Groups.Count == 0)
        {
            Line(_incident.Slo.GroupBy.Count > 0 ? $"No group ({Cell(string.Join(", ", _incident.Slo.GroupBy))}) had bad events."
                : "The SLO does not tell groups apart; with `group-by` it would say which tenants or routes were affected.");
            Line();
            return;
        }
        Line("| group | bad | of its events | share of all bad |");
        Line("|---|---:|---:|---:|");
        foreach (AffectedGroup group in _incident.Groups)
        {
            Line($"| {Cell(group.Group)} | {Number(group.Bad)} | {(group.Total > 0 ? Percent(group.Bad / group.Total) : "")} | {Percent(group.ShareOfBad)} |");
        }
        Line();
    }

    private void Errors()
    {
        Line("## Errors at the time");
        Line();
        Table("Spans", _incident.Spans);
        Table("Log lines", _incident.Logs);
    }

    private void Table(string title, IReadOnlyList<ErrorCount> errors)
    {
        if (errors.Count == 0)
        {
            Line($"{title}: no errors.");
            Line();
            return;
        }
        Line($"{title}, with how often they came in as long a time before:");
        Line();
        Line("| service | error | count | before | trace |");
        Line("|---|---|---:|---:|---|");
        foreach (ErrorCount error in errors)
        {
            string trace = error.TraceId.Length > 0 ? $"[{error.TraceId[..8]}]({new Uri(_ui, "/traces/" + error.TraceId)})" : "";
            Line($"| {Cell(error.Service)} | {Cell(error.What)} | {Number(error.Count)} | {Number(error.Before)} | {trace} |");
        }
        Line();
    }

    private void Questions()
    {
        Line("## Open questions");
        Line();
        foreach (ChangeEvent change in _incident.Changes.Where(IsSuspect))
        {
            Line($"- Is the {EventTable.Name(change.Kind)} of {Time(change.Time)} the cause ({Name(change)})? Was it taken back?");
        }
        if (!_incident.Changes.Any(IsSuspect))
        {
            Line("- What changed? No deployment or other change is known in the hour before.");
        }
        if (FirstFired is null)
        {
            Line("- Why did no alert fire? Is a policy missing, or its guard too high?");
        }
        else if (_incident.DetectionDelay > SlowDetection)
        {
            Line($"- Why did it take {AlertText.Words(_incident.DetectionDelay.Value)} to notice?");
        }
        if (_incident.Slo.Runbook is null)
        {
            Line("- There is no runbook: what should have been in it?");
        }
        if (_incident.Alerts.Any(alert => alert.State != AlertState.Resolved))
        {
            Line("- An alert is still active: is it over?");
        }
        Line("- Who was affected, and how did they notice?");
        Line("- What brought it to an end, and what would have done so sooner?");
        Line("- What keeps it from happening again? _Owner, until when?_");
    }

    private DateTimeOffset? FirstFired => _incident.Alerts.Select(alert => alert.FiredAt).Min();

    private bool IsSuspect(ChangeEvent change)
    {
        DateTimeOffset began = _incident.Began ?? _incident.From;
        return change.Kind != ChangeKind.Discovery && change.Time <= began + TimeSpan.FromMinutes(1) && change.Time >= began - SuspectTime
            && (change.Service.Length == 0 || change.Service == _incident.Slo.Service);
    }

    private string Link() => new Uri(_ui, string.Create(
        CultureInfo.InvariantCulture,
        $"/slos/{Uri.EscapeDataString(_incident.Slo.Id)}?start={(_incident.Began ?? _incident.From).ToUnixTimeMilliseconds()}&end={_incident.To.ToUnixTimeMilliseconds()}")).ToString();

    private static string Describe(ChangeEvent change)
    {
        string service = change.Service.Length > 0 ? $" of {Cell(change.Service)}" : "";
        string commit = change.Commit.Length > 0 ? $", commit {Cell(change.Commit)}" : "";
        string where = change.Environment.Length > 0 ? $", {Cell(change.Environment)}" : "";
        return $"{EventTable.Name(change.Kind)}{service}{where}: {Name(change)}{commit}";
    }

    private static string Name(ChangeEvent change)
    {
        string name = Cell(change.Title.Length > 0 ? change.Title : change.Version.Length > 0 ? change.Version : change.Id);
        return change.Link.Length > 0 ? $"[{name}](<{change.Link}>)" : name;
    }

    /// <summary>A text that stands in a cell of a table as it is: others wrote it.</summary>
    private static string Cell(string text)
    {
        var cell = new StringBuilder(text.Length);
        foreach (char letter in text)
        {
            _ = letter switch
            {
                '|' or '[' or ']' or '*' or '_' or '`' or '\\' => cell.Append('\\').Append(letter),
                '<' => cell.Append("&lt;"),
                '&' => cell.Append("&amp;"),
                _ when char.IsControl(letter) => cell.Append(' '),
                _ => cell.Append(letter),
            };
        }
        return cell.ToString();
    }

    private static string Day(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    private static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.##} %");

    private static string Number(double number) => number.ToString("0.##", CultureInfo.InvariantCulture);

    private void Line(FormattableString text) => _text.Append(text.ToString(CultureInfo.InvariantCulture)).Append('\n');

    private void Line(string text = "") => _text.Append(text).Append('\n');
}
