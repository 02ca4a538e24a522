using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Tests;

/// <summary>What is counted, and answered, while SLOs are replaced by others.</summary>
public sealed class ReloadTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly SetTime _clock = new() { Now = Start };
    private readonly FlakyStore _store = new();
    private readonly Ledger.Ledger _ledger;

    public ReloadTests() => _ledger = new Ledger.Ledger(_store, _clock, since: Start);

    public void Dispose() => _ledger.Dispose();

    [Fact]
    public async Task An_SLO_whose_slices_are_judged_anew_answers_while_and_after_the_store_fails_for_another()
    {
        ServiceLevelObjective before = Sliced(0.8);
        await _ledger.SetSlosAsync([before, Other(TimeSpan.FromDays(7))], default);
        _clock.Now = Start.AddMinutes(5);
        Count(Start.AddMinutes(1), good: 90, bad: 10);
        Assert.Equal((1, 1), Slices());

        _store.Reading = key =>
        {
            if (!key.StartsWith("other", StringComparison.Ordinal))
            {
                return Task.CompletedTask;
            }
            Assert.Equal((0, 1), Slices());
            throw new IOException("the store is away");
        };
        await Assert.ThrowsAsync<IOException>(() => _ledger.SetSlosAsync([Sliced(0.95), Other(TimeSpan.FromDays(8))], default));

        Assert.Equal((0, 1), Slices());
        Assert.Equal((0, 1), _ledger.BudgetSum("slo", _clock.Now) is var budget ? (budget.Good, budget.Total) : default);
        _store.Reading = null;
        await _ledger.SetSlosAsync([Sliced(0.95), Other(TimeSpan.FromDays(8))], default);
        Assert.Equal((0, 1), Slices());
    }

    [Fact]
    public async Task An_objective_that_is_being_removed_answers_with_nothing()
    {
        ServiceLevelObjective both = OracleTests.Slo(BudgetingMethod.Timeslices) with { Objectives = [new Objective("one", 0.9, 0.8), new Objective("two", 0.9, 0.7)] };
        await _ledger.SetSlosAsync([both, Other(TimeSpan.FromDays(7))], default);
        _clock.Now = Start.AddMinutes(5);
        Count(Start.AddMinutes(1), good: 90, bad: 10);
        Assert.Equal(1, _ledger.Sum("slo/two", _clock.Now, TimeSpan.FromHours(1)).Total);

        _store.Reading = key => key.StartsWith("other", StringComparison.Ordinal) ? throw new IOException("the store is away") : Task.CompletedTask;
        await Assert.ThrowsAsync<IOException>(() => _ledger.SetSlosAsync([Sliced(0.95), Other(TimeSpan.FromDays(8))], default));

        Assert.Equal(default, _ledger.Sum("slo/two", _clock.Now, TimeSpan.FromHours(1)));
        Assert.Equal(default, _ledger.BudgetSum("slo/two", _clock.Now));
    }

    [Fact]
    public async Task What_other_nodes_have_counted_is_read_for_the_SLO_that_is_counted_anew_alone_and_is_there_all_the_time()
    {
        ServiceLevelObjective slo = OracleTests.Slo(BudgetingMethod.Occurrences);
        await _ledger.SetSlosAsync([slo, Other(TimeSpan.FromDays(7))], default);
        _clock.Now = Start.AddDays(5);
        // Older than what is read of other nodes now and then.
        _store.Others.Add(new LedgerIncrement(slo.LedgerKey, "", Start.AddMinutes(1), 8, 10));
        await _ledger.SetSlosAsync([slo with { Window = TimeSpan.FromDays(29) }, Other(TimeSpan.FromDays(7))], default);
        Assert.Equal(10, Total());
        _store.OthersRead.Clear();

        _store.Reading = key =>
        {
            Assert.Equal(10, Total());
            return key.StartsWith("other", StringComparison.Ordinal) ? throw new IOException("the store is away") : Task.CompletedTask;
        };
        ServiceLevelObjective[] changed = [slo with { Window = TimeSpan.FromDays(28) }, Other(TimeSpan.FromDays(8))];
        await Assert.ThrowsAsync<IOException>(() => _ledger.SetSlosAsync(changed, default));
        Assert.Equal(10, Total());
        _store.Reading = null;
        await _ledger.SetSlosAsync(changed, default);

        Assert.Equal(10, Total());
        Assert.Equal([slo.LedgerKey, changed[1].LedgerKey], _store.OthersRead);

        // What is more of it is added, what was there is not.
        _store.Others[0] = _store.Others[0] with { Total = 15 };
        await _ledger.RefreshOthersAsync(TimeSpan.FromDays(30), default);
        Assert.Equal(15, Total());
        using Ledger.Ledger copy = await _ledger.CopyAsync(changed[0], [], default);
        Assert.Equal(15, copy.Sum("slo", _clock.Now, TimeSpan.FromDays(20)).Total);

        double Total() => _ledger.Sum("slo", _clock.Now, TimeSpan.FromDays(20)).Total;
    }

    [Fact]
    public async Task Slices_that_other_nodes_counted_long_ago_are_judged_beside_those_of_this_node()
    {
        ServiceLevelObjective slo = Sliced(0.8);
        _clock.Now = Start.AddDays(9);
        _store.Increments.AddRange(Enumerable.Range(0, 2880).Select(minute => new LedgerIncrement(slo.LedgerKey, "", Start.AddDays(7).AddMinutes(minute), 10, 10)));
        _store.Others.AddRange(Enumerable.Range(0, 60).Select(minute => new LedgerIncrement(slo.LedgerKey, "", Start.AddMinutes(minute), 10, 10)));

        await _ledger.SetSlosAsync([slo], default);

        Assert.Equal(2940, _ledger.Sum("slo", _clock.Now.AddMinutes(1), TimeSpan.FromDays(20)).Total);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_comes_while_an_SLO_gets_other_groups_is_counted_once_and_stored(bool isTakenMeanwhile)
    {
        ServiceLevelObjective slo = OracleTests.Slo(BudgetingMethod.Occurrences) with { GroupBy = ["tenant"] };
        await _ledger.SetSlosAsync([slo, Other(TimeSpan.FromDays(7))], default);
        _clock.Now = Start.AddMinutes(5);
        Count(Start.AddMinutes(1), good: 1, bad: 0, ("tenant", "a"));
        SeriesTap earlier = _ledger.Bind(OracleTests.Series("200", isDelta: true, ("tenant", "b")))!;
        var taken = new List<IReadOnlyList<LedgerIncrement>>();

        // When the first SLO has its new ledger, and the store is read for the second.
        _store.Reading = key =>
        {
            if (key.StartsWith("other", StringComparison.Ordinal))
            {
                Count(Start.AddMinutes(2), good: 10, bad: 0, ("tenant", "a"));
                if (isTakenMeanwhile)
                {
                    taken.Add(_ledger.TakeUnsaved());
                }
            }
            return Task.CompletedTask;
        };
        await _ledger.SetSlosAsync([slo with { GroupBy = ["code"] }, Other(TimeSpan.FromDays(8))], default);
        _store.Reading = null;

        Assert.Equal(11, Total("slo"));
        // Taps of before tell until all are bound anew.
        Show(earlier, Start.AddMinutes(3), 100);
        taken.Add(_ledger.TakeUnsaved());
        Assert.Equal(111, Total("slo"));
        Show(earlier, Start.AddMinutes(3).AddSeconds(1), 1000);
        _ledger.Retapped();
        Count(Start.AddMinutes(4), good: 10_000, bad: 0, ("tenant", "a"));
        taken.Add(_ledger.TakeUnsaved());
        Assert.Equal(11_111, Total("slo"));
        Assert.Equal(10_000, Total("slo{code=\"200\"}"));
        Assert.Equal(11_111, taken.SelectMany(increments => increments).Where(increment => increment.Key == slo.LedgerKey).Sum(increment => increment.Total));
        Show(earlier, Start.AddMinutes(4), 1);
        Assert.DoesNotContain(_ledger.TakeUnsaved(), increment => increment.Key == slo.LedgerKey);

        double Total(string id) => _ledger.Sum(id, _clock.Now, TimeSpan.FromHours(1)).Total;
    }

    [Fact]
    public async Task Groups_count_on_in_their_ledger_when_the_store_fails_before_another_one_replaces_it()
    {
        ServiceLevelObjective slo = OracleTests.Slo(BudgetingMethod.Occurrences) with { GroupBy = ["tenant"] };
        await _ledger.SetSlosAsync([slo, Other(TimeSpan.FromDays(7))], default);
        _clock.Now = Start.AddMinutes(5);
        Count(Start.AddMinutes(1), good: 1, bad: 0, ("tenant", "a"));
        _store.Reading = key => key.StartsWith("other", StringComparison.Ordinal) ? throw new IOException("the store is away") : Task.CompletedTask;
        await Assert.ThrowsAsync<IOException>(() => _ledger.SetSlosAsync([slo with { GroupBy = ["code"] }, Other(TimeSpan.FromDays(8))], default));

        Count(Start.AddMinutes(2), good: 10, bad: 0, ("tenant", "a"));

        Assert.Equal(11, _ledger.Sum("slo{tenant=\"a\"}", _clock.Now, TimeSpan.FromHours(1)).Total);
        _store.Reading = null;
        await _ledger.SetSlosAsync([slo, Other(TimeSpan.FromDays(7))], default);
        _ledger.TakeUnsaved();
        Assert.Equal(11, _ledger.Sum("slo", _clock.Now, TimeSpan.FromHours(1)).Total);
    }

    private (double Good, double Total) Slices() => _ledger.Sum("slo", _clock.Now, TimeSpan.FromHours(1)) is var sum ? (sum.Good, sum.Total) : default;

    private void Count(DateTimeOffset time, double good, double bad, params (string, string)[] labels)
    {
        using Lock.Scope batch = _ledger.BeginBatch();
        _ledger.Bind(OracleTests.Series("200", isDelta: true, labels))!.Number(0, OracleTests.Nanos(time), good);
        _ledger.Bind(OracleTests.Series("500", isDelta: true, labels))!.Number(0, OracleTests.Nanos(time), bad);
    }

    private void Show(SeriesTap tap, DateTimeOffset time, double value)
    {
        using Lock.Scope batch = _ledger.BeginBatch();
        tap.Number(0, OracleTests.Nanos(time), value);
    }

    private static ServiceLevelObjective Sliced(double sliceTarget) =>
        OracleTests.Slo(BudgetingMethod.Timeslices) with { Objectives = [new Objective("", 0.9, sliceTarget)] };

    private static ServiceLevelObjective Other(TimeSpan window) => OracleTests.Slo(BudgetingMethod.Occurrences) with { Id = "other", Window = window };
}
