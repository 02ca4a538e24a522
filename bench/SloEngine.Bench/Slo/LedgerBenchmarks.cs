using BenchmarkDotNet.Attributes;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Bench.Slo;

/// <summary>
/// What SLOs cost: an evaluation of all of them, which happens each second, and a sample that one of them looks at, or none. A hundred thousand
/// objectives take 6 GB.
/// </summary>
[MemoryDiagnoser]
public class LedgerBenchmarks : IDisposable
{
    private const int Samples = 1000;
    private static readonly DateTimeOffset Now = new(2026, 2, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Clock _clock = new() { Now = Now.AddDays(-31) };
    private Ledger _ledger = null!;
    private SloEvaluator _evaluator = null!;
    private ServiceLevelObjective[] _slos = [];
    private SeriesTap?[] _taps = [];
    private long _second;

    /// <summary>Objectives.</summary>
    [Params(1, 100_000)]
    public int Objectives { get; set; }

    /// <summary>Fills every ring of every objective.</summary>
    [GlobalSetup]
    public void Fill()
    {
        _ledger = new Ledger(new NoStore(), _clock);
        _slos = [.. Enumerable.Range(0, Objectives).Select(Slo)];
        _ledger.SetSlosAsync(_slos, CancellationToken.None).GetAwaiter().GetResult();
        _taps = [.. _slos.Select((_, index) => _ledger.Bind(new SeriesView(
            $"requests_{index}", $"requests_{index}", SeriesKind.Counter, IsDelta: false, new Dictionary<string, string> { ["code"] = "200" }, [], "process")))];
        double[] hoursAgo = [30 * 24, 71, 12, 2, 0];
        for (int step = 0; step < hoursAgo.Length; step++)
        {
            _clock.Now = Now.AddHours(-hoursAgo[step]);
            using Lock.Scope batch = _ledger.BeginBatch();
            foreach (SeriesTap? tap in _taps)
            {
                tap!.Number(Nanos(Now.AddDays(-30.5)), Nanos(_clock.Now), (step + 1) * 1000);
            }
        }
        _evaluator = new SloEvaluator(_ledger);
        Console.WriteLine($"// {_ledger.Bytes / Objectives} bytes of rings an objective, {GC.GetTotalMemory(forceFullCollection: true) / Objectives} in all");
    }

    /// <summary>Eight windows of each objective, and whether any of its policies holds.</summary>
    [Benchmark]
    public int EvaluateAll()
    {
        int burning = 0;
        foreach (ServiceLevelObjective slo in _slos)
        {
            burning += _evaluator.IsQuiet(slo, Now) ? 0 : 1;
        }
        return burning;
    }

    /// <summary>A sample of a counter that an indicator looks at, ten seconds after the one before.</summary>
    [Benchmark(OperationsPerInvoke = Samples)]
    public void Tapped() => Pass(_taps[0], 10_000_000_000);

    /// <summary>A sample a minute after the one before: each opens a slot of every tier but the coarsest two.</summary>
    [Benchmark(OperationsPerInvoke = Samples)]
    public void TappedEachMinute() => Pass(_taps[0], 60_000_000_000);

    /// <summary>A sample within the slot under way: of one of many series of an indicator, or of one that is exported each second.</summary>
    [Benchmark(OperationsPerInvoke = Samples)]
    public void TappedWithinASlot() => Pass(_taps[0], 1000);

    /// <summary>A sample that no indicator looks at: the collector asks whether there is a tap.</summary>
    [Benchmark(OperationsPerInvoke = Samples)]
    public void Untapped() => Pass(null, 1000);

    private void Pass(SeriesTap? tap, long step)
    {
        long start = Nanos(Now.AddDays(-30.5));
        long time = Nanos(_clock.Now);
        _clock.Now = DateTimeOffset.UnixEpoch.AddTicks((time + (Samples * step)) / 100);
        using Lock.Scope batch = _ledger.BeginBatch();
        for (int sample = 0; sample < Samples; sample++)
        {
            _second++;
            time += step;
            tap?.Number(start, time, 10_000 + _second);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ledger?.Dispose();
        GC.SuppressFinalize(this);
    }

    private static ServiceLevelObjective Slo(int index) => new()
    {
        Id = $"slo-{index}",
        DisplayName = $"slo-{index}",
        Service = "service",
        Objective = 0.999,
        Indicator = new Indicator(
            "ratio",
            new MetricMeasure($"requests_{index}", [new Matcher("code", "!=", "500")], MetricPart.Increase),
            new MetricMeasure($"requests_{index}", [], MetricPart.Increase),
            PartIsBad: false),
        Policies =
        [
            Policy("fast-burn", Severity.Page, 1, 5 / 60d, 14.4), Policy("burn", Severity.Page, 6, 0.5, 6),
            Policy("slow-burn", Severity.Ticket, 24, 2, 3), Policy("creep", Severity.Ticket, 72, 4, 1),
        ],
    };

    private static BurnPolicy Policy(string name, Severity severity, double longHours, double shortHours, double factor) =>
        new(name, severity, TimeSpan.FromHours(longHours), TimeSpan.FromHours(shortHours), factor, TimeSpan.Zero);

    private static long Nanos(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks * 100;

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public override DateTimeOffset GetUtcNow() => Now;
    }

    private sealed class NoStore : ILedgerStore
    {
        public Task AppendAsync(IReadOnlyList<LedgerIncrement> increments, string token, CancellationToken cancellation) => Task.CompletedTask;

        public Task<IReadOnlyList<LedgerIncrement>> ReadOthersAsync(string? key, DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);

        public Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string key, DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);
    }
}
