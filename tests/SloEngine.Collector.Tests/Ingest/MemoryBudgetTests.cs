using SloEngine.Collector.Ingest;

namespace SloEngine.Collector.Tests.Ingest;

public sealed class MemoryBudgetTests
{
    private static readonly CollectorOptions Patient = new() { MemoryBudgetBytes = 100, HoldTime = TimeSpan.FromMinutes(1) };

    [Fact]
    public async Task A_request_over_the_budget_waits_for_room()
    {
        var budget = new MemoryBudget(Patient, TimeProvider.System);
        await budget.AcquireAsync(60, default);

        ValueTask second = budget.AcquireAsync(60, default);
        Assert.False(second.IsCompleted);
        budget.Release(60);
        await second;

        Assert.Equal(60, budget.Used);
    }

    [Fact]
    public async Task Requests_are_granted_in_the_order_they_came_so_that_a_large_one_does_not_starve()
    {
        var budget = new MemoryBudget(Patient, TimeProvider.System);
        await budget.AcquireAsync(60, default);

        ValueTask large = budget.AcquireAsync(90, default);
        ValueTask small = budget.AcquireAsync(10, default);
        Assert.False(small.IsCompleted);
        budget.Release(60);
        await large;
        await small;

        Assert.Equal(100, budget.Used);
    }

    [Fact]
    public async Task A_request_larger_than_the_whole_budget_is_taken_when_nothing_else_is_in_flight()
    {
        var budget = new MemoryBudget(Patient, TimeProvider.System);

        await budget.AcquireAsync(1000, default);
        budget.Release(1000);

        Assert.Equal(0, budget.Used);
    }

    [Fact]
    public async Task A_request_that_finds_no_room_in_time_is_refused_for_a_while_and_leaves_the_queue()
    {
        var budget = new MemoryBudget(Patient with { HoldTime = TimeSpan.FromMilliseconds(1) }, TimeProvider.System);
        await budget.AcquireAsync(100, default);

        var refused = await Assert.ThrowsAsync<IngestUnavailableException>(() => budget.AcquireAsync(50, default).AsTask());
        budget.Release(100);
        await budget.AcquireAsync(100, default);

        Assert.Equal(Patient.RetryAfter, refused.RetryAfter);
        Assert.Equal(100, budget.Used);
    }

    [Fact]
    public async Task A_sender_that_leaves_gives_up_its_turn()
    {
        var budget = new MemoryBudget(Patient, TimeProvider.System);
        await budget.AcquireAsync(60, default);
        using var leaving = new CancellationTokenSource();

        Task gone = budget.AcquireAsync(90, leaving.Token).AsTask();
        ValueTask next = budget.AcquireAsync(50, default);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        budget.Release(60);
        await next;

        Assert.Equal(50, budget.Used);
    }
}
