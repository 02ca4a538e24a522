using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Testing;

namespace SloEngine.Rules.Testing;

/// <summary>A file of rule tests (prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules).</summary>
internal sealed record RuleTestFile(string Path, IReadOnlyList<RuleTest> Tests)
{
    public IReadOnlyList<string> RuleFiles { get; init; } = [];

    public long EvaluationIntervalMs { get; init; }

    public IReadOnlyList<string> GroupOrder { get; init; } = [];

    public bool IsFuzzy { get; init; }
}

/// <summary>A test: series, and what rules and expressions give with them.</summary>
internal sealed record RuleTest(string Name, long Line)
{
    public long IntervalMs { get; init; }

    public long StartMs { get; init; }

    public IReadOnlyDictionary<string, string> ExternalLabels { get; init; } = new Dictionary<string, string>();

    public string ExternalUrl { get; init; } = "";

    public IReadOnlyList<(Labels Labels, IReadOnlyList<SequenceValue> Values)> Series { get; init; } = [];

    public IReadOnlyList<AlertExpectation> Alerts { get; init; } = [];

    public IReadOnlyList<QueryExpectation> Queries { get; init; } = [];

    /// <summary>The last time that is asked for, since the start.</summary>
    public long LastMs => Alerts.Select(static alert => alert.AtMs).Concat(Queries.Select(static query => query.AtMs)).DefaultIfEmpty(0).Max();
}

/// <summary>Alerts of one name that are to fire at a time.</summary>
internal sealed record AlertExpectation(long AtMs, string Name, long Line, IReadOnlyList<AlertTexts> Alerts);

/// <summary>Labels and annotations of an alert. Labels with empty values are kept: no alert has such.</summary>
internal sealed record AlertTexts(IReadOnlyList<KeyValuePair<string, string>> Labels, IReadOnlyList<KeyValuePair<string, string>> Annotations);

/// <summary>What an expression is to give at a time.</summary>
internal sealed record QueryExpectation(string Expression, long AtMs, long Line, IReadOnlyList<ExpectedSample> Samples);

/// <summary>A sample that is expected.</summary>
internal sealed record ExpectedSample(Labels Labels, double Value, FloatHistogram? Histogram);
