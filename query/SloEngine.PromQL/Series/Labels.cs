using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Series;

/// <summary>An immutable set of labels, sorted by name (ordinal), with a hash that is made once it is asked for.</summary>
public sealed class Labels : IEquatable<Labels>
{
    /// <summary>The label that holds the metric name.</summary>
    public const string MetricName = "__name__";

    /// <summary>No labels.</summary>
    public static readonly Labels Empty = new([]);

    private readonly KeyValuePair<string, string>[] _pairs;
    private int _hash;

    private Labels(KeyValuePair<string, string>[] sorted) => _pairs = sorted;

    /// <summary>Builds a set from pairs in any order; pairs with an empty value are left out.</summary>
    public static Labels Of(IEnumerable<KeyValuePair<string, string>> pairs)
    {
        KeyValuePair<string, string>[] sorted = [.. pairs.Where(pair => pair.Value.Length > 0)];
        Array.Sort(sorted, static (left, right) => string.CompareOrdinal(left.Key, right.Key));
        return sorted.Length == 0 ? Empty : new Labels(sorted);
    }

    /// <summary>The pairs, sorted by name.</summary>
    public ReadOnlySpan<KeyValuePair<string, string>> Pairs => _pairs;

    /// <summary>Value of a label; empty when absent.</summary>
    public string this[string name]
    {
        get
        {
            foreach ((string key, string value) in _pairs)
            {
                if (key == name)
                {
                    return value;
                }
            }
            return "";
        }
    }

    /// <summary>The labels without the metric name and what belongs to it: type and unit.</summary>
    public Labels WithoutName() => Where(static name => name is not (MetricName or "__type__" or "__unit__"));

    /// <summary>The labels whose names satisfy a condition.</summary>
    public Labels Where(Func<string, bool> keep)
    {
        KeyValuePair<string, string>[] kept = Array.FindAll(_pairs, pair => keep(pair.Key));
        return kept.Length == _pairs.Length ? this : kept.Length == 0 ? Empty : new Labels(kept);
    }

    /// <summary>The labels with one set to a value, or taken away when the value is empty.</summary>
    public Labels With(string name, string value)
    {
        int place = 0;
        while (place < _pairs.Length && string.CompareOrdinal(_pairs[place].Key, name) < 0)
        {
            place++;
        }
        int after = place < _pairs.Length && _pairs[place].Key == name ? place + 1 : place;
        if (value.Length == 0)
        {
            return after == place ? this : _pairs.Length == 1 ? Empty : new Labels([.. _pairs[..place], .. _pairs[after..]]);
        }
        var pairs = new KeyValuePair<string, string>[place + 1 + _pairs.Length - after];
        _pairs.AsSpan(0, place).CopyTo(pairs);
        pairs[place] = new(name, value);
        _pairs.AsSpan(after).CopyTo(pairs.AsSpan(place + 1));
        return new Labels(pairs);
    }

    /// <summary>Order by names and values (ordinal), as results are sorted.</summary>
    public int CompareTo(Labels? other)
    {
        ReadOnlySpan<KeyValuePair<string, string>> others = other is null ? [] : other._pairs;
        for (int index = 0; index < Math.Min(_pairs.Length, others.Length); index++)
        {
            int order = string.CompareOrdinal(_pairs[index].Key, others[index].Key);
            order = order != 0 ? order : string.CompareOrdinal(_pairs[index].Value, others[index].Value);
            if (order != 0)
            {
                return order;
            }
        }
        return _pairs.Length - others.Length;
    }

    /// <summary>The labels in braces, as messages show them.</summary>
    public override string ToString() =>
        "{" + string.Join(", ", _pairs.Select(pair => $"{LabelName.Print(pair.Key)}={QuotedText.Quote(pair.Value)}")) + "}";

    /// <inheritdoc/>
    public bool Equals(Labels? other)
    {
        if (other is null || _pairs.Length != other._pairs.Length || GetHashCode() != other.GetHashCode())
        {
            return false;
        }
        for (int index = 0; index < _pairs.Length; index++)
        {
            if (!string.Equals(_pairs[index].Key, other._pairs[index].Key, StringComparison.Ordinal)
                || !string.Equals(_pairs[index].Value, other._pairs[index].Value, StringComparison.Ordinal))
            {
                return false;
            }
        }
        return true;
    }

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Labels);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        if (_hash == 0)
        {
            var hash = new HashCode();
            foreach ((string name, string value) in _pairs)
            {
                hash.Add(name, StringComparer.Ordinal);
                hash.Add(value, StringComparer.Ordinal);
            }
            _hash = hash.ToHashCode();
        }
        return _hash;
    }
}
