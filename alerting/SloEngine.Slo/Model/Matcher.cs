using System.Text.RegularExpressions;

namespace SloEngine.Slo.Model;

/// <summary>A condition on one label, as Prometheus has it: a label that is absent counts as empty, patterns are anchored.</summary>
public sealed record Matcher
{
    private readonly Regex? _pattern;

    /// <summary>Creates a matcher.</summary>
    /// <param name="label">Label name.</param>
    /// <param name="comparison"><c>=</c>, <c>!=</c>, <c>=~</c> or <c>!~</c>.</param>
    /// <param name="value">Value or pattern.</param>
    /// <exception cref="ArgumentException">The pattern is not valid.</exception>
    public Matcher(string label, string comparison, string value)
    {
        (Label, Comparison, Value) = (label, comparison, value);
        if (comparison is "=~" or "!~")
        {
            _pattern = new Regex($"^(?s:{value})$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
    }

    /// <summary>Label name.</summary>
    public string Label { get; }

    /// <summary><c>=</c>, <c>!=</c>, <c>=~</c> or <c>!~</c>.</summary>
    public string Comparison { get; }

    /// <summary>Value or pattern.</summary>
    public string Value { get; }

    /// <summary>Whether a value satisfies the condition.</summary>
    public bool Matches(ReadOnlySpan<char> value) => Comparison switch
    {
        "=" => value.SequenceEqual(Value),
        "!=" => !value.SequenceEqual(Value),
        "=~" => _pattern!.IsMatch(value),
        _ => !_pattern!.IsMatch(value),
    };

    /// <inheritdoc/>
    public override string ToString() => $"{Label}{Comparison}\"{Value}\"";
}
