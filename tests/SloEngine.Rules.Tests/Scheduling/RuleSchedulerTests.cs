using System.Buffers;
using Microsoft.Extensions.Logging.Abstractions;
using SloEngine.PromQL;
using SloEngine.PromQL.Histograms;
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
        RuleScheduler scheduler = Scheduler(catchUp: TimeSpan.FromHours(1));
        _store.Refuses = true;
        for (int minute = 0; minute < 120; minute++)
        {
            await Assert.ThrowsAsync<StoreException>(() => scheduler.TickAsync(default));
            _clock.NowMs += 60_000;
        }
        _store.Refuses = false;

        await scheduler.TickAsync(default);

        Assert.InRange(_store.Evaluations, 59, 61);
    }

    [Theory]
    [InlineData(48, 5, 300)]
    [InlineData(4, 5, 240)]
    [InlineData(0, 5, 1)]
    public async Task A_long_downtime_is_caught_up_with_as_far_back_as_is_set(int catchUpHours, int hoursDown, int evaluations)
    {
        Write("- record: answer\n  expr: vector(42)\n- alert: Fires\n  expr: vector(1)");
        Add("answer", _clock.NowMs - (hoursDown * 3_600_000L), 42);
        RuleScheduler scheduler = Scheduler(catchUp: TimeSpan.FromHours(catchUpHours));

        await scheduler.TickAsync(default);
        int caughtUp = _store.Evaluations;
        _clock.NowMs += 61_000;
        await scheduler.TickAsync(default);

        Assert.InRange(caughtUp, evaluations - 1, evaluations + 1);
        Assert.InRange(_store.Evaluations, caughtUp + 1, caughtUp + 2);
        Assert.Single(_notifications.Alerts);
    }

    [Fact]
    public async Task Times_that_pass_while_the_server_is_too_slow_are_missed_and_counted()
    {
        Write("- record: answer\n  expr: vector(42)\n- alert: Fires\n  expr: vector(1)");
        RuleScheduler scheduler = Scheduler();
        await scheduler.TickAsync(default);
        using var counts = new CountListener();
        _clock.NowMs += 600_000;

        await scheduler.TickAsync(default);

        Assert.Equal(2, _store.Evaluations);
        Assert.Equal((10, 9), (counts["sloengine.rules.group.iterations"], counts["sloengine.rules.group.iterations_missed"]));
        Assert.Equal((2, 0), (counts["sloengine.rules.evaluations"], counts["sloengine.rules.evaluation_failures"]));
    }

    [Fact]
    public async Task A_group_that_hangs_holds_up_no_other()
    {
        File.WriteAllText(FilePath, "groups:\n- name: slow\n  rules: [{ record: slow, expr: hangs }]\n- name: app\n  rules: [{ record: quick, expr: vector(1) }]");
        var hanging = new HangingSeries();
        RuleScheduler scheduler = Scheduler(_ => hanging);

        Task tick = scheduler.TickAsync(default);
        await hanging.Reached.Task;
        await _store.Inserted.Task;

        Assert.Equal((false, 1), (tick.IsCompleted, _store.Evaluations));
        hanging.Released.SetResult();
        await tick;
        Assert.All(scheduler.Groups, group => Assert.NotNull(group.LastMs));
    }

    [Fact]
    public async Task Rules_of_a_tenant_read_its_series_and_others_are_of_the_default()
    {
        Directory.CreateDirectory(Path.Combine(_folder.FullName, "tenants", "acme"));
        File.WriteAllText(Path.Combine(_folder.FullName, "tenants", "acme", "rules.yml"), "groups: [{ name: own, rules: [{ record: seen, expr: input }] }]");
        File.WriteAllText(Path.Combine(_folder.FullName, "tenants", "rules.yml"), "groups: [{ name: nobodys, rules: [{ record: seen, expr: input }] }]");
        Directory.CreateDirectory(Path.Combine(_folder.FullName, "tenants", "?"));
        File.WriteAllText(Path.Combine(_folder.FullName, "tenants", "?", "rules.yml"), "groups: []");
        Write("- record: seen\n  expr: input");
        var asked = new System.Collections.Concurrent.ConcurrentBag<string>();
        var catalog = new RuleCatalog(_folder.FullName, new ParserOptions(), static tenant => tenant != "?");
        RuleScheduler scheduler = Scheduler(tenant =>
        {
            asked.Add(tenant);
            return _stored;
        });

        await scheduler.TickAsync(default);
        catalog.Reload();

        Assert.Equal([("app", "default"), ("own", "acme")], scheduler.Groups.Select(group => (group.State.Group.Name, group.State.Group.Tenant)).Order());
        Assert.Equal(["acme", "default"], asked.Distinct().Order());
        Assert.Equal(
            [
                "tenants/?/rules.yml:1:1: '?' is no valid tenant name: letters, digits and !-_.*'(), at most 150",
                "tenants/rules.yml:1:1: a file directly below tenants belongs to nobody; expected tenants/TENANT/rules.yml",
            ],
            catalog.Errors.Select(error => error.ToString()).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Alertmanagers_are_told_again_and_of_the_end_for_a_while()
    {
        Write("- alert: Fires\n  expr: input > 1\n  for: 1m");
        Add("input", _clock.NowMs - 120_000, 2);
        RuleScheduler scheduler = Scheduler();
        var told = new List<string>();
        _notifications.OnEvaluated = (rule, timeMs) => told.Add(string.Join(' ', rule.TakeDue(timeMs, TimeSpan.FromSeconds(90)).Select(alert => alert.State)));

        // Pending, firing, too early to send again, again, and again after an Alertmanager had time to lose it.
        for (int minute = 0; minute < 4; minute++)
        {
            await scheduler.TickAsync(default);
            _clock.NowMs += 60_000;
        }
        Assert.Equal(["", "Firing", "", "Firing"], told);
        told.Clear();
        // The sample is too old by now.
        for (int minute = 0; minute < 20; minute++)
        {
            await scheduler.TickAsync(default);
            _clock.NowMs += 60_000;
        }
        Assert.Equal("Inactive", told[0]);
        Assert.Equal(8, told.Count(states => states == "Inactive"));
        Assert.All(told[16..], Assert.Empty);
    }

    [Fact]
    public async Task Histograms_that_a_rule_gives_are_stored_and_seen_by_later_rules()
    {
        Write("- record: recorded\n  expr: input\n- record: count\n  expr: histogram_count(recorded)");
        _stored.Add(Labels.Of([new("__name__", "input")]), _clock.NowMs - 100_000, new SequenceValue(0, new FloatHistogram { Count = 2.5, Sum = 1, Positive = BucketCounts.From(1, [2.5]) }));
        RuleScheduler scheduler = Scheduler();

        await scheduler.TickAsync(default);

        Assert.All(scheduler.Groups[0].State.Rules, rule => Assert.Null(rule.LastError));
        Assert.Equal(2, scheduler.Groups[0].LastSamples);
        Assert.Contains("float_histograms", _store.Tables);
        Assert.Contains("samples", _store.Tables);
    }

    [Fact]
    public async Task Later_rules_see_labels_by_the_other_names_that_queries_may_give_them()
    {
        Write("- record: by_route\n  expr: sum by (\"http.route\") (input)\n- record: of_route\n  expr: by_route{\"http.route\"=\"/x\"}");
        _stored.Add(Labels.Of([new("__name__", "input"), new("http_route", "/x")]), _clock.NowMs - 100_000, new SequenceValue(1, null));
        RuleScheduler scheduler = Scheduler(engine: new EngineOptions { OtherLabel = static name => name == "http.route" ? "http_route" : null });

        await scheduler.TickAsync(default);

        Assert.Equal(2, scheduler.Groups[0].LastSamples);
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

    private RuleScheduler Scheduler(Func<string, ISeriesSource>? sources = null, TimeSpan? catchUp = null, EngineOptions? engine = null) => new(
        new RuleCatalog(_folder.FullName, new ParserOptions(), static tenant => tenant != "?"), new PromQLEngine(engine ?? new EngineOptions()), sources ?? (_ => _stored), _store, _notifications,
        catchUp is { } time ? new RuleSchedulerOptions { CatchUp = time } : new RuleSchedulerOptions(), _clock, NullLogger<RuleScheduler>.Instance);

    private sealed class Clock : TimeProvider
    {
        public long NowMs { get; set; }

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(NowMs);
    }

    private sealed class Notifications : IRuleNotifier
    {
        public List<RuleAlert> Alerts { get; } = [];

        public Task NotifyAsync(RuleAlertNews news, CancellationToken cancellation)
        {
            Alerts.Add(news.Alert);
            return Task.CompletedTask;
        }

        public Action<AlertingState, long>? OnEvaluated { get; set; }

        public void Evaluated(RuleGroup group, AlertingState rule, long timeMs, TimeSpan interval) => OnEvaluated?.Invoke(rule, timeMs);
    }

    /// <summary>Series of which <c>hangs</c> is found only when it is released.</summary>
    private sealed class HangingSeries : ISeriesSource
    {
        public TaskCompletionSource Reached { get; } = new();

        public TaskCompletionSource Released { get; } = new();

        public async ValueTask<IReadOnlyList<SeriesData>> SelectAsync(SeriesSelection selection, CancellationToken cancellation)
        {
            if (selection.Matchers.Any(matcher => matcher.Value == "hangs"))
            {
                Reached.TrySetResult();
                await Released.Task;
            }
            return [];
        }
    }

    /// <summary>Sums of counters since it was made.</summary>
    private sealed class CountListener : IDisposable
    {
        private readonly System.Diagnostics.Metrics.MeterListener _listener = new();
        private readonly System.Collections.Concurrent.ConcurrentDictionary<string, long> _counts = new();

        public CountListener()
        {
            _listener.InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Meter.Name == "SloEngine.Rules")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((instrument, count, _, _) => _counts.AddOrUpdate(instrument.Name, count, (_, sum) => sum + count));
            _listener.Start();
        }

        public long this[string name] => _counts.GetValueOrDefault(name);

        public void Dispose() => _listener.Dispose();
    }

    /// <summary>A store that keeps nothing but the tokens of what is inserted.</summary>
    private sealed class TokenStore : IColumnStore
    {
        public List<string> Tokens { get; } = [];

        public List<string> Tables { get; } = [];

        /// <summary>Completes once a whole evaluation is stored.</summary>
        public TaskCompletionSource Inserted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool Refuses { get; set; }

        public int Evaluations => Tokens.ToArray().Count(token => token.StartsWith("rules/rules.yml/app/", StringComparison.Ordinal) && !token.EndsWith("/series", StringComparison.Ordinal));

        public ValueTask InsertAsync(NativeBlock block, string? deduplicationToken = null, CancellationToken cancellation = default)
        {
            if (Refuses)
            {
                throw new StoreException(0, "no");
            }
            lock (Tokens)
            {
                Tokens.Add(deduplicationToken!);
                Tables.Add(block.Table);
            }
            if (block.Table == "samples")
            {
                Inserted.TrySetResult();
            }
            return ValueTask.CompletedTask;
        }

        public ValueTask ExecuteAsync(string sql, CancellationToken cancellation = default) => throw new NotSupportedException();

        public ValueTask<QueryResult> QueryAsync(StoreQuery query, CancellationToken cancellation = default) => throw new NotSupportedException();

        public ValueTask QueryFormattedAsync(StoreQuery query, string format, IBufferWriter<byte> output, CancellationToken cancellation = default) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
