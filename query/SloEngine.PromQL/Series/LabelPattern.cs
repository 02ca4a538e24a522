using System.Collections.Concurrent;
using System.Text.RegularExpressions;

namespace SloEngine.PromQL.Series;

/// <summary>A matcher ready to match: patterns are anchored, compiled once and never backtrack.</summary>
public sealed class LabelPattern
{
    private const int CacheLimit = 4096;

    private static readonly ConcurrentDictionary<string, Regex> Patterns = new(StringComparer.Ordinal);

    private readonly LabelMatcher _matcher;
    private readonly Regex? _regex;

    private LabelPattern(LabelMatcher matcher, Regex? regex) => (_matcher, _regex) = (matcher, regex);

    /// <summary>Prepares a matcher.</summary>
    /// <exception cref="ArgumentException">The pattern is not valid.</exception>
    public static LabelPattern Of(LabelMatcher matcher) =>
        new(matcher, matcher.Kind is MatchKind.Regex or MatchKind.NotRegex ? Compile(matcher.Value) : null);

    /// <summary>Whether a value satisfies the matcher.</summary>
    public bool Matches(string value) => _matcher.Kind switch
    {
        MatchKind.Equal => value == _matcher.Value,
        MatchKind.NotEqual => value != _matcher.Value,
        MatchKind.Regex => _regex!.IsMatch(value),
        _ => !_regex!.IsMatch(value),
    };

    private static Regex Compile(string pattern)
    {
        if (Patterns.TryGetValue(pattern, out Regex? known))
        {
            return known;
        }
        Regex regex;
        try
        {
            regex = new Regex($"^(?s:{Re2.Translate(pattern)})\\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (NotSupportedException refused)
        {
            // It looks around, refers back, or repeats so often that its automaton would be too large: RE2 takes none of that either.
            throw new ArgumentException(refused.Message, nameof(pattern), refused);
        }
        if (Patterns.Count >= CacheLimit)
        {
            Patterns.Clear();
        }
        Patterns[pattern] = regex;
        return regex;
    }
}
