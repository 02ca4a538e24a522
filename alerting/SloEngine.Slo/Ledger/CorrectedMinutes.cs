using SloEngine.Slo.Model;

namespace SloEngine.Slo.Ledger;

/// <summary>What was counted together with what corrections add.</summary>
internal static class CorrectedMinutes
{
    /// <summary>Events that corrections add, of times that somebody asks for.</summary>
    /// <param name="corrections">The corrections.</param>
    /// <param name="key">Key of the SLO in the ledger.</param>
    /// <param name="since">Start of the times.</param>
    public static LedgerIncrement[] Added(IEnumerable<BudgetCorrection> corrections, string key, DateTimeOffset since) =>
    [
        .. from correction in corrections
           where correction.Kind == CorrectionKind.AddEvents && correction.To > since
           from minute in correction.Minutes()
           where minute.Minute >= since
           select new LedgerIncrement(key, correction.Group, minute.Minute, minute.Good, minute.Total),
    ];

    /// <summary>What was counted, which mostly comes in order, and what corrections add, in the order of time.</summary>
    public static IEnumerable<(LedgerIncrement Events, bool IsCorrection)> ByTime(IReadOnlyList<LedgerIncrement> counted, LedgerIncrement[] added)
    {
        IEnumerable<(LedgerIncrement Events, bool IsCorrection)> all = counted.Select(events => (events, false)).Concat(added.Select(events => (events, true)));
        bool isInOrder = added.Length == 0;
        for (int index = 1; index < counted.Count && isInOrder; index++)
        {
            isInOrder = counted[index].Minute >= counted[index - 1].Minute;
        }
        return isInOrder ? all : all.OrderBy(entry => entry.Events.Minute);
    }
}
