using FsCheck;
using FsCheck.Fluent;
using SloEngine.PromQL;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Testing;
using SloEngine.Slo.Export;
using SloEngine.Slo.Files;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;
using SloEngine.Slo.Queries;

namespace SloEngine.Slo.Tests;

/// <summary>Signs of life that are to come at intervals: those that are missing count as bad, once, and only where they are known to be missing.</summary>
public sealed class HeartbeatTests
{
    private const string File = """
        apiVersion: openslo/v1
        kind: SLO
        metadata: {name: probe}
        spec:
          service: shop
          indicator:
            metadata: {name: probe}
            spec:
              heartbeat: {metric: 'probe_success{job="shop"}', interval: 1m, op: gte, value: 1}
          timeWindow: [{duration: 2h, isRolling: true}]
          budgetingMethod: Occurrences
          objectives: [{target: 0.9}]
        """;

    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly SetTime _time = new() { Now = Start };
    private readonly FlakyStore _store = new();
    private readonly MemorySeries _series = new();

    [Fact]
    public async Task An_interval_without_a_sign_of_life_is_bad_and_each_counts_once_over_retries_and_restarts()
    {
        // A probe that says no in minutes 10 and 11, and is silent in 20 to 24.
        foreach (int minute in Enumerable.Range(0, 60).Where(minute => minute is < 20 or > 24))
        {
            Beat(minute * 60 + 30, minute is 10 or 11 ? 0 : 1);
        }
        Server server = await StartAsync();
        await server.RunUntilAsync(Start.AddMinutes(22).AddSeconds(5));
        _store.LoseNextAnswer = true;
        await server.RunUntilAsync(Start.AddMinutes(31));
        // Killed and there again at once, within minute 31: what came in it is known.
        server = await StartAsync();
        await server.RunUntilAsync(Start.AddMinutes(41));

        WindowSum sum = server.Sum();
        Assert.Equal((40 - 7, 40), (sum.Good, sum.Total));
        Assert.Equal(40, _store.Increments.Where(IsOfSlo).Select(increment => increment.Minute).Distinct().Count());
    }

    [Fact]
    public async Task What_is_missing_while_nobody_listened_does_not_count_and_what_came_later_does()
    {
        for (int minute = 0; minute < 10; minute++)
        {
            Beat(minute * 60 + 5);
        }
        Server server = await StartAsync();
        await server.RunUntilAsync(Start.AddMinutes(11).AddSeconds(30));

        // Down from 11:30 to 20:10; the sender has kept its points of minutes 15 and 16, the latter a no, and goes silent at 22.
        _time.Now = Start.AddMinutes(20).AddSeconds(10);
        server = await StartAsync();
        await server.RunUntilAsync(_time.Now.AddSeconds(20));
        Beat(15 * 60);
        Beat(15 * 60 + 40, 0);
        Beat(21 * 60 + 30);
        await server.RunUntilAsync(Start.AddMinutes(26));

        // Of minutes 0 to 10 the last is missing. Of 11 to 20 nobody listened to the whole; 14 ends with a yes, 15 has a no. 21 is there, 22 to 24 are missing.
        WindowSum sum = server.Sum();
        Assert.Equal((10 + 1 + 1, 11 + 2 + 4), (sum.Good, sum.Total));
    }

    [Fact]
    public async Task A_process_that_stood_still_did_not_listen()
    {
        Beat(30);
        Server server = await StartAsync();
        await server.RunUntilAsync(Start.AddMinutes(5).AddSeconds(30));
        _time.Now = Start.AddMinutes(10).AddSeconds(30);
        await server.RunUntilAsync(Start.AddMinutes(15));

        // Minutes 0 to 4 and 11 to 13.
        Assert.Equal((1, 8), (server.Sum().Good, server.Sum().Total));
    }

    [Fact]
    public async Task Nothing_is_missing_before_the_first_sign_of_life()
    {
        Beat(30 * 60 + 1);
        Server server = await StartAsync();
        await server.RunUntilAsync(Start.AddMinutes(40));

        Assert.Equal((1, 9), (server.Sum().Good, server.Sum().Total));
    }

