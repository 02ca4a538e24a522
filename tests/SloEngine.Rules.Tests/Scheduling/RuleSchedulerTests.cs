using System.Buffers;
using Microsoft.Extensions.Logging.Abstractions;
using SloEngine.PromQL;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.PromQL.Testing;
using SloEngine.Rules.Evaluation;
using SloEngine.Rules.Files;
using SloEngine.Rules.Scheduling;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;

namespace SloEngine.Rules.Tests.Scheduling;

public sealed class RuleSchedulerTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("sloengine-rules-");
    private readonly MemorySeries _stored = new();
    private readonly TokenStore _store = new();
    private readonly Notifications _notifications = new();
    private readonly Clock _clock = new() { NowMs = 1_800_000_000_000 };

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_group_is_evaluated_once_an_interval()
    {
        Write("- record: answer\n  expr: vector(42)");
        RuleScheduler scheduler = Scheduler();

        await scheduler.TickAsync(default);
        await scheduler.TickAsync(default);
        _clock.NowMs += 60_000;
        await scheduler.TickAsync(default);

        Assert.Equal(2, _store.Evaluations);
        Assert.Equal(2, _store.Tokens.Where(token => !token.EndsWith("/series", StringComparison.Ordinal)).Distinct().Count());
    }

    [Fact]
    public async Task A_clock_that_is_set_back_by_a_day_stops_neither_rules_nor_alerts_that_pend()
    {
        Write("- record: answer\n  expr: vector(42)\n- alert: Fires\n  expr: vector(1)\n  for: 2m");
        RuleScheduler scheduler = Scheduler();
        await scheduler.TickAsync(default);

        _clock.NowMs -= 86_400_000;
        for (int minute = 0; minute < 4; minute++)
        {
            await scheduler.TickAsync(default);
            _clock.NowMs += 60_000;
        }

        Assert.Equal(4, _store.Evaluations);
        Assert.Equal(RuleAlertState.Firing, Assert.Single(_notifications.Alerts).State);
    }

    [Fact]
    public async Task Recording_rules_catch_up_after_downtime()
    {
        Write("- record: answer\n  expr: vector(42)\n- alert: Fires\n  expr: vector(1)");
        Add("answer", _clock.NowMs - 600_000, 42);

        await Scheduler().TickAsync(default);

        Assert.InRange(_store.Evaluations, 10, 11);
        Assert.Single(_notifications.Alerts);
    }

    [Fact]
    public async Task Catching_up_is_bounded()
    {
        Write("- record: answer\n  expr: vector(42)");
        RuleScheduler scheduler = Scheduler();
        await scheduler.TickAsync(default);
        _clock.NowMs += 86_400_000;
        _store.Tokens.Clear();

        await scheduler.TickAsync(default);

        Assert.InRange(_store.Evaluations, 59, 61);
    }

    [Fact]
    public async Task Alerts_are_told_when_they_fire_and_when_they_are_over()
    {
        Write("- alert: Fires\n  expr: input > 1\n  for: 1m\n  labels: { severity: page }");
        Add("input", _clock.NowMs - 120_000, 2);
        RuleScheduler scheduler = Scheduler();

        await scheduler.TickAsync(default);
        Assert.Empty(_notifications.Alerts);
        _clock.NowMs += 60_000;
        await scheduler.TickAsync(default);
        Assert.Equal(RuleAlertState.Firing, Assert.Single(_notifications.Alerts).State);
        Add("input", _clock.NowMs + 1, 1);
        _clock.NowMs += 60_000;
        await scheduler.TickAsync(default);

        Assert.Equal([RuleAlertState.Firing, RuleAlertState.Inactive], _notifications.Alerts.Select(alert => alert.State));
    }

    [Fact]
    public async Task An_alert_that_fired_before_a_restart_is_not_told_again()
    {
        Write("- alert: Fires\n  expr: input > 1\n  for: 10m\n  labels: { severity: page }");
        Add("input", _clock.NowMs - 120_000, 2);
        long last = _clock.NowMs - 60_000;
        KeyValuePair<string, string>[] labels = [new("alertname", "Fires"), new("severity", "page")];
        _stored.Add(Labels.Of([.. labels, new("__name__", "ALERTS_FOR_STATE")]), last, new SequenceValue((last / 1000) - 900));
        _stored.Add(Labels.Of([.. labels, new("__name__", "ALERTS"), new("alertstate", "firing")]), last, new SequenceValue(1));
        RuleScheduler scheduler = Scheduler();

        await scheduler.TickAsync(default);

        Assert.Empty(_notifications.Alerts);
        RuleAlert alert = Assert.Single(Assert.IsType<AlertingState>(scheduler.Groups[0].State.Rules[0]).Alerts);
        Assert.Equal((RuleAlertState.Firing, last - 900_000), (alert.State, alert.ActiveSinceMs));
    }

    [Fact]
    public async Task A_file_that_breaks_leaves_its_groups_and_one_that_goes_resolves_its_alerts()
    {
        Write("- alert: Fires\n  expr: vector(1)");
        RuleScheduler scheduler = Scheduler();
        await scheduler.TickAsync(default);

        await File.WriteAllTextAsync(FilePath, "groups: 1");
        await scheduler.TickAsync(default);
        Assert.Single(scheduler.Groups);
        File.Delete(FilePath);
        await scheduler.TickAsync(default);

        Assert.Empty(scheduler.Groups);
        Assert.Equal([RuleAlertState.Firing, RuleAlertState.Inactive], _notifications.Alerts.Select(alert => alert.State));
    }

    [Fact]
    public async Task What_the_store_refuses_is_evaluated_again_under_the_same_token()
    {
        Write("- record: answer\n  expr: vector(42)");
        RuleScheduler scheduler = Scheduler();
        _store.Refuses = true;
        await Assert.ThrowsAsync<StoreException>(() => scheduler.TickAsync(default));
        _store.Refuses = false;

        await scheduler.TickAsync(default);

        Assert.Equal(1, _store.Evaluations);
    }

    private string FilePath => Path.Combine(_folder.FullName, "rules.yml");

    private void Write(string rules) => File.WriteAllText(FilePath, "groups:\n- name: app\n  rules:\n" + string.Join('\n', rules.Split('\n').Select(line => "  " + line)));

    private void Add(string metric, long timeMs, double value) =>
        _stored.Add(Labels.Of([new("__name__", metric)]), timeMs, new SequenceValue(value));

    private RuleScheduler Scheduler() => new(
        new RuleCatalog(_folder.FullName, new ParserOptions()), new PromQLEngine(new EngineOptions()), _stored, _store, _notifications,
        new RuleSchedulerOptions(), _clock, NullLogger<RuleScheduler>.Instance);

    private sealed class Clock : TimeProvider
    {
        public long NowMs { get; set; }

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(NowMs);
    }

    private sealed class Notifications : IRuleNotifier
    {
        public List<RuleAlert> Alerts { get; } = [];

        public Task NotifyAsync(RuleAlert alert, CancellationToken cancellation)
        {
            Alerts.Add(alert);
            return Task.CompletedTask;
        }
    }

    /// <summary>A store that keeps nothing but the tokens of what is inserted.</summary>
    private sealed class TokenStore : IColumnStore
    {
        public List<string> Tokens { get; } = [];

        public bool Refuses { get; set; }

        public int Evaluations => Tokens.Count(token => token.StartsWith("rules/rules.yml/app/", StringComparison.Ordinal) && !token.EndsWith("/series", StringComparison.Ordinal));

        public ValueTask InsertAsync(NativeBlock block, string? deduplicationToken = null, CancellationToken cancellation = default)
        {
            if (Refuses)
            {
                throw new StoreException(0, "no");
            }
            Tokens.Add(deduplicationToken!);
            return ValueTask.CompletedTask;
        }

        public ValueTask ExecuteAsync(string sql, CancellationToken cancellation = default) => throw new NotSupportedException();

        public ValueTask<QueryResult> QueryAsync(StoreQuery query, CancellationToken cancellation = default) => throw new NotSupportedException();

        public ValueTask QueryFormattedAsync(StoreQuery query, string format, IBufferWriter<byte> output, CancellationToken cancellation = default) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
