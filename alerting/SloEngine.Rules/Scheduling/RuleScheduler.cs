using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using SloEngine.PromQL;
using SloEngine.PromQL.Series;
using SloEngine.Rules.Evaluation;
using SloEngine.Rules.Files;
using SloEngine.Slo.OpenSlo;
using SloEngine.Storage;

namespace SloEngine.Rules.Scheduling;

/// <summary>How rules are evaluated.</summary>
public sealed record RuleSchedulerOptions
{
    /// <summary>Interval of groups that give none.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How far back recording rules are caught up with after downtime, and alerts are taken up.</summary>
    public TimeSpan CatchUp { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Whose series rules read and write.</summary>
    public string Tenant { get; init; } = "default";

    /// <summary>Address under which people reach the server, for templates.</summary>
    public Func<Uri> ExternalUrl { get; init; } = static () => new Uri("http://127.0.0.1:7070");
}

/// <summary>Tells people of alerts of rules.</summary>
public interface IRuleNotifier
{
    /// <summary>Owes somebody the news of an alert that began to fire, or is over; durable when the task completes.</summary>
    Task NotifyAsync(RuleAlert alert, CancellationToken cancellation);
}

/// <summary>
/// Evaluates groups on schedule, one after the other: stores what they give, owes notifications, reads files again when they change, and
/// catches up with recording rules after downtime.
/// </summary>
public sealed partial class RuleScheduler : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly RuleCatalog _catalog;
    private readonly PromQLEngine _engine;
    private readonly ISeriesSource _source;
    private readonly RecordedSeriesWriter _writer;
    private readonly IRuleNotifier _notifier;
    private readonly RuleSchedulerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Queue<RuleAlert> _owed = new();
    private volatile IReadOnlyList<ScheduledGroup> _groups = [];
    /// <summary>Whether the catalog has changed since its groups were taken up: the store may have been away then.</summary>
    private bool _isStale;

    /// <summary>Creates the scheduler; it starts with the host.</summary>
    public RuleScheduler(
        RuleCatalog catalog, PromQLEngine engine, ISeriesSource source, IColumnStore store, IRuleNotifier notifier, RuleSchedulerOptions options,
        TimeProvider time, ILogger<RuleScheduler> logger)
    {
        (_catalog, _engine, _source, _notifier, _options, _time, _logger) = (catalog, engine, source, notifier, options, time, logger);
        _writer = new RecordedSeriesWriter(store, options.Tenant, time);
    }

    /// <summary>The groups.</summary>
    public IReadOnlyList<ScheduledGroup> Groups => _groups;

