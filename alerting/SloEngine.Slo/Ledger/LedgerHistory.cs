namespace SloEngine.Slo.Ledger;

/// <summary>What has been counted of a key until now.</summary>
/// <param name="Own">By this node: what is in the store, or on its way there.</param>
/// <param name="Others">By other nodes.</param>
/// <param name="OthersRead">When theirs was read.</param>
internal sealed record LedgerHistory(List<LedgerIncrement> Own, IReadOnlyList<LedgerIncrement> Others, DateTimeOffset OthersRead)
{
    /// <summary>By all nodes.</summary>
    public IReadOnlyList<LedgerIncrement> All => Others.Count == 0 ? Own : [.. Own, .. Others];
}
