using SloEngine.Slo.Ledger;

namespace SloEngine.Slo.Tests;

/// <summary>A clock that stands where it is set.</summary>
internal sealed class SetTime : TimeProvider
{
    public DateTimeOffset Now { get; set; }

    public override DateTimeOffset GetUtcNow() => Now;
}

/// <summary>A store that knows the tokens it has seen.</summary>
internal sealed class FlakyStore : ILedgerStore
{
    public HashSet<string> Tokens { get; } = [];

    public List<LedgerIncrement> Increments { get; } = [];

    /// <summary>What other nodes have appended.</summary>
    public List<LedgerIncrement> Others { get; } = [];

    /// <summary>Keys that other nodes' minutes were read of; null for all.</summary>
    public List<string?> OthersRead { get; } = [];

    public bool LoseNextAnswer { get; set; }

    /// <summary>What happens before a key is read; null for nothing.</summary>
    public Func<string, Task>? Reading { get; set; }

    public Task AppendAsync(IReadOnlyList<LedgerIncrement> increments, string token, CancellationToken cancellation)
    {
        if (Tokens.Add(token))
        {
            Increments.AddRange(increments);
        }
        if (LoseNextAnswer)
        {
            LoseNextAnswer = false;
            throw new IOException("the answer is lost");
        }
        return Task.CompletedTask;
    }

    public async Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string key, DateTimeOffset since, CancellationToken cancellation)
    {
        if (Reading is { } reading)
        {
            await reading(key);
        }
        return [.. Increments.Where(increment => increment.Key == key && increment.Minute >= since)];
    }

    public Task<IReadOnlyList<LedgerIncrement>> ReadOthersAsync(string? key, DateTimeOffset since, CancellationToken cancellation)
    {
        OthersRead.Add(key);
        return Task.FromResult<IReadOnlyList<LedgerIncrement>>([.. Others.Where(increment => (key is null || increment.Key == key) && increment.Minute >= since)]);
    }
}
