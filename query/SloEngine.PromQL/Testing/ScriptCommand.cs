using System.Text.RegularExpressions;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Testing;

/// <summary>A command of a script.</summary>
/// <param name="Line">Its line, from 1.</param>
internal abstract record ScriptCommand(int Line);

/// <summary>Removes all series.</summary>
internal sealed record ClearCommand(int Line) : ScriptCommand(Line);

/// <summary>Adds series.</summary>
/// <param name="Line">Its line.</param>
/// <param name="IntervalMs">Time between values.</param>
/// <param name="WithCustomBuckets">Whether classic histograms are added as native ones, too.</param>
/// <param name="Series">The series.</param>
internal sealed record LoadCommand(int Line, long IntervalMs, bool WithCustomBuckets, IReadOnlyList<LoadedSeries> Series) : ScriptCommand(Line);

/// <summary>A series to add.</summary>
/// <param name="Labels">Labels.</param>
/// <param name="Values">Values.</param>
/// <param name="StartOffsets">Start times relative to the samples' times, in milliseconds, or null.</param>
internal sealed record LoadedSeries(Labels Labels, IReadOnlyList<SequenceValue> Values, IReadOnlyList<SequenceValue>? StartOffsets);

/// <summary>Evaluates a query and compares the result.</summary>
internal sealed record EvalCommand(int Line, string Query, Expr Expression) : ScriptCommand(Line)
{
    public bool IsRange { get; init; }

    /// <summary>First time of expected points; of an instant query its time.</summary>
    public long StartMs { get; set; }

    /// <summary>Last time of expected points.</summary>
    public long EndMs { get; set; }

    public long StepMs { get; set; }

    /// <summary>Time an instant query is evaluated at.</summary>
    public long TimeMs { get; set; }

    public bool Fails { get; set; }

    public bool Warns { get; set; }

    public bool Informs { get; set; }

    public bool IsOrdered { get; set; }

    /// <summary>Whether the same query over a range around the time is not to be tried.</summary>
    public bool OnlyInstant { get; set; }

    public string? FailMessage { get; set; }

    public Regex? FailPattern { get; set; }

    public List<TextExpectation> ExpectedFailures { get; } = [];

    public List<TextExpectation> ExpectedWarnings { get; } = [];

    public List<TextExpectation> ExpectedInfos { get; } = [];

    public bool NoWarnings { get; set; }

    public bool NoInfos { get; set; }

    public string? ExpectedText { get; set; }

    public double? ExpectedScalar { get; set; }

    public Dictionary<Labels, ExpectedSeries> Expected { get; } = [];
}

/// <summary>A series that is expected.</summary>
/// <param name="Position">Place among the results, from 1.</param>
/// <param name="Values">Values.</param>
internal sealed record ExpectedSeries(int Position, IReadOnlyList<SequenceValue> Values);

/// <summary>A text or pattern that a message is expected to have.</summary>
/// <param name="Message">The whole message, or null.</param>
/// <param name="Pattern">A pattern that occurs in it, or null.</param>
internal sealed record TextExpectation(string? Message, Regex? Pattern)
{
    public string Text => Message ?? Pattern!.ToString();

    public string Type => Message is null ? "pattern" : "message";

    public bool Matches(string text) => Message is null ? Pattern!.IsMatch(text) : Message == text;
}
