namespace SloEngine.PromQL.Evaluation;

/// <summary>Work on many series that several cores share: each takes a stretch of them.</summary>
internal static class SeriesParts
{
    /// <summary>Numbers that are worth another thread: it goes through them in about as much time as a few threads take to be woken.</summary>
    private const long WorthAThread = 50_000;

    /// <summary>Does work on series in as many parts as it is worth.</summary>
    /// <param name="series">How many there are.</param>
    /// <param name="numbers">Samples that are read for them and results that are made of them, together.</param>
    /// <param name="mostParts">Parts that there are at most.</param>
    /// <param name="run">Works on the series from one to before another.</param>
    /// <returns>What came of each part, in the order of the series.</returns>
    public static async ValueTask<T[]> RunAsync<T>(int series, long numbers, int mostParts, Func<int, int, T> run)
    {
        int parts = (int)Math.Clamp(numbers / WorthAThread, 1, Math.Max(1, Math.Min(mostParts, series)));
        if (parts == 1)
        {
            return [run(0, series)];
        }
        var others = new Task<T>[parts - 1];
        for (int part = 1; part < parts; part++)
        {
            (int from, int until) = (First(part), First(part + 1));
            others[part - 1] = Task.Run(() => run(from, until));
        }
        T own;
        try
        {
            own = run(0, First(1));
        }
        finally
        {
            await ((Task)Task.WhenAll(others)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        return [own, .. await Task.WhenAll(others)];

        int First(int part) => (int)((long)series * part / parts);
    }
}
