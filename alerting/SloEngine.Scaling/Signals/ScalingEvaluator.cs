using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using SloEngine.Otlp.Grpc;
using SloEngine.Scaling.Policies;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Scaling.Signals;

/// <summary>Where scaling policies come from.</summary>
/// <param name="Directory">Directory of policy files, or null for none.</param>
public sealed record ScalingOptions(string? Directory);

/// <summary>Decides on every policy each second and keeps the latest decision of each, for pulls and for streams.</summary>
public sealed partial class ScalingEvaluator : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    /// <summary>By as much the clock may be slewed between two evaluations; beyond, somebody has set it.</summary>
    private static readonly TimeSpan LargestStep = TimeSpan.FromSeconds(30);

    private readonly ScalingPolicyCatalog _policies;
    private readonly Ledger _ledger;
    private readonly SloCatalog _slos;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private DateTimeOffset _listensSince;
    private DateTimeOffset _evaluated;
    private long _evaluatedAt;
    private Dictionary<ScalingPolicy, ScalingDecider> _deciders = [];
    private volatile Snapshot _snapshot;

    /// <summary>Owners of SLOs that policies name, by SLO: who owned one before it was removed still does.</summary>
    private readonly Dictionary<string, string> _owners = new(StringComparer.Ordinal);

    /// <summary>Creates the evaluator; it starts with the host.</summary>
    public ScalingEvaluator(ScalingOptions options, Ledger ledger, SloCatalog slos, TimeProvider time, ILogger<ScalingEvaluator> logger)
    {
        (_policies, _ledger, _slos, _time, _logger) = (new ScalingPolicyCatalog(options.Directory), ledger, slos, time, logger);
        _listensSince = _evaluated = time.GetUtcNow();
        _evaluatedAt = time.GetTimestamp();
        Load();
        // The policies are there before any data.
        _snapshot = new Snapshot(_policies.Policies, [], _policies.Policies.ToDictionary(policy => policy.Name, _ => "the server has just started"), []);
    }

    /// <summary>The latest decisions, with a task that completes when there are newer ones.</summary>
    public Snapshot Latest => _snapshot;

    /// <summary>Decides on all policies once.</summary>
    public void Evaluate()
    {
        Load();
        DateTimeOffset now = _time.GetUtcNow();
        long timestamp = _time.GetTimestamp();
        if ((now - _evaluated - _time.GetElapsedTime(_evaluatedAt, timestamp)).Duration() > LargestStep)
        {
            // The clock was set: what is silent shows only after as long as a window again.
            _listensSince = now;
        }
        (_evaluated, _evaluatedAt) = (now, timestamp);
        var decisions = new Dictionary<string, ScalingDecision>(StringComparer.Ordinal);
        var undecided = new Dictionary<string, string>(StringComparer.Ordinal);
        var owners = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (ScalingPolicy policy in _policies.Policies)
        {
            ServiceLevelObjective? slo = _slos.Slos.FirstOrDefault(candidate => candidate.Id == policy.Slo);
            if (slo is not null)
            {
                _owners[slo.Id] = slo.Owner;
            }
            if (_owners.TryGetValue(policy.Slo, out string? owner))
            {
                owners[policy.Name] = owner;
            }
            ScalingInput input = slo is null ? new ScalingInput(null, null, $"there is no SLO '{policy.Slo}'") : Read(policy, slo, now);
            if (Decider(policy, slo, now)?.Decide(input, now) is { } decision)
            {
                decisions[policy.Name] = decision;
            }
            else
            {
                undecided[policy.Name] = input.Silence ?? "";
            }
        }
        Snapshot before = _snapshot;
        _snapshot = new Snapshot(_policies.Policies, decisions, undecided, owners);
        before.Complete();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, _time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            Evaluate();
        }
    }

    /// <summary>
    /// Rates over windows that end with the latest telemetry: as it fades, the rate neither falls nor is lost before it counts as silent.
    /// </summary>
    private ScalingInput Read(ScalingPolicy policy, ServiceLevelObjective slo, DateTimeOffset now)
    {
        string? silence = null;
        DateTimeOffset? end = _ledger.FilledUntil(slo.Id, now, policy.Window);
        if (end is null)
        {
            silence = $"telemetry of SLO '{slo.Id}' does not fill the last {policy.Window.TotalSeconds:0} s";
            // Whether it is silent shows only after as long as a window.
            end = policy.OnNoData == OnNoData.Min && now - _listensSince >= policy.Window ? now : null;
        }
        return end is not { } until ? new ScalingInput(null, null, silence) : new ScalingInput(
            _ledger.Sum(slo.Id, until, policy.Window).Total / policy.Window.TotalSeconds,
            SloEvaluator.Rate(slo, _ledger.Sum(slo.Id, until, policy.BurnWindow)),
            silence);
    }

    /// <summary>The decider of a policy, made with the ledger's past in it when the policy or the process is new.</summary>
    private ScalingDecider? Decider(ScalingPolicy policy, ServiceLevelObjective? slo, DateTimeOffset now)
    {
        if (_deciders.TryGetValue(policy, out ScalingDecider? known) || slo is null)
        {
            return known;
        }
        var decider = new ScalingDecider(policy);
        TimeSpan window = WholeMinutes(policy.Window);
        TimeSpan reach = WholeMinutes(((TimeSpan[])[policy.ScaleUp.Cooldown, policy.ScaleDown.Cooldown, policy.ScaleUp.StepPeriod, policy.ScaleDown.StepPeriod]).Max());
        DateTimeOffset latest = DateTimeOffset.UnixEpoch + (Math.Floor((now - DateTimeOffset.UnixEpoch) / Minute) * Minute) - TimeSpan.FromTicks(1);
        for (DateTimeOffset end = latest - reach; end <= latest; end += Minute)
        {
            WindowSum requests = _ledger.MinuteSum(slo.Id, end, window);
            if (requests.CoveredSlots > 0 && _ledger.MinuteSum(slo.Id, end - window, window).CoveredSlots > 0)
            {
                double? burn = SloEvaluator.Rate(slo, _ledger.MinuteSum(slo.Id, end, WholeMinutes(policy.BurnWindow)));
                decider.Recall(new ScalingInput(requests.Total / window.TotalSeconds, burn), end);
            }
        }
        _deciders[policy] = decider;
        return decider;
    }

    private static TimeSpan WholeMinutes(TimeSpan time) => Math.Ceiling(time / Minute) * Minute;

    private void Load()
    {
        if (!_policies.Reload())
        {
            return;
        }
        _deciders = _deciders.Where(entry => _policies.Policies.Contains(entry.Key)).ToDictionary();
        LogLoaded(_logger, _policies.Policies.Count);
        foreach (string error in _policies.Errors)
        {
            LogWrong(_logger, error);
        }
    }

    [LoggerMessage(EventName = "scaling.policies.loaded", Level = LogLevel.Information, Message = "{Count} scaling policies in use")]
    private static partial void LogLoaded(ILogger logger, int count);

    [LoggerMessage(EventName = "scaling.policies.wrong", Level = LogLevel.Error, Message = "Scaling policies not loaded, the last good ones stand: {Error}")]
    private static partial void LogWrong(ILogger logger, string error);
}