    [Theory]
    [InlineData("15s", 15, 4 * 10)]
    [InlineData("5m", 300, 2)]
    public async Task Intervals_are_shorter_or_longer_than_a_minute(string interval, int seconds, int perTenMinutes)
    {
        for (int second = 1; second < 600; second += seconds)
        {
            Beat(second);
        }
        Server server = await StartAsync(File.Replace("interval: 1m, op: gte, value: 1", $"interval: {interval}", StringComparison.Ordinal));
        await server.RunUntilAsync(Start.AddMinutes(21));
        server = await StartAsync(File.Replace("interval: 1m, op: gte, value: 1", $"interval: {interval}", StringComparison.Ordinal));
        await server.RunUntilAsync(Start.AddMinutes(31).AddSeconds(10));

        // Ten minutes with, twenty without.
        Assert.Equal((perTenMinutes, perTenMinutes * 3), (server.Sum().Good, server.Sum().Total));
    }

    [Fact]
    public async Task Each_group_is_waited_for_on_its_own_and_those_beyond_the_most_count_together()
    {
        string file = File.Replace("{name: probe}\nspec", "{name: probe, annotations: {sloengine/group-by: instance, sloengine/max-groups: \"2\"}}\nspec", StringComparison.Ordinal);
        foreach ((string instance, int until) in (ReadOnlySpan<(string, int)>)[("a", 20), ("b", 10), ("c", 20), ("d", 5)])
        {
            for (int minute = 0; minute < until; minute++)
            {
                Beat(minute * 60 + 30, 1, instance);
            }
        }
        Server server = await StartAsync(file);
        await server.RunUntilAsync(Start.AddMinutes(21));

        Assert.Equal((20, 20), Of("probe{instance=\"a\"}"));
        Assert.Equal((10, 20), Of("probe{instance=\"b\"}"));
        Assert.Equal((25, 40), Of("probe{~others}"));
        Assert.Equal((55, 80), Of("probe"));

        (double, double) Of(string id) => (server.Sum(id).Good, server.Sum(id).Total);
    }

