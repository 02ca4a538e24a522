namespace SloEngine.PromQL.Series;

/// <summary>Labels that queries name otherwise than series have them.</summary>
/// <param name="other">Another name of a label, or null where it has none.</param>
internal sealed class LabelAliases(Func<string, string?>? other)
{
    /// <summary>Labels and what else they are named, so that a series is treated by whichever of them it has.</summary>
    public IReadOnlyList<string> With(IReadOnlyList<string> names)
    {
        if (other is null)
        {
            return names;
        }
        string[] others = [.. names.Select(other).OfType<string>()];
        return others.Length == 0 ? names : [.. names.Union(others)];
    }

    /// <summary>Value of a label, or of what else it is named where that is empty.</summary>
    public string Of(Labels labels, string name)
    {
        string value = labels[name];
        return value.Length == 0 && other?.Invoke(name) is { } alias ? labels[alias] : value;
    }
}
