using BenchmarkDotNet.Attributes;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using static SloEngine.Bench.Slo.CountedSlos;

namespace SloEngine.Bench.Slo;

/// <summary>
/// A sample of each of a hundred series that an SLO of its own looks at, as a collector sees them: since the one before, every SLO has been evaluated and
/// saved, so that what was counted is in its windows already.
/// </summary>
public class TapBenchmarks : IDisposable
{
    private const int Objectives = 100;

    private readonly Clock _clock = new() { Now = new(2026, 2, 1, 0, 0, 0, TimeSpan.Zero) };
    private readonly ServiceLevelObjective[] _slos = [.. Enumerable.Range(0, Objectives).Select(Objective)];
    private Ledger _ledger = null!;
    private SloEvaluator _evaluator = null!;
    private SeriesTap[] _taps = [];
    private long _start;
    private long _time;
    private double _count;

    /// <summary>Seconds between samples of a series.</summary>
    [Params(1, 10, 60)]
    public int Interval { get; set; }

    /// <summary>Counts a first sample of each series.</summary>
    [GlobalSetup]
    public void Begin()
    {
        _ledger = new Ledger(new NoStore(), _clock);
        _ledger.SetSlosAsync(_slos, CancellationToken.None).GetAwaiter().GetResult();
        _evaluator = new SloEvaluator(_ledger);
        _taps = [.. Enumerable.Range(0, Objectives).Select(index => Tap(_ledger, index))];
        _start = Nanos(_clock.Now);
        Samples();
    }

    /// <summary>What happens between samples.</summary>
    [IterationSetup]
    public void Evaluate()
    {
        foreach (ServiceLevelObjective slo in _slos)
        {
            _evaluator.IsQuiet(slo, _clock.Now);
        }
        _ledger.SaveAsync(_ledger.TakeUnsaved(), "token", CancellationToken.None).GetAwaiter().GetResult();
        _clock.Now = _clock.Now.AddSeconds(Interval);
    }

    /// <summary>Counts one.</summary>
    [Benchmark(OperationsPerInvoke = Objectives)]
    public void Samples()
    {
        _time = Nanos(_clock.Now);
        _count++;
        using Lock.Scope batch = _ledger.BeginBatch();
        foreach (SeriesTap tap in _taps)
        {
            tap.Number(_start, _time, _count);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ledger?.Dispose();
        GC.SuppressFinalize(this);
    }
}
