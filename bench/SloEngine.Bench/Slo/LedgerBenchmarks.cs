using BenchmarkDotNet.Attributes;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using static SloEngine.Bench.Slo.CountedSlos;

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
        _slos = [.. Enumerable.Range(0, Objectives).Select(Objective)];
        _ledger.SetSlosAsync(_slos, CancellationToken.None).GetAwaiter().GetResult();
        _taps = [.. _slos.Select((_, index) => Tap(_ledger, index))];
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
}
