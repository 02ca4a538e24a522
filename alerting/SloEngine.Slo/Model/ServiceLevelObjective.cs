using SloEngine.Slo.Burn;

namespace SloEngine.Slo.Model;

/// <summary>A service level objective: what is measured, how good it has to be, over which window.</summary>
public sealed record ServiceLevelObjective
{
    /// <summary><see cref="MaxGroups"/> of a definition that says nothing of it.</summary>
    public const int DefaultMaxGroups = 200;

    /// <summary><see cref="MinimumEvents"/> of a definition that says nothing of it.</summary>
    public const double DefaultMinimumEvents = 10;

    /// <summary>Name, unique in the catalog.</summary>
    public required string Id { get; init; }

    /// <summary>Name for people.</summary>
    public required string DisplayName { get; init; }

    /// <summary>What it promises, in words.</summary>
    public string Description { get; init; } = "";

    /// <summary>Service that it belongs to.</summary>
    public required string Service { get; init; }

    /// <summary>Whose telemetry it is about; null for that of all tenants, or, where queries count, of the default one.</summary>
    public string? Tenant { get; init; }

    /// <summary>Who may see and change it.</summary>
    public string Owner => Tenant ?? TenantScope.DefaultTenant;

    /// <summary>Labels, for alerts and for finding it.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Where the person who is paged reads on; null when none is given.</summary>
    public string? Runbook { get; init; }

    /// <summary>Its targets, at least one; each is evaluated and alerted on its own.</summary>
    public IReadOnlyList<Objective> Objectives { get; init; } = [];

    /// <summary>Share that has to be good, 0 to 1 (exclusive), of the only objective or the first.</summary>
    public double Objective { get => Objectives[0].Target; init => Objectives = [new Objective("", value)]; }

    /// <summary>The highest target of its objectives.</summary>
    public double StrictestTarget => Objectives.Max(objective => objective.Target);

    /// <summary>What the budget is a share of.</summary>
    public BudgetingMethod Method { get; init; }

    /// <summary>Window of the budget.</summary>
    public BudgetWindow BudgetWindow { get; init; } = new RollingWindow(TimeSpan.FromDays(30));

    /// <summary>Longest length of the budget's window; set it for a rolling window of that length.</summary>
    public TimeSpan Window { get => BudgetWindow.Length; init => BudgetWindow = new RollingWindow(value); }

    /// <summary>Labels or attributes by whose values events are told apart: each group has a budget and alerts of its own.</summary>
    public IReadOnlyList<string> GroupBy { get; init; } = [];

    /// <summary>Most groups: what comes after them is counted together, as <see cref="OtherGroups"/>.</summary>
    public int MaxGroups { get; init; } = DefaultMaxGroups;

    /// <summary>The group of what came when there were <see cref="MaxGroups"/> already.</summary>
    public const string OtherGroups = "~others";

    /// <summary>Group that this is the SLO of; empty for all events.</summary>
    public string Group { get; init; } = "";

    /// <summary>Events that a policy's long window needs before it may hold: one failure out of three requests at night is no outage.</summary>
    public double MinimumEvents { get; init; } = DefaultMinimumEvents;

    /// <summary>Bad events that a policy's long window needs before it may hold.</summary>
    public double MinimumFailures { get; init; }

    /// <summary>
    /// Whether burn is measured in budget truly spent: the error ratio of a stretch weighs as much as its traffic is of the whole window's,
    /// so that the same ratio burns less at night than at noon.
    /// </summary>
    public bool IsTrafficAware { get; init; }

    /// <summary>Share of a window's minutes that must have data for its policies to be judged, 0 to 1: below it alerts keep their state.</summary>
    public double CoverageFloor { get; init; }

    /// <summary>Stretches of time whose events do not count.</summary>
    public IReadOnlyList<Exclusion> Exclusions { get; init; } = [];

    /// <summary>How late an event may come and still count, where that is less than the ledger's own lateness; null for that.</summary>
    public TimeSpan? Lateness { get; init; }

    /// <summary>What is measured.</summary>
    public required Indicator Indicator { get; init; }

    /// <summary>When to alert: of objectives that say nothing of it, or of the whole that they make up.</summary>
    public required IReadOnlyList<BurnPolicy> Policies { get; init; }