    [Fact]
    public void Streamed_and_evaluated_afterwards_intervals_come_to_the_same() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(60), Prop.ForAll(
        Arb.From(Gen.Choose(0, 5).ArrayOf(40)),
        Arb.From(Gen.Elements("10s", "30s", "1m", "5m")),
        (int[] minutes, string interval) =>
        {
            string file = File.Replace("interval: 1m", $"interval: {interval}", StringComparison.Ordinal)
                .Replace("{name: probe}\nspec", "{name: probe, annotations: {sloengine/group-by: instance}}\nspec", StringComparison.Ordinal);
            var rig = new HeartbeatTests();
            foreach ((int minute, int what) in minutes.Index())
            {
                // Yes of a, no of b, both, or nothing.
                if (what is 0 or 1 or 3)
                {
                    rig.Beat((minute * 60) + (what * 7), 1, "a");
                }
                if (what is 2 or 3)
                {
                    rig.Beat((minute * 60) + 59, what - 2, "b");
                }
            }
            Server server = rig.StartAsync(file).Result;
            for (DateTimeOffset until = Start.AddMinutes(1); until <= Start.AddMinutes(46); until = until.AddMinutes(1))
            {
                server.RunUntilAsync(until).Wait();
            }
            LedgerIncrement[] streamed = [.. rig._store.Increments.Where(IsOfSlo)];
            rig._store.Increments.RemoveAll(IsOfSlo);
            rig._store.Tokens.Clear();
            // The same store, a new server, which has all of it to catch up with.
            Server late = rig.StartAsync(file).Result;
            late.RunUntilAsync(rig._time.Now.AddMinutes(1)).Wait();

            DateTimeOffset last = Start.AddMinutes(40);
            Assert.Equal(streamed.Where(increment => increment.Minute < last), rig._store.Increments.Where(IsOfSlo).Where(increment => increment.Minute < last));
        }));

    [Theory]
    [InlineData("interval: 1m", "interval: 7s", "heartbeat.interval is 7s, expected whole minutes")]
    [InlineData("interval: 1m", "interval: 25s", "expected whole minutes of up to 7d, or seconds from 10s on that divide a minute")]
    [InlineData("interval: 1m, ", "", "heartbeat.interval is missing")]
    [InlineData("op: gte", "op: eq", "expected lte, lt, gte or gt")]
    [InlineData(", value: 1", "", "heartbeat.value is missing")]
    [InlineData("'probe_success{job=\"shop\"}'", "'sum(probe_success)'", "is to name a metric")]
    [InlineData("'probe_success{job=\"shop\"}'", "'probe_success{'", "not PromQL")]
    [InlineData("metric:", "metrics:", "unknown key")]
    public void A_wrong_field_is_refused_with_its_line_and_what_is_expected(string right, string wrong, string expected)
    {
        (IReadOnlyList<ServiceLevelObjective> slos, IReadOnlyList<SloFileError> errors) = SloFileReader.Read([("probe.yaml", File.Replace(right, wrong, StringComparison.Ordinal))]);

        Assert.Empty(slos);
        SloFileError error = Assert.Single(errors);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Equal(9, error.Line);
    }

    [Fact]
    public void What_is_written_reads_back_and_is_explained()
    {
        ServiceLevelObjective slo = Read(File) with { Tenant = "acme" };
        ServiceLevelObjective again = Read(OpenSloWriter.Write([slo]));

        Assert.Equal(slo.LedgerKey, again.LedgerKey);
        string text = SloExplanation.Of(again).Single().ToText();
        Assert.Contains("intervals of 1m with a point of probe_success{job=\"shop\"} gte 1", text, StringComparison.Ordinal);
        Assert.Contains("not while telemetry could not come", text, StringComparison.Ordinal);
    }

    private static bool IsOfSlo(LedgerIncrement increment) => increment.Key != ReceivingMinutes.Key;

    private void Beat(int second, double value = 1, string instance = "a") => _series.Add(
        Labels.Of([new("__name__", "probe_success"), new("job", "shop"), new("instance", instance)]), Start.AddSeconds(second).ToUnixTimeMilliseconds(), new SequenceValue(value));

    private async Task<Server> StartAsync(string file = File)
    {
        ServiceLevelObjective slo = Read(file);
        var ledger = new Ledger.Ledger(_store, _time);
        await ledger.SetSlosAsync([slo], default);
        var receiving = new ReceivingMinutes(_store, _time);
        return new Server(slo, ledger, receiving, new QueryCounter(
            ledger, _store, new PromQLEngine(new EngineOptions()), _ => _series, receiving, new QueryCounterOptions { MaxMinutes = 7 }, _time), _time);
    }

    private static ServiceLevelObjective Read(string file)
    {
        (IReadOnlyList<ServiceLevelObjective> slos, IReadOnlyList<SloFileError> errors) = SloFileReader.Read([("probe.yaml", file)]);
        Assert.Empty(errors);
        return Assert.Single(slos);
    }

    /// <summary>A server that ticks.</summary>
    private sealed class Server(ServiceLevelObjective slo, Ledger.Ledger ledger, ReceivingMinutes receiving, QueryCounter counter, SetTime time)
    {
        public async Task RunUntilAsync(DateTimeOffset end)
        {
            while (true)
            {
                try
                {
                    await receiving.TickAsync(default);
                }
                catch (IOException)
                {
                    // The answer was lost: the next tick tries again.
                }
                while (await counter.TickAsync([slo], static (_, failure) => Assert.IsType<IOException>(failure), default))
                {
                }
                if (time.Now >= end)
                {
                    return;
                }
                time.Now = time.Now.AddSeconds(5) < end ? time.Now.AddSeconds(5) : end;
            }
        }

        public WindowSum Sum(string? id = null) => ledger.Sum(id ?? slo.Id, time.Now, TimeSpan.FromHours(2));
    }
}
