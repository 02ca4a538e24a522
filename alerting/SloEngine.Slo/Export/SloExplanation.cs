using System.Globalization;
using System.Text;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Export;

/// <summary>An alert of an SLO, explained.</summary>
/// <param name="Name">Name.</param>
/// <param name="Severity">page or ticket.</param>
/// <param name="Long">Long window.</param>
/// <param name="Short">Short window.</param>
/// <param name="Factor">Burn rate from which on it holds.</param>
/// <param name="ErrorRatio">Share of bad events that is such a burn.</param>
/// <param name="BudgetShare">Share of the budget that such a burn spends over the long window.</param>
/// <param name="For">How long the condition has to hold.</param>
/// <param name="Detection">How long a total outage takes to reach it, after a time without errors.</param>
public sealed record AlertExplanation(
    string Name, string Severity, string Long, string Short, double Factor, double ErrorRatio, double BudgetShare, string For, string Detection);

/// <summary>What an SLO, or one objective of it, measures and when it alerts: for people and for programs.</summary>
public sealed record SloExplanation
{
    /// <summary>Name.</summary>
    public required string Id { get; init; }

    /// <summary>Name for people.</summary>
    public required string DisplayName { get; init; }

    /// <summary>Service.</summary>
    public required string Service { get; init; }

    /// <summary>File and line.</summary>
    public required string Source { get; init; }

    /// <summary>Share that has to be good.</summary>
    public required double Objective { get; init; }

    /// <summary>Share that may be bad.</summary>
    public required double Budget { get; init; }

    /// <summary>Occurrences, Timeslices or RatioTimeslices.</summary>
    public required string Method { get; init; }

    /// <summary>Length of a slice; null for occurrences.</summary>
    public string? Slice { get; init; }

    /// <summary>Share of a slice's events that makes it good; null but for timeslices.</summary>
    public double? SliceTarget { get; init; }

    /// <summary>Window of the budget, in words.</summary>
    public required string Window { get; init; }

    /// <summary>A total outage that spends the budget of the (longest) window.</summary>
    public required string OutageBudget { get; init; }

    /// <summary>Kind of indicator.</summary>
    public required string Kind { get; init; }

    /// <summary>What counts as good, or as bad.</summary>
    public required string Part { get; init; }

    /// <summary>Whether <see cref="Part"/> is what counts as bad.</summary>
    public required bool PartIsBad { get; init; }

    /// <summary>What counts at all.</summary>
    public required string Total { get; init; }

    /// <summary>taps, queries, intervals, members or nothing.</summary>
    public required string CountedBy { get; init; }

    /// <summary>The error ratio as PromQL over the shortest window; null where it is not PromQL.</summary>
    public string? ErrorRatio { get; init; }

    /// <summary>Labels that groups have budgets of their own by.</summary>
    public IReadOnlyList<string> GroupBy { get; init; } = [];

    /// <summary>Stretches of time whose events do not count, with the reasons.</summary>
    public IReadOnlyList<string> Exclusions { get; init; } = [];

    /// <summary>Alerts, the most urgent first.</summary>
    public required IReadOnlyList<AlertExplanation> Alerts { get; init; }

    /// <summary>Explains each objective of an SLO.</summary>
    public static IEnumerable<SloExplanation> Of(ServiceLevelObjective slo) => slo.Each().Select(OfOne);

