using SloEngine.Slo.Burn;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Bench.Slo;

/// <summary>SLOs of four burn policies, eight windows each, over a counter of their own.</summary>
internal static class CountedSlos
{
    public static ServiceLevelObjective Objective(int index) => new()
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

    public static SeriesTap Tap(Ledger ledger, int index) => ledger.Bind(new SeriesView(
        $"requests_{index}", $"requests_{index}", SeriesKind.Counter, IsDelta: false, new Dictionary<string, string> { ["code"] = "200" }, [], "process"))!;

    private static BurnPolicy Policy(string name, Severity severity, double longHours, double shortHours, double factor) =>
        new(name, severity, TimeSpan.FromHours(longHours), TimeSpan.FromHours(shortHours), factor, TimeSpan.Zero);

    public static long Nanos(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks * 100;

    public sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public override DateTimeOffset GetUtcNow() => Now;
    }

    public sealed class NoStore : ILedgerStore
    {
        public Task AppendAsync(IReadOnlyList<LedgerIncrement> increments, string token, CancellationToken cancellation) => Task.CompletedTask;

        public Task<IReadOnlyList<LedgerIncrement>> ReadOthersAsync(string? key, DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);

        public Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string key, DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);
    }
}