    /// <summary>Reads changed files, evaluates the groups that are due, and owes what is to be told.</summary>
    public async Task TickAsync(CancellationToken cancellation)
    {
        _isStale |= _catalog.Reload();
        if (_isStale)
        {
            await TakeUpAsync(cancellation);
            _isStale = false;
        }
        foreach (ScheduledGroup group in _groups)
        {
            await EvaluateDueAsync(group, cancellation);
        }
        while (_owed.TryPeek(out RuleAlert? alert))
        {
            await _notifier.NotifyAsync(alert, cancellation);
            _owed.Dequeue();
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, _time);
        do
        {
            try
            {
                await TickAsync(stoppingToken);
            }
            catch (Exception failure) when (failure is not OperationCanceledException)
            {
                LogFailed(failure);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Makes the catalog's groups those that are evaluated: unchanged ones go on, changed ones keep what their rules remember.</summary>
    private async Task TakeUpAsync(CancellationToken cancellation)
    {
        Dictionary<(string, string), ScheduledGroup> before = _groups.ToDictionary(static group => (group.State.Group.File, group.State.Group.Name));
        var next = new List<ScheduledGroup>();
        var ended = new PendingSamples(_source);
        foreach (RuleGroup group in _catalog.Groups)
        {
            before.Remove((group.File, group.Name), out ScheduledGroup? known);
            if (known is not null && ReferenceEquals(known.State.Group, group))
            {
                next.Add(known);
                continue;
            }
            var scheduled = new ScheduledGroup(group, _options.Interval);
            if (known is null)
            {
                await RestoreAsync(scheduled, cancellation);
            }
            else
            {
                scheduled.NextMs = scheduled.AtOrBefore(Now) + scheduled.IntervalMs;
                End(scheduled.State.TakeOver(known.State), ended);
            }
            next.Add(scheduled);
        }
        End(before.Values.SelectMany(static group => group.State.Rules), ended);
        _groups = next;
        LogLoaded(next.Count);
        foreach (SloFileError error in _catalog.Errors)
        {
            LogError(error);
        }
        await _writer.WriteAsync($"rules/ended/{Now}", ended.Samples, cancellation);
    }

    /// <summary>Rules that are no more end their series, and resolve their alerts.</summary>
    private void End(IEnumerable<RuleState> rules, PendingSamples output)
    {
        foreach (RuleState rule in rules)
        {
            rule.End(Now, output);
            foreach (RuleAlert alert in (rule as AlertingState)?.Alerts ?? [])
            {
                if (alert.State == RuleAlertState.Firing)
                {
                    _owed.Enqueue(alert with { State = RuleAlertState.Inactive, ResolvedAtMs = Now });
                }
            }
        }
    }

    private async Task RestoreAsync(ScheduledGroup group, CancellationToken cancellation)
    {
        long now = Now;
        long from = now - (long)_options.CatchUp.TotalMilliseconds;
        var history = new RuleHistory(_source, from, now);
        long? last = await history.LastRecordedAsync(group.State.Group, cancellation);
        long current = group.AtOrBefore(now);
        // Samples stand before the evaluation's time by the offset.
        long offset = (long)(group.State.Group.QueryOffset ?? TimeSpan.Zero).TotalMilliseconds;
        group.NextMs = last is { } recorded
            ? Math.Max(group.AtOrBefore(recorded + offset) + group.IntervalMs, group.AtOrBefore(from) + group.IntervalMs)
            : current;
        foreach (AlertingState rule in group.State.Rules.OfType<AlertingState>())
        {
            rule.Restore(await history.AlertsAsync((AlertingRule)rule.Rule, cancellation));
        }
    }

    private async Task EvaluateDueAsync(ScheduledGroup group, CancellationToken cancellation)
    {
        long earliest = Now - (long)_options.CatchUp.TotalMilliseconds;
        if (group.NextMs < earliest)
        {
            group.NextMs = group.AtOrBefore(earliest) + group.IntervalMs;
        }
        if (group.NextMs > Now + group.IntervalMs)
        {
            // The clock was set back: what is due again has its samples, which the store passes over.
            group.NextMs = group.AtOrBefore(Now) + group.IntervalMs;
        }
        while (group.NextMs <= Now)
        {
            // Alerts are about now: times that were missed are caught up with by recording rules only.
            bool isLate = group.NextMs + group.IntervalMs <= Now;
            await EvaluateAsync(group, isLate, cancellation);
            group.NextMs += group.IntervalMs;
        }
    }

    private async Task EvaluateAsync(ScheduledGroup group, bool recordingOnly, CancellationToken cancellation)
    {
        long started = _time.GetTimestamp();
        var pending = new PendingSamples(_source);
        string externalUrl = _options.ExternalUrl().ToString().TrimEnd('/');
        var context = new RuleContext(_engine, pending, new Dictionary<string, string>(), externalUrl);
        Dictionary<RuleState, IReadOnlyCollection<RuleAlert>> before = group.State.Rules.OfType<AlertingState>().ToDictionary(
            static rule => (RuleState)rule, static rule => rule.Alerts);
        await group.State.EvaluateAsync(context, group.NextMs, pending, _time, recordingOnly, cancellation);
        foreach (AlertingState rule in group.State.Rules.OfType<AlertingState>())
        {
            Owe(before[rule], rule.Alerts);
        }
        await _writer.WriteAsync($"rules/{group.State.Group.File}/{group.State.Group.Name}/{group.NextMs}", pending.Samples, cancellation);
        group.LastMs = group.NextMs;
        group.LastDuration = _time.GetElapsedTime(started);
        foreach (RuleState rule in group.State.Rules.Where(static rule => rule.LastError is not null))
        {
            LogRuleFailed(group.State.Group.Name, rule.Rule.Name, rule.LastError!);
        }
    }

    private void Owe(IReadOnlyCollection<RuleAlert> before, IReadOnlyCollection<RuleAlert> after)
    {
        HashSet<Labels> fired = [.. before.Where(static alert => alert.State == RuleAlertState.Firing).Select(static alert => alert.Labels)];
        foreach (RuleAlert alert in after.Where(alert => alert.State switch
        {
            RuleAlertState.Firing => !fired.Contains(alert.Labels),
            RuleAlertState.Inactive => fired.Contains(alert.Labels),
            _ => false,
        }))
        {
            _owed.Enqueue(alert);
        }
    }

    [LoggerMessage(EventName = "rules.loaded", Level = LogLevel.Information, Message = "{Count} groups of rules loaded")]
    private partial void LogLoaded(int count);

    [LoggerMessage(EventName = "rules.error", Level = LogLevel.Error, Message = "Rule file not loaded, its last good groups stay: {Error}")]
    private partial void LogError(SloFileError error);

    [LoggerMessage(EventName = "rules.rule.failed", Level = LogLevel.Warning, Message = "Rule {Rule} of group {Group} failed: {Error}")]
    private partial void LogRuleFailed(string group, string rule, string error);

    [LoggerMessage(EventName = "rules.failed", Level = LogLevel.Error, Message = "Rules could not be evaluated; the next second tries again")]
    private partial void LogFailed(Exception failure);
}
