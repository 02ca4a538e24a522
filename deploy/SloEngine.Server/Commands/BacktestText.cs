using System.Globalization;
using System.Text;
using SloEngine.Alerting.Backtests;
using SloEngine.Slo.Model;

namespace SloEngine.Server.Commands;

/// <summary>A backtest's report for people.</summary>
internal static class BacktestText
{
    /// <summary>Marks of a budget's curve, from nothing left to all of it.</summary>
    private const string Levels = "_.-=+*#";
    private const char Overspent = '!';
    private const char Unknown = ' ';

    public static string Of(BacktestReport report)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Time(report.From)} to {Time(report.To)}, evaluated every {report.StepSeconds:0} s");
        foreach (BacktestResult result in report.Policies)
        {
            text.AppendLine();
            Append(text, result);
        }
        if (report.Policies.Count > 1)
        {
            text.AppendLine();
            AppendComparison(text, report.Policies);
        }
        return text.ToString();
    }

    private static void Append(StringBuilder text, BacktestResult result)
    {
        text.AppendLine(result.Name);
        foreach (BacktestedSlo slo in result.Slos)
        {
            string attained = slo.Attained is { } share ? string.Create(CultureInfo.InvariantCulture, $"attained {share * 100:0.####} % of {slo.Total:N0} events") : "no events";
            text.AppendLine(CultureInfo.InvariantCulture, $"  {slo.Slo}: {slo.Objective * 100:0.####} % over {Duration(slo.WindowSeconds)}, {attained}");
            text.AppendLine(CultureInfo.InvariantCulture, $"    budget [{Curve(slo.Budget)}] {Left(slo)}");
        }
        if (result.Alerts.Count > 0)
        {
            int width = result.Alerts.Max(alert => alert.Slo.Length);
            text.AppendLine("  alerts");
            foreach (BacktestAlert alert in result.Alerts)
            {
                string lasted = alert.End is { } end ? "for " + Duration((end - alert.Start).TotalSeconds) : "on";
                text.AppendLine(
                    CultureInfo.InvariantCulture,
                    $"    {alert.Severity,-6} {Time(alert.Start)} {lasted,-11} {alert.Slo.PadRight(width)} {alert.Policy.Name}: burn {alert.Burn:0.##} of {alert.Policy.Factor:0.##} over {Duration(alert.Policy.LongSeconds)} and {Duration(alert.Policy.ShortSeconds)}{(alert.Incident is null ? "" : ", " + alert.Incident)}");
            }
        }
        text.AppendLine(CultureInfo.InvariantCulture, $"  {result.Pages} pages ({result.PagesPerWeek:0.##} a week), {result.Tickets} tickets ({result.TicketsPerWeek:0.##} a week)");
        if (result.Detection is { } detection)
        {
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"  of {detection.Incidents.Count} incidents {detection.Paged} paged{After(detection.MedianPageDelaySeconds)}, {detection.Detected} told by any alert{After(detection.MedianDelaySeconds)}; outside of incidents {detection.FalsePages} pages, {detection.FalseTickets} tickets");
            foreach (DetectedIncident incident in detection.Incidents)
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"    {Time(incident.Start)} {incident.Name}: {Told(incident)}");
            }
        }
    }

    private static void AppendComparison(StringBuilder text, IReadOnlyList<BacktestResult> results)
    {
        int width = Math.Max(12, results.Max(result => result.Name.Length));
        Row("", result => result.Name);
        Row("pages", result => Number(result.Pages));
        Row("pages a week", result => Number(result.PagesPerWeek));
        Row("tickets", result => Number(result.Tickets));
        Row("tickets a week", result => Number(result.TicketsPerWeek));
        if (results.All(result => result.Detection is not null))
        {
            Row("incidents paged", result => $"{result.Detection!.Paged} of {result.Detection.Incidents.Count}");
            Row("median to the page", result => Delay(result.Detection!.MedianPageDelaySeconds));
            Row("incidents told", result => $"{result.Detection!.Detected} of {result.Detection.Incidents.Count}");
            Row("median to an alert", result => Delay(result.Detection!.MedianDelaySeconds));
            Row("false pages", result => Number(result.Detection!.FalsePages));
            Row("false tickets", result => Number(result.Detection!.FalseTickets));
        }

        void Row(string name, Func<BacktestResult, string> value) =>
            text.Append(name.PadRight(20)).AppendLine(string.Concat(results.Select(result => value(result).PadLeft(width + 2))));
    }

    /// <summary>A mark a point: <c>#</c> the whole budget, <c>_</c> none, <c>!</c> less than none.</summary>
    internal static string Curve(IReadOnlyList<BudgetPoint> budget) => string.Concat(budget.Select(point => point.Remaining switch
    {
        null => Unknown,
        < 0 => Overspent,
        double left => Levels[(int)Math.Round(Math.Min(1, left) * (Levels.Length - 1))],
    }));

    private static string Left(BacktestedSlo slo) => slo.Budget is not [.., { Remaining: { } left }] ? "no events in the window"
        : left < 0 ? string.Create(CultureInfo.InvariantCulture, $"overspent {1 - left:0.##} times over") : string.Create(CultureInfo.InvariantCulture, $"{left * 100:0.#} % left");

    private static string Told(DetectedIncident incident) => incident switch
    {
        { PageDelaySeconds: { } page, DelaySeconds: { } first } when first < page => $"told after {Duration(first)}, paged after {Duration(page)}",
        { PageDelaySeconds: { } page } => $"paged after {Duration(page)}",
        { DelaySeconds: { } first } => $"told after {Duration(first)}, not paged",
        _ => "not told",
    };

    private static string After(double? seconds) => seconds is { } after ? $" (median after {Duration(after)})" : "";

    private static string Delay(double? seconds) => seconds is { } after ? Duration(after) : "-";

    private static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    private static string Duration(double seconds) => WindowedQuery.DurationText(TimeSpan.FromSeconds(Math.Round(seconds)));

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
