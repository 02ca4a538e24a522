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

    /// <summary>The most that <see cref="CatchUp"/> may be, and the longest downtime of which the end is caught up with.</summary>
    public static readonly TimeSpan LongestCatchUp = TimeSpan.FromDays(7);

    /// <summary>How far back recording rules are caught up with after downtime.</summary>
    public TimeSpan CatchUp { get; init; } = TimeSpan.FromHours(6);

    /// <summary>How far back alerts are taken up after downtime: later, they begin anew.</summary>
    public TimeSpan OutageTolerance { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Groups that are evaluated at a time.</summary>
    public int MaxConcurrentGroups { get; init; } = 4;

    /// <summary>Labels of the server, for templates.</summary>
    public IReadOnlyDictionary<string, string> ExternalLabels { get; init; } = new Dictionary<string, string>();

    /// <summary>Address under which people reach the server, for templates.</summary>
    public Func<Uri> ExternalUrl { get; init; } = static () => new Uri("http://127.0.0.1:7070");
}

/// <summary>An alert that began to fire, or is over.</summary>
/// <param name="Tenant">Whose.</param>
/// <param name="Rule">The rule it is of.</param>
/// <param name="Alert">The alert.</param>
/// <param name="IsRuleGone">Whether it is over because its rule is no more: no evaluation will tell of it again.</param>
public sealed record RuleAlertNews(string Tenant, AlertingRule Rule, RuleAlert Alert, bool IsRuleGone = false);

/// <summary>Those who are told of alerts of rules.</summary>
public interface IRuleNotifier
{
    /// <summary>Owes somebody the news of an alert; durable when the task completes.</summary>
    Task NotifyAsync(RuleAlertNews news, CancellationToken cancellation);

    /// <summary>Is called after each evaluation of an alerting rule, for those who are told of its alerts again and again.</summary>
    void Evaluated(RuleGroup group, AlertingState rule, long timeMs, TimeSpan interval);
}