    /// <summary>The explanation in words.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        text.AppendLine($"{Id}: {DisplayName}, service {Service} ({Source})");
        text.AppendLine($"  promises  {Percent(Objective)} {What()} over {Window}");
        text.AppendLine($"  budget    {Percent(Budget)} may be bad; an outage of {OutageBudget} spends it");
        text.AppendLine($"  {(PartIsBad ? "bad " : "good")}      {Part}");
        text.AppendLine($"  of all    {Total}");
        text.AppendLine($"  counted   {CountedBy switch
        {
            "taps" => "as telemetry passes",
            "queries" => "by queries, once a minute",
            "intervals" => "interval by interval, by queries; not while telemetry could not come",
            "members" => "from the SLOs that it is made of",
            _ => "not here: another system measures it",
        }}");
        if (GroupBy.Count > 0)
        {
            text.AppendLine($"  grouped   by {string.Join(", ", GroupBy)}");
        }
        foreach (string exclusion in Exclusions)
        {
            text.AppendLine($"  without   {exclusion}");
        }
        if (ErrorRatio is not null)
        {
            text.AppendLine($"  errors    {string.Join(' ', ErrorRatio.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))}");
        }
        if (Alerts.Count == 0)
        {
            text.AppendLine("  alerts    none");
        }
        foreach (AlertExplanation alert in Alerts)
        {
            text.AppendLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  {alert.Severity,-8}  {alert.Name}: burn of {alert.Factor:0.####} over {alert.Long} and {alert.Short}{(alert.For == "0s" ? "" : $", for {alert.For}")}: {Percent(alert.ErrorRatio)} bad, "
                + $"{Percent(alert.BudgetShare)} of the budget in {alert.Long}; a total outage reaches it in {alert.Detection}"));
        }
        return text.ToString();
    }

    private string What() => Method switch
    {
        "Timeslices" => $"of slices of {Slice} have {Percent(SliceTarget ?? Objective)} good events",
        "RatioTimeslices" => $"is the mean share of good events in slices of {Slice},",
        _ => "of events are good",
    };

    private static SloExplanation OfOne(ServiceLevelObjective slo)
    {
        Objective objective = slo.Objectives[0];
        bool isSliced = slo.Method != BudgetingMethod.Occurrences;
        TimeSpan shortest = slo.Policies.Count > 0 ? slo.Policies.Min(policy => policy.Short) : WindowedQuery.EvaluationWindow;
        return new SloExplanation
        {
            Id = slo.Id,
            DisplayName = slo.DisplayName,
            Service = slo.Service,
            Source = slo.Source,
            Objective = slo.Objective,
            Budget = Math.Round(slo.Budget, 12),
            Method = slo.Method.ToString(),
            Slice = isSliced ? WindowedQuery.DurationText(objective.Slice) : null,
            SliceTarget = slo.Method == BudgetingMethod.Timeslices ? objective.SliceTarget : null,
            Window = Describe(slo.BudgetWindow),
            OutageBudget = Duration(slo.Window * slo.Budget),
            Kind = slo.Indicator.Kind,
            Part = slo.Indicator.Part.Describe(),
            PartIsBad = slo.Indicator.PartIsBad,
            Total = slo.Indicator.Total.Describe(),
            CountedBy = slo.Indicator.Total switch
            {
                QueryMeasure => "queries",
                IntervalMeasure => "intervals",
                ForeignMeasure => "nothing",
                CompositeMeasure => "members",
                _ => "taps",
            },
            ErrorRatio = slo.Indicator.ErrorRatio?.At(shortest),
            GroupBy = slo.GroupBy,
            Exclusions = [.. slo.Exclusions.Select(exclusion => exclusion.Describe() + (exclusion.Reason.Length > 0 ? $" ({exclusion.Reason})" : ""))],
            Alerts = [.. slo.Policies.OrderByDescending(policy => policy.Severity).ThenBy(policy => policy.Long).Select(policy => Explain(slo, policy))],
        };
    }

    private static AlertExplanation Explain(ServiceLevelObjective slo, BurnPolicy policy)
    {
        double ratio = policy.Factor * slo.Budget;
        // Every event bad for a share of the long window that is the ratio: from then on the long window's burn is the factor.
        TimeSpan detection = policy.Long * Math.Min(1, ratio);
        return new AlertExplanation(
            policy.Name, policy.Severity == Severity.Page ? "page" : "ticket", WindowedQuery.DurationText(policy.Long), WindowedQuery.DurationText(policy.Short),
            Math.Round(policy.Factor, 12), Math.Round(ratio, 12), Math.Round(policy.Factor * (policy.Long / slo.Window), 12),
            WindowedQuery.DurationText(policy.For), Duration(detection + policy.For));
    }

    private static string Describe(BudgetWindow window) => window switch
    {
        CalendarWindow calendar => string.Create(
            CultureInfo.InvariantCulture, $"calendar windows of {calendar.Count} {calendar.Unit.ToString().ToLowerInvariant()}{(calendar.Count == 1 ? "" : "s")} from {calendar.Start:yyyy-MM-dd HH:mm}, {calendar.Zone.Id}"),
        _ => $"the last {WindowedQuery.DurationText(window.Length)}",
    };

    /// <summary>A duration by whole seconds.</summary>
    private static string Duration(TimeSpan duration) => WindowedQuery.DurationText(TimeSpan.FromSeconds(Math.Round(duration.TotalSeconds)));

    private static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.######} %");
}
