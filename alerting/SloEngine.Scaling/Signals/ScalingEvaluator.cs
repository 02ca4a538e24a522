using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using SloEngine.Scaling.Policies;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Burn;
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

    private readonly ScalingOptions _options;
    private readonly Ledger _ledger;
    private readonly SloCatalog _catalog;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private Dictionary<string, ScalingDecider> _deciders = [];
    private DateTime _loaded;
    private volatile Snapshot _snapshot = new([]);

    /// <summary>Creates the evaluator; it starts with the host.</summary>
    public ScalingEvaluator(ScalingOptions options, Ledger ledger, SloCatalog catalog, TimeProvider time, ILogger<ScalingEvaluator> logger)
    {
        (_options, _ledger, _catalog, _time, _logger) = (options, ledger, catalog, time, logger);
        Load();
    }

    /// <summary>Policies, from configuration: they are there before any data.</summary>
    public IReadOnlyList<ScalingPolicy> Policies { get; private set; } = [];

    /// <summary>The latest decisions, with a task that completes when there are newer ones.</summary>
    public Snapshot Latest => _snapshot;

    /// <summary>Decides on all policies once.</summary>
    public void Evaluate()
    {
        Load();
        DateTimeOffset now = _time.GetUtcNow();
        var decisions = new Dictionary<string, ScalingDecision>(StringComparer.Ordinal);
        foreach (ScalingPolicy policy in Policies)
        {
            decisions[policy.Name] = _deciders[policy.Name].Decide(Read(policy, now), now);
        }
        Snapshot before = _snapshot;
        _snapshot = new Snapshot(decisions);
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

    private ScalingInput Read(ScalingPolicy policy, DateTimeOffset now)
    {
        ServiceLevelObjective? slo = _catalog.Slos.FirstOrDefault(candidate => candidate.Id == policy.Slo);
        if (slo is null)
        {
            return default;
        }
        WindowSum requests = _ledger.Sum(slo.Id, now, policy.Window);
        return requests.Total > 0
            ? new ScalingInput(requests.Total / policy.Window.TotalSeconds, SloEvaluator.Rate(slo, _ledger.Sum(slo.Id, now, policy.BurnWindow)))
            : default;
    }

    private void Load()
    {
        if (_options.Directory is null)
        {
            return;
        }
        try
        {
            DateTime newest = Directory.EnumerateFiles(_options.Directory, "*.y*ml").Select(File.GetLastWriteTimeUtc)
                .Append(Directory.GetLastWriteTimeUtc(_options.Directory)).Max();
            if (newest == _loaded)
            {
                return;
            }
            _loaded = newest;
            IReadOnlyList<ScalingPolicy> policies = ScalingPolicyFile.ReadDirectory(_options.Directory);
            // An unchanged policy keeps its cooldown.
            Dictionary<string, ScalingDecider> deciders = policies.ToDictionary(
                policy => policy.Name,
                policy => Policies.Contains(policy) ? _deciders[policy.Name] : new ScalingDecider(policy));
            (Policies, _deciders) = (policies, deciders);
            LogLoaded(_logger, policies.Count);
        }
        catch (Exception wrong) when (wrong is FormatException or IOException or UnauthorizedAccessException)
        {
            LogWrong(_logger, wrong.Message);
        }
    }

    [LoggerMessage(EventName = "scaling.policies.loaded", Level = LogLevel.Information, Message = "{Count} scaling policies loaded")]
    private static partial void LogLoaded(ILogger logger, int count);

    [LoggerMessage(EventName = "scaling.policies.wrong", Level = LogLevel.Error, Message = "Scaling policies not loaded, the last good ones stand: {Error}")]
    private static partial void LogWrong(ILogger logger, string error);
}

/// <summary>Decisions of one moment, by policy.</summary>
public sealed class Snapshot
{
    private readonly TaskCompletionSource _superseded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal Snapshot(Dictionary<string, ScalingDecision> decisions) => Decisions = decisions;

    /// <summary>Decisions, by name of the policy.</summary>
    public IReadOnlyDictionary<string, ScalingDecision> Decisions { get; }

    /// <summary>Completes when there are newer decisions.</summary>
    public Task Superseded => _superseded.Task;

    internal void Complete() => _superseded.TrySetResult();
}