/// <summary>
/// Evaluates groups on schedule, several at a time: stores what they give, owes notifications, reads files again when they change, and
/// catches up with recording rules after downtime.
/// </summary>
public sealed partial class RuleScheduler : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly RuleCatalog _catalog;
    private readonly PromQLEngine _engine;
    private readonly Func<string, ISeriesSource> _sources;
    private readonly RecordedSeriesWriter _writer;
    private readonly IRuleNotifier _notifier;
    private readonly RuleSchedulerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _slots;
    private readonly RuleMetrics _metrics;
    private readonly RuleNews _owed = new();
    private volatile IReadOnlyList<ScheduledGroup> _groups = [];
    /// <summary>Whether the catalog has changed since its groups were taken up: the store may have been away then.</summary>
    private bool _isStale;

    /// <summary>Creates the scheduler; it starts with the host.</summary>
    public RuleScheduler(
        RuleCatalog catalog, PromQLEngine engine, Func<string, ISeriesSource> sources, IColumnStore store, IRuleNotifier notifier,
        RuleSchedulerOptions options, TimeProvider time, ILogger<RuleScheduler> logger)
    {
        (_catalog, _engine, _sources, _notifier, _options, _time, _logger) = (catalog, engine, sources, notifier, options, time, logger);
        _writer = new RecordedSeriesWriter(store, time);
        _slots = new SemaphoreSlim(options.MaxConcurrentGroups);
        _metrics = new RuleMetrics(() => _groups);
    }

    /// <summary>The groups.</summary>
    public IReadOnlyList<ScheduledGroup> Groups => _groups;

    /// <summary>Reads changed files, evaluates the groups that are due and waits for them, and owes what is to be told.</summary>
    public async Task TickAsync(CancellationToken cancellation)
    {
        await StartDueAsync(cancellation);
        await Task.WhenAll(_groups.Select(static group => group.Running));
        await _owed.TellAsync(_notifier, cancellation);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _metrics.Dispose();
        _slots.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, _time);
        try
        {
            do
            {
                try
                {
                    await StartDueAsync(stoppingToken);
                    await _owed.TellAsync(_notifier, stoppingToken);
                }
                catch (Exception failure) when (failure is not OperationCanceledException)
                {
                    LogFailed(failure);
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        finally
        {
            await Task.WhenAll(_groups.Select(static group => group.Running)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Starts each group that is due and not at work: one that is slow holds up nobody else.</summary>
    private async Task StartDueAsync(CancellationToken cancellation)
    {
        _isStale |= _catalog.Reload();
        if (_isStale)
        {
            // Rules that change hand over what they remember, so nobody may be at work on it.
            await Task.WhenAll(_groups.Select(static group => group.Running)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await TakeUpAsync(cancellation);
            _isStale = false;
        }
        // One that is due much later than its interval says was so under a clock that has been set back.
        foreach (ScheduledGroup group in _groups.Where(group => group.Running.IsCompleted && (group.NextMs <= Now || group.NextMs > Now + group.IntervalMs)))
        {
            group.Running = Task.Run(() => RunAsync(group, cancellation), cancellation);
        }
    }

    private async Task RunAsync(ScheduledGroup group, CancellationToken cancellation)
    {
        await _slots.WaitAsync(cancellation);
        try
        {
            await EvaluateDueAsync(group, cancellation);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            // What the store has not taken is caught up with, as after downtime.
            group.CatchUpToMs = Now;
            LogGroupFailed(group.State.Group.Name, failure);
            throw;
        }
        finally
        {
            _slots.Release();
        }
    }

    /// <summary>Makes the catalog's groups those that are evaluated: unchanged ones go on, changed ones keep what their rules remember.</summary>
    private async Task TakeUpAsync(CancellationToken cancellation)
    {
        Dictionary<(string, string), ScheduledGroup> before = _groups.ToDictionary(static group => (group.State.Group.File, group.State.Group.Name));
        var next = new List<ScheduledGroup>();
        var ended = new Dictionary<string, PendingSamples>();
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
                End(group.Tenant, scheduled.State.TakeOver(known.State), ended);
            }
            next.Add(scheduled);
        }
        foreach (ScheduledGroup gone in before.Values)
        {
            End(gone.State.Group.Tenant, gone.State.Rules, ended);
        }
        _groups = next;
        LogLoaded(next.Count);
        foreach (SloFileError error in _catalog.Errors)
        {
            LogError(error);
        }
        foreach ((string tenant, PendingSamples samples) in ended)
        {
            await _writer.WriteAsync(tenant, $"rules/ended/{tenant}/{Now}", samples.Samples, cancellation);
        }
    }

    /// <summary>Rules that are no more end their series, and resolve their alerts.</summary>
    private void End(string tenant, IEnumerable<RuleState> rules, Dictionary<string, PendingSamples> ended)
    {
        if (!ended.TryGetValue(tenant, out PendingSamples? output))
        {
            ended.Add(tenant, output = new PendingSamples(_sources(tenant), _engine.Options.OtherLabel));
        }
        foreach (RuleState rule in rules)
        {
            rule.End(Now, output);
            if (rule is AlertingState alerting)
            {
                _owed.End(tenant, alerting, Now);
            }
        }
    }

    private async Task RestoreAsync(ScheduledGroup group, CancellationToken cancellation)
    {
        long now = Now;
        long from = now - CatchUpMs(group);
        ISeriesSource source = _sources(group.State.Group.Tenant);
        long? last = await RuleHistory.LastRecordedAsync(source, group.State.Group, now - (long)RuleSchedulerOptions.LongestCatchUp.TotalMilliseconds, now, cancellation);
        // Samples stand before the evaluation's time by the offset.
        long offset = (long)(group.State.Group.QueryOffset ?? TimeSpan.Zero).TotalMilliseconds;
        group.CatchUpToMs = now;
        group.NextMs = last is { } recorded
            ? Math.Max(group.AtOrBefore(recorded + offset) + group.IntervalMs, group.AtOrBefore(from) + group.IntervalMs)
            : group.AtOrBefore(now);
        var history = new RuleHistory(source, now - (long)_options.OutageTolerance.TotalMilliseconds, now);
        foreach (AlertingState rule in group.State.Rules.OfType<AlertingState>())
        {
            rule.Restore(await history.AlertsAsync((AlertingRule)rule.Rule, cancellation));
        }
    }

    private async Task EvaluateDueAsync(ScheduledGroup group, CancellationToken cancellation)
    {
        long earliest = Now - CatchUpMs(group);
        if (group.NextMs < earliest)
        {
            Miss(group, earliest);
        }
        if (group.NextMs > Now + group.IntervalMs)
        {
            // The clock was set back: what is due again has its samples, which the store passes over.
            group.NextMs = group.AtOrBefore(Now) + group.IntervalMs;
        }
        while (group.NextMs <= Now)
        {
            bool isLate = group.NextMs + group.IntervalMs <= Now;
            if (isLate && group.NextMs > group.CatchUpToMs)
            {
                // The evaluation before took longer than the interval: evaluating what was missed would only be later still.
                Miss(group, Now - group.IntervalMs);
                continue;
            }
            // Alerts are about now: times that were missed are caught up with by recording rules only.
            await EvaluateAsync(group, recordingOnly: isLate, cancellation);
            group.NextMs += group.IntervalMs;
        }
    }

    /// <summary>What is due within an interval is not late.</summary>
    private long CatchUpMs(ScheduledGroup group) => Math.Max((long)_options.CatchUp.TotalMilliseconds, group.IntervalMs);

    /// <summary>Passes over the times of a group up to a moment.</summary>
    private void Miss(ScheduledGroup group, long untilMs)
    {
        long next = group.AtOrBefore(untilMs) + group.IntervalMs;
        _metrics.Missed(group, (next - group.NextMs) / group.IntervalMs);
        group.NextMs = next;
    }

    private async Task EvaluateAsync(ScheduledGroup group, bool recordingOnly, CancellationToken cancellation)
    {
        RuleGroup definition = group.State.Group;
        long started = _time.GetTimestamp();
        var pending = new PendingSamples(_sources(definition.Tenant), _engine.Options.OtherLabel);
        var context = new RuleContext(_engine, pending, _options.ExternalLabels, _options.ExternalUrl().ToString().TrimEnd('/'));
        AlertingState[] alerting = recordingOnly ? [] : [.. group.State.Rules.OfType<AlertingState>()];
        IReadOnlyCollection<RuleAlert>[] before = Array.ConvertAll(alerting, static rule => rule.Alerts);
        await group.State.EvaluateAsync(context, group.NextMs, pending, _time, recordingOnly, cancellation);
        foreach ((AlertingState rule, IReadOnlyCollection<RuleAlert> alerts) in alerting.Zip(before))
        {
            _owed.Changed(definition.Tenant, rule, alerts);
            _notifier.Evaluated(definition, rule, group.NextMs, TimeSpan.FromMilliseconds(group.IntervalMs));
        }
        await _writer.WriteAsync(definition.Tenant, $"rules/{definition.File}/{definition.Name}/{group.NextMs}", pending.Samples, cancellation);
        (group.LastMs, group.LastSamples, group.LastDuration) = (group.NextMs, pending.Samples.Count, _time.GetElapsedTime(started));
        IEnumerable<RuleState> evaluated = group.State.Rules.Where(rule => !recordingOnly || rule is RecordingState);
        _metrics.Evaluated(group, evaluated);
        foreach (RuleState rule in evaluated.Where(static rule => rule.LastError is not null))
        {
            LogRuleFailed(definition.Name, rule.Rule.Name, rule.LastError!);
        }
    }

    [LoggerMessage(EventName = "rules.loaded", Level = LogLevel.Information, Message = "{Count} groups of rules loaded")]
    private partial void LogLoaded(int count);

    [LoggerMessage(EventName = "rules.error", Level = LogLevel.Error, Message = "Rule file not loaded, its last good groups stay: {Error}")]
    private partial void LogError(SloFileError error);

    [LoggerMessage(EventName = "rules.rule.failed", Level = LogLevel.Warning, Message = "Rule {Rule} of group {Group} failed: {Error}")]
    private partial void LogRuleFailed(string group, string rule, string error);

    [LoggerMessage(EventName = "rules.group.failed", Level = LogLevel.Error, Message = "Group {Group} of rules could not be evaluated; the next second tries again")]
    private partial void LogGroupFailed(string group, Exception failure);

    [LoggerMessage(EventName = "rules.failed", Level = LogLevel.Error, Message = "Rules could not be taken up or alerts not be told; the next second tries again")]
    private partial void LogFailed(Exception failure);
}
