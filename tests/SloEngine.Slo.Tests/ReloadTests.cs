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

    private (double Good, double Total) Slices() => _ledger.Sum("slo", _clock.Now, TimeSpan.FromHours(1)) is var sum ? (sum.Good, sum.Total) : default;

    private void Count(DateTimeOffset time, double good, double bad, params (string, string)[] labels)
    {
        using Lock.Scope batch = _ledger.BeginBatch();
        _ledger.Bind(OracleTests.Series("200", isDelta: true, labels))!.Number(0, OracleTests.Nanos(time), good);
        _ledger.Bind(OracleTests.Series("500", isDelta: true, labels))!.Number(0, OracleTests.Nanos(time), bad);
    }

    private static ServiceLevelObjective Sliced(double sliceTarget) =>
        OracleTests.Slo(BudgetingMethod.Timeslices) with { Objectives = [new Objective("", 0.9, sliceTarget)] };

    private static ServiceLevelObjective Other(TimeSpan window) => OracleTests.Slo(BudgetingMethod.Occurrences) with { Id = "other", Window = window };
}