/// <summary>Policies and decisions of one moment.</summary>
public sealed class Snapshot
{
    private readonly TaskCompletionSource _superseded;
    private readonly Dictionary<string, string> _owners;

    /// <summary>Policies that the scope leaves out because it is not known whose they are.</summary>
    private readonly IReadOnlyList<ScalingPolicy> _unowned = [];

    /// <param name="policies">The policies.</param>
    /// <param name="decisions">Decisions, by policy.</param>
    /// <param name="undecided">Why there is none, by policy.</param>
    /// <param name="owners">Owner of each policy's SLO, by policy; of those it leaves out it is not known.</param>
    internal Snapshot(IReadOnlyList<ScalingPolicy> policies, Dictionary<string, ScalingDecision> decisions, Dictionary<string, string> undecided, Dictionary<string, string> owners)
    {
        (Policies, Decisions, Undecided, _owners) = (policies, decisions, undecided, owners);
        _superseded = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private Snapshot(Snapshot all, TenantScope scope)
    {
        Policies = [.. all.Policies.Where(policy => all._owners.TryGetValue(policy.Name, out string? owner) && scope.Covers(owner))];
        _unowned = [.. all.Policies.Where(policy => !all._owners.ContainsKey(policy.Name))];
        HashSet<string> names = [.. Policies.Select(policy => policy.Name)];
        Decisions = all.Decisions.Where(decision => names.Contains(decision.Key)).ToDictionary();
        (Undecided, _owners, _superseded) = (all.Undecided, all._owners, all._superseded);
    }

    /// <summary>What of it a tenant may see: the policies whose SLO is his, as far as that is known.</summary>
    public Snapshot In(TenantScope scope) => scope.Tenant is null ? this : new Snapshot(this, scope);

    /// <summary>All policies.</summary>
    public IReadOnlyList<ScalingPolicy> Policies { get; }

    /// <summary>Decisions, by name of the policy.</summary>
    public IReadOnlyDictionary<string, ScalingDecision> Decisions { get; }

    /// <summary>Why there is no decision yet, by name of the policy.</summary>
    public IReadOnlyDictionary<string, string> Undecided { get; }

    /// <summary>Completes when there are newer decisions.</summary>
    public Task Superseded => _superseded.Task;

    /// <summary>The policy that somebody asks for.</summary>
    /// <param name="name">What he calls it.</param>
    /// <param name="isMeant">Whether it is a policy.</param>
    /// <exception cref="GrpcStatusException">There is none, or it is not known yet whose it is.</exception>
    internal ScalingPolicy Find(string name, Func<ScalingPolicy, bool> isMeant) =>
        Policies.FirstOrDefault(isMeant) is { } found ? found
        : _unowned.FirstOrDefault(isMeant) is { } unowned ? throw new GrpcStatusException(GrpcStatusCode.Unavailable, $"scaling policy '{name}' is not known to be yours yet: {Undecided[unowned.Name]}")
        : throw new GrpcStatusException(GrpcStatusCode.NotFound, $"there is no scaling policy '{name}'; known are {string.Join(", ", Policies.Select(policy => policy.Name))}");

    internal void Complete() => _superseded.TrySetResult();
}
