using System.Diagnostics.Metrics;

namespace SloEngine.Slo.Ledger;

/// <summary>How often events did not count as they came: noted as it happens, counted by the meter now and then. Guarded by the <see cref="Ledger"/>'s gate.</summary>
internal sealed class LedgerOddities : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _counter;
    private readonly long[] _noted = new long[Enum.GetValues<LedgerOddity>().Length];

    public LedgerOddities(string meterName)
    {
        _meter = new Meter(meterName);
        _counter = _meter.CreateCounter<long>(
            "sloengine.slo.events.odd", "{addition}", "Additions to the ledger that did not count as they came, by reason: too_late, duplicate, ahead, reset, excluded.");
    }

    /// <summary>Notes one.</summary>
    public void Note(LedgerOddity oddity) => _noted[(int)oddity]++;

    /// <summary>Tells the meter of what has been noted since the last time.</summary>
    public void Export()
    {
        for (int oddity = 0; oddity < _noted.Length; oddity++)
        {
            if (_noted[oddity] > 0)
            {
                _counter.Add(_noted[oddity], new KeyValuePair<string, object?>("reason", Name((LedgerOddity)oddity)));
                _noted[oddity] = 0;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private static string Name(LedgerOddity oddity) => oddity switch
    {
        LedgerOddity.TooLate => "too_late",
        LedgerOddity.Duplicate => "duplicate",
        LedgerOddity.Ahead => "ahead",
        LedgerOddity.Reset => "reset",
        _ => "excluded",
    };
}

/// <summary>What became of events that did not count as they came.</summary>
public enum LedgerOddity
{
    /// <summary>Older than the lateness budget: not counted.</summary>
    TooLate,
    /// <summary>A point that had been counted: not counted again.</summary>
    Duplicate,
    /// <summary>From a clock ahead of this one: counted now.</summary>
    Ahead,
    /// <summary>A counter that began again: counted from zero.</summary>
    Reset,
    /// <summary>In an announced exclusion: kept, and not counted.</summary>
    Excluded,
}
