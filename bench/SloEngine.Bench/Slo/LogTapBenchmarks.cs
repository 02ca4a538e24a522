using System.Text;
using BenchmarkDotNet.Attributes;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Bench.Slo;

/// <summary>What a log record costs that an SLO looks at: by its service and severity, by a text or a pattern in its body, or by an attribute.</summary>
[MemoryDiagnoser]
public class LogTapBenchmarks : IDisposable
{
    private const int Records = 1000;
    private static readonly DateTimeOffset Now = new(2026, 2, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly byte[] Body = Encoding.UTF8.GetBytes("POST /cart/checkout took 1234 ms for customer 48213: payment declined by the gateway, the order is kept for later");

    private readonly Attributes _attributes = new();
    private Ledger _ledger = null!;

    /// <summary>What the part of the indicator asks of a record.</summary>
    [Params("severity", "contains", "matches", "attribute")]
    public string Condition { get; set; } = "";

    /// <summary>Makes an SLO of it.</summary>
    [GlobalSetup]
    public void Listen()
    {
        var all = new LogMeasure("shop", null, []);
        LogMeasure part = Condition switch
        {
            "severity" => all with { MinSeverity = 17 },
            "contains" => all with { BodyContains = "payment declined" },
            "matches" => all with { BodyMatches = "payment (declined|failed)" },
            _ => new LogMeasure("shop", null, [new Matcher("tenant", "=", "acme")]),
        };
        _ledger = new Ledger(new CountedSlos.NoStore(), new Clock());
        _ledger.SetSlosAsync(
            [
                new ServiceLevelObjective
                {
                    Id = "slo", DisplayName = "slo", Service = "shop", Objective = 0.999, Indicator = new Indicator("logs", part, all, PartIsBad: true),
                    Policies = BurnPresets.Of(BurnPreset.Sloth, 0.999, TimeSpan.FromDays(30)),
                },
            ],
            CancellationToken.None).GetAwaiter().GetResult();
    }

    /// <summary>A record that counts.</summary>
    [Benchmark(OperationsPerInvoke = Records)]
    public void Observe()
    {
        long nanos = (Now - DateTimeOffset.UnixEpoch).Ticks * 100;
        using Lock.Scope batch = _ledger.BeginBatch();
        for (int record = 0; record < Records; record++)
        {
            var view = new LogView { Service = "shop", Severity = 17, Body = Body, EventName = default, Attributes = _attributes, Row = 0 };
            _ledger.Observe(view, nanos + record);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ledger?.Dispose();
        GC.SuppressFinalize(this);
    }

    private sealed class Attributes : IRecordAttributes
    {
        public bool TryGetOwn(int row, ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value)
        {
            value = "acme"u8;
            return key.SequenceEqual("tenant"u8);
        }

        public bool TryGetOfResource(int row, string key, out string value)
        {
            value = "";
            return false;
        }
    }

    private sealed class Clock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => Now;
    }
}
