using SloEngine.Alerting.Alerts;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Alerting.Backtests;

/// <summary>
/// One set of SLOs with their policies over a stretch of history: whoever has the history shows it, step by step, to <see cref="Ledger"/>.
/// Ledger, evaluator and the rules of alerts are those that run in a server; only the clock is another one.
/// </summary>
public sealed class Backtest : IDisposable
{
    private const int BudgetPoints = 60;

    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    /// <summary>How long to wait for events beyond what queries wait.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    /// <summary>After so long, in whole minutes, events have been counted, by queries too.</summary>
    private readonly TimeSpan _settled;
    private readonly BacktestRange _range;
    private readonly ReplayClock _clock;
    private readonly SloEvaluator _evaluator;
    private readonly AlertStates _states;
    private readonly TimeSpan _budgetStep;
    private readonly Curve[] _curves;
    private readonly List<BacktestAlert> _alerts = [];
    private readonly Dictionary<(string Slo, string Severity), int> _firing = [];
    private DateTimeOffset _countedUntil;
    private DateTimeOffset _nextBudget;

    private Backtest(string name, IReadOnlyList<ServiceLevelObjective> slos, BacktestRange range, TimeSpan queryDelay)
    {
        (Name, Slos, _range) = (name, slos, range);
        _settled = (Math.Ceiling(queryDelay / Minute) * Minute) + Patience;
        Begin = range.From - slos.Max(slo => slo.Window);
        _clock = new ReplayClock(Begin);
        Ledger = new Ledger(NoLedgerStore.Instance, _clock, options: LedgerOptions.Default with { MeterName = "SloEngine.Slo.Backtest" });
        _evaluator = new SloEvaluator(Ledger);
        _states = new AlertStates(_evaluator, new AlertingOptions());
        _curves = [.. slos.SelectMany(slo => slo.Each()).Select(slo => new Curve(slo))];
        (_countedUntil, _nextBudget) = (range.From, range.From);
        _budgetStep = (range.To - range.From) / BudgetPoints;
    }

    /// <summary>Name of the set of policies.</summary>
    public string Name { get; }

    /// <summary>The SLOs.</summary>
    public IReadOnlyList<ServiceLevelObjective> Slos { get; }

    /// <summary>Where history is to be shown from: a budget's window before the range, so that budgets are as they were at its start.</summary>
    public DateTimeOffset Begin { get; }

    /// <summary>Counts what is shown.</summary>
    public Ledger Ledger { get; }

    /// <summary>Begins a backtest.</summary>
    /// <param name="name">Name of the set of policies.</param>
    /// <param name="slos">The SLOs, at least one.</param>
    /// <param name="range">The range.</param>
    /// <param name="queryDelay">How long after its end a minute is shown that queries count.</param>
    /// <param name="cancellation">Ends it early.</param>
    public static async Task<Backtest> BeginAsync(
        string name, IReadOnlyList<ServiceLevelObjective> slos, BacktestRange range, TimeSpan queryDelay, CancellationToken cancellation)
    {
        var backtest = new Backtest(name, slos, range, queryDelay);
        await backtest.Ledger.SetSlosAsync(slos, cancellation);
        return backtest;
    }

    /// <summary>Sets the clock: what is shown next came by then.</summary>
    public void MoveTo(DateTimeOffset now) => _clock.Now = now;

    /// <summary>Evaluates all SLOs at the clock's time, once it is in the range.</summary>
    public void Evaluate()
    {
        DateTimeOffset now = _clock.Now;
        if (now < _range.From)
        {
            return;
        }
        AlertRound round = _states.Evaluate(Slos, now);
        _states.Accept(round);
        foreach (Alert alert in round.Changed)
        {
            Note(alert);
        }
        CountUntil(now >= _range.To ? now : now - _settled);
        if (now >= _nextBudget)
        {
            foreach (Curve curve in _curves)
            {
                SloStatus status = _evaluator.Evaluate(curve.Slo, now);
                curve.Points.Add(new BudgetPoint(now, status.AllowedBad > 0 ? status.BudgetRemaining : null));
            }
            _nextBudget += _budgetStep;
        }
    }