    /// <summary>What the definition says of alerts, by severity.</summary>
    public IReadOnlyDictionary<Severity, AlertTemplate> Alerts { get; init; } = new Dictionary<Severity, AlertTemplate>();

    /// <summary>What a Pyrra resource says of its rules; null where it is none.</summary>
    public PyrraRuleSettings? Pyrra { get; init; }

    /// <summary>File and line of the definition.</summary>
    public string Source { get; init; } = "";

    /// <summary>Members and weights of a composite; null for an SLO of its own events.</summary>
    public IReadOnlyList<CompositeMember>? Composite => (Indicator.Total as CompositeMeasure)?.Members;

    /// <summary>Whether another SLO may weigh in this composite: one of a tenant shows nothing of others' SLOs.</summary>
    public bool MayShow(ServiceLevelObjective member) => Owner is TenantScope.DefaultTenant || Owner == member.Owner;

    /// <summary>Id of the SLO that this is one objective of: its own when it has only one.</summary>
    public string Parent { get => field ?? Id; init; }

    /// <summary>Name of its buckets in the ledger: a changed indicator, or tenant, starts new ones, so that old counts never mix with new ones.</summary>
    public string LedgerKey => Tenant is null ? $"{Parent}@{Indicator.Fingerprint}" : $"{Parent}@{Indicator.Fingerprint}@{Tenant}";

    /// <summary>Whether a tenant's telemetry counts.</summary>
    public bool IsOf(string? tenant) => Tenant is null || Tenant == tenant;

    /// <summary>The group of events whose labels have some values.</summary>
    public string GroupOf(Func<string, string> value) => Ledger.GroupKey.Of(GroupBy, value);

    /// <summary>The SLO of one group of its events.</summary>
    public ServiceLevelObjective OfGroup(string group) => this with
    {
        Id = $"{Id}{{{group}}}",
        Parent = Parent,
        DisplayName = $"{DisplayName} {{{group}}}",
        Group = group,
        Labels = new Dictionary<string, string>(Labels.Concat(Ledger.GroupKey.Labels(group, GroupBy)).DistinctBy(label => label.Key), StringComparer.Ordinal),
    };

    /// <summary>Share that may be bad.</summary>
    public double Budget => 1 - Objective;

    /// <summary>What the definition says of alerts of a severity.</summary>
    public AlertTemplate AlertOf(Severity severity) => Alerts.GetValueOrDefault(severity) ?? AlertTemplate.Empty;

    /// <summary>Whether its objectives, which then have weights, make up a whole with a budget, and the SLO's policies, of its own.</summary>
    public bool IsMadeOfObjectives => Objectives.Count > 1 && Objectives.Any(objective => objective.Weight is not null);

    /// <summary>An SLO for each objective: itself when there is one, else such with ids <c>slo/objective</c>, behind the whole that they make up, if they do.</summary>
    public IEnumerable<ServiceLevelObjective> Each() => Objectives.Count == 1 ? [this] : IsMadeOfObjectives ? Parts().Prepend(Whole()) : Parts();

    /// <summary>Systems that measure it, or one of its objectives, in place of this one; none where it has data here.</summary>
    public IEnumerable<string> ForeignSystems() => Each().SelectMany(one => one.Indicator.Measures).OfType<ForeignMeasure>().Select(foreign => foreign.System).Distinct();

    private IEnumerable<ServiceLevelObjective> Parts() => Objectives.Select(objective => this with
    {
        Id = $"{Id}/{objective.Name}",
        Parent = Id,
        DisplayName = $"{DisplayName} ({objective.Name})",
        Objectives = [objective],
        Indicator = objective.Indicator ?? Indicator,
        Policies = objective.Policies ?? (IsMadeOfObjectives ? [] : Policies),
    });

    /// <summary>The composite of the objectives, with the target of the strictest one.</summary>
    private ServiceLevelObjective Whole()
    {
        var measure = new CompositeMeasure(
            [.. Objectives.Select(objective => new CompositeMember($"{Id}/{objective.Name}", objective.Weight ?? 1))],
            Method == BudgetingMethod.Timeslices ? CompositeRule.AnyBadSlice : CompositeRule.Burn);
        return this with
        {
            Objectives = [new Objective("", StrictestTarget, TimesliceWindow: Objectives[0].TimesliceWindow)],
            Indicator = new Indicator("composite", measure, measure, PartIsBad: false),
        };
    }
}
