using System.Globalization;
using Microsoft.Extensions.Logging;
using SloEngine.Scaling.Keda;
using SloEngine.Scaling.Signals;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Scaling.Tests;

/// <summary>A workload that counts requests into a ledger, and the evaluator over policy files, in a time that the test makes pass.</summary>
internal sealed class ScalingRig : IDisposable
{
    private readonly DirectoryInfo _files = Directory.CreateTempSubdirectory("sloengine-scaling-");
    private readonly FakeTime _time = new();
    private readonly MemoryStore _store = new();
    private readonly SloCatalog _slos;
    private Ledger _ledger = null!;
    private SeriesTap _tap = null!;
    private double _requests;
    private DateTimeOffset _exported;

    /// <param name="policy">The policies' file.</param>
    /// <param name="tenant">Who owns the SLO, and whose telemetry it is about; null for the operator, and that of all.</param>
    public ScalingRig(string policy, string? tenant = null)
    {
        Directory.CreateDirectory(Path.Combine(_files.FullName, "slos"));
        Directory.CreateDirectory(PolicyDirectory);
        File.WriteAllText(SloFile, """
            apiVersion: openslo/v1
            kind: SLO
            metadata: {name: web, annotations: {ANNOTATION}}
            spec:
              service: web
              indicator:
                metadata: {name: web}
                spec:
                  ratioMetric:
                    counter: true
                    bad: {metricSource: {type: Prometheus, spec: {query: 'requests_total{code=~"5.."}'}}}
                    total: {metricSource: {type: Prometheus, spec: {query: requests_total}}}
              timeWindow: [{duration: 30d, isRolling: true}]
              budgetingMethod: Occurrences
              objectives: [{target: 0.99}]
            """.Replace("ANNOTATION", tenant is null ? "" : $"sloengine/tenant: {tenant}", StringComparison.Ordinal));
        Write("web.yaml", policy);
        _slos = new SloCatalog(Path.Combine(_files.FullName, "slos"));
        _slos.Reload();
        Start();
    }

    public string PolicyDirectory => Path.Combine(_files.FullName, "scaling");

    private string SloFile => Path.Combine(_files.FullName, "slos", "web.yaml");

    public ScalingEvaluator Evaluator { get; private set; } = null!;

    public ExternalScaler Scaler => new(Evaluator, TenantScope.All);

    public ExternalScaler ScalerOf(string tenant) => new(Evaluator, TenantScope.Of(tenant));

    public SignalStream Signals => new(Evaluator);

    public List<string> Log { get; } = [];

    public int ExportSeconds { get; init; } = 10;

    public DateTimeOffset Now => _time.Now;

    /// <summary>A policy of 10 requests a second and replica, with more keys of its spec.</summary>
    public static string Policy(string name = "web", string target = "web", string spec = "") => $"""
        apiVersion: sloengine/v1
        kind: ScalingPolicy
        metadata: {"{"}name: {name}{"}"}
        spec:
          target: {"{"}namespace: shop, name: {target}{"}"}
          slo: web
          requestsPerReplica: 10
          window: 1m
          maxReplicas: 50
          {spec}
        """;

    public void Write(string file, string text)
    {
        string path = Path.Combine(PolicyDirectory, file);
        File.WriteAllText(path, text);
        File.SetLastWriteTimeUtc(path, _time.Now.UtcDateTime);
    }

    /// <summary>Traffic, exported every so many seconds; decided on each second.</summary>
    public void Serve(double requestsPerSecond, int seconds)
    {
        for (int second = 0; second < seconds; second++)
        {
            _time.Now = _time.Now.AddSeconds(1);
            _requests += requestsPerSecond;
            if (_time.Now.ToUnixTimeSeconds() % ExportSeconds == 0)
            {
                using Lock.Scope batch = _ledger.BeginBatch();
                _tap.Number(Nanos(FakeTime.Start), Nanos(_time.Now), _requests);
                _exported = _time.Now;
            }
            Evaluator.Evaluate();
        }
    }

    /// <summary>No telemetry at all; decided on each second.</summary>
    public void FallSilent(int seconds)
    {
        for (int second = 0; second < seconds; second++)
        {
            _time.Now = _time.Now.AddSeconds(1);
            Evaluator.Evaluate();
        }
    }

    public void RemoveSlo()
    {
        File.Delete(SloFile);
        _slos.Reload();
    }

    /// <summary>Ends the process and begins another one on the same store after a while.</summary>
    public async Task RestartAsync(int secondsDown)
    {
        await _store.AppendAsync(_ledger.TakeUnsaved(), "", default);
        Evaluator.Dispose();
        _time.Now = _time.Now.AddSeconds(secondsDown);
        Start();
        double counted = _requests;
        _tap.Restore(Nanos(FakeTime.Start), Nanos(_exported), counted, _ => counted);
    }

    public int? Desired(string policy = "web") => Evaluator.Latest.Decisions.GetValueOrDefault(policy)?.DesiredReplicas;

    public void Dispose()
    {
        Evaluator.Dispose();
        _files.Delete(recursive: true);
    }

    private void Start()
    {
        _ledger = new Ledger(_store, _time);
        _ledger.SetSlosAsync(_slos.Slos, default).GetAwaiter().GetResult();
        _tap = _ledger.Bind(new SeriesView(
            "requests_total", "requests", SeriesKind.Counter, IsDelta: false, new Dictionary<string, string> { ["code"] = "200" }, [], "process"))!;
        Evaluator = new ScalingEvaluator(new ScalingOptions(PolicyDirectory), _ledger, _slos, _time, new ListLogger(Log));
    }

    private static long Nanos(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks * 100;

    private sealed class FakeTime : TimeProvider
    {
        public static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public DateTimeOffset Now { get; set; } = Start;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;

        public override DateTimeOffset GetUtcNow() => Now;
    }

    private sealed class MemoryStore : ILedgerStore
    {
        private readonly SortedDictionary<(string Key, DateTimeOffset Minute), LedgerIncrement> _minutes = [];

        public Task AppendAsync(IReadOnlyList<LedgerIncrement> increments, string token, CancellationToken cancellation)
        {
            foreach (LedgerIncrement increment in increments)
            {
                LedgerIncrement before = _minutes.GetValueOrDefault((increment.Key, increment.Minute));
                _minutes[(increment.Key, increment.Minute)] = increment with { Good = before.Good + increment.Good, Total = before.Total + increment.Total };
            }
            return Task.CompletedTask;
        }

        public Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string key, DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>([.. _minutes.Values.Where(minute => minute.Key == key && minute.Minute >= since)]);

        public Task<IReadOnlyList<LedgerIncrement>> ReadOthersAsync(string? key, DateTimeOffset since, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);
    }

    private sealed class ListLogger(List<string> lines) : ILogger<ScalingEvaluator>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"{eventId.Name} {formatter(state, exception)}"));
    }
}