    /// <summary>What it came to.</summary>
    /// <param name="incidents">What went wrong; none when that is not known.</param>
    /// <param name="grace">How long after an incident's end alerts still tell of it.</param>
    public BacktestResult Result(IReadOnlyList<Incident> incidents, TimeSpan grace)
    {
        (Detection? detection, IReadOnlyList<BacktestAlert> alerts) = incidents.Count == 0 ? (null, _alerts) : Detection.Of(incidents, grace, _range, _alerts);
        int pages = alerts.Count(alert => alert.Severity == "page");
        return new BacktestResult
        {
            Name = Name,
            Slos = [.. _curves.Select(curve => curve.Finish())],
            Alerts = alerts,
            Pages = pages,
            Tickets = alerts.Count - pages,
            PagesPerWeek = pages / _range.Weeks,
            TicketsPerWeek = (alerts.Count - pages) / _range.Weeks,
            Detection = detection,
        };
    }

    /// <inheritdoc/>
    public void Dispose() => Ledger.Dispose();

    /// <summary>Adds up the events of another hour, or what is left of the range.</summary>
    private void CountUntil(DateTimeOffset end)
    {
        if (end.Ticks % TimeSpan.TicksPerMinute != 0 || (end - _countedUntil < Hour && end < _range.To))
        {
            return;
        }
        foreach (Curve curve in _curves)
        {
            // The minute that begins at the end is not over.
            curve.Add(Ledger.MinuteSum(curve.Slo.Id, end.AddTicks(-1), end - _countedUntil));
        }
        _countedUntil = end;
    }

    private void Note(Alert alert)
    {
        (string, string) key = (alert.Slo, alert.Severity);
        if (alert.State == AlertState.Firing)
        {
            ServiceLevelObjective slo = Slos.SelectMany(_evaluator.Evaluated).First(slo => slo.Id == alert.Slo);
            _firing[key] = _alerts.Count;
            _alerts.Add(new BacktestAlert
            {
                Slo = alert.Slo,
                Parent = slo.Parent,
                Severity = alert.Severity,
                Policy = BacktestPolicy.Of(slo.Policies.First(policy => policy.Name == alert.Policy)),
                Start = alert.FiredAt!.Value,
                Burn = alert.Value,
            });
        }
        else if (alert.State == AlertState.Resolved && _firing.Remove(key, out int index))
        {
            _alerts[index] = _alerts[index] with { End = alert.ResolvedAt };
        }
    }

    /// <summary>What is noted of an SLO on the way.</summary>
    private sealed class Curve(ServiceLevelObjective slo)
    {
        private double _good;
        private double _total;

        public ServiceLevelObjective Slo => slo;

        public List<BudgetPoint> Points { get; } = [];

        public void Add(WindowSum sum) => (_good, _total) = (_good + sum.Good, _total + sum.Total);

        public BacktestedSlo Finish() => new()
        {
            Slo = slo.Id,
            Objective = slo.Objective,
            WindowSeconds = slo.Window.TotalSeconds,
            Good = _good,
            Total = _total,
            Policies = [.. slo.Policies.Select(BacktestPolicy.Of)],
            Budget = Points,
        };
    }

    /// <summary>History is counted anew: nothing is read, nothing kept.</summary>
    private sealed class NoLedgerStore : ILedgerStore
    {
        public static readonly NoLedgerStore Instance = new();

        private static readonly Task<IReadOnlyList<LedgerIncrement>> Nothing = Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);

        public Task AppendAsync(IReadOnlyList<LedgerIncrement> increments, string token, CancellationToken cancellation) => Task.CompletedTask;

        public Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string key, DateTimeOffset since, CancellationToken cancellation) => Nothing;

        public Task<IReadOnlyList<LedgerIncrement>> ReadOthersAsync(string? key, DateTimeOffset since, CancellationToken cancellation) => Nothing;
    }
}
