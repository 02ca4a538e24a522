namespace SloEngine.PromQL.Evaluation;

/// <summary>
/// Samples that each step of a query looked at, as Prometheus counts them (util/stats, TotalSamplesPerStep): what several steps look at
/// counts for each of them. The inside of a subquery does not count, only what the function around it looks at.
/// </summary>
internal sealed class ScannedSamples
{
    private long[] _steps = [];
    private int _subqueries;

    /// <summary>Counts by step.</summary>
    public IReadOnlyList<long> BySteps => _steps;

    public void Begin(int steps) => _steps = new long[steps];

    public void Add(int step, long samples)
    {
        if (_subqueries == 0)
        {
            _steps[step] += samples;
        }
    }

    /// <summary>Counts for a part of an evaluation, which another thread adds to.</summary>
    public ScannedSamples Part() => new() { _steps = _subqueries == 0 ? new long[_steps.Length] : [], _subqueries = _subqueries };

    /// <summary>Adds what a part counted.</summary>
    public void Add(ScannedSamples part)
    {
        for (int step = 0; step < part._steps.Length; step++)
        {
            _steps[step] += part._steps[step];
        }
    }

    public void EnterSubquery() => _subqueries++;

    public void LeaveSubquery() => _subqueries--;
}
