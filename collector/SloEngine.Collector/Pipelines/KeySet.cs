using System.Text;

namespace SloEngine.Collector.Pipelines;

/// <summary>Names, or texts, to be recognised: each as it stands, or by its beginning where it ends in <c>*</c>.</summary>
public sealed class KeySet
{
    private readonly byte[][] _whole;
    private readonly byte[][] _beginnings;

    /// <summary>Makes a set of names.</summary>
    public KeySet(IEnumerable<string> names)
    {
        ILookup<bool, string> kinds = names.ToLookup(name => name.EndsWith('*'));
        _whole = [.. kinds[false].Select(Encoding.UTF8.GetBytes)];
        _beginnings = [.. kinds[true].Select(name => Encoding.UTF8.GetBytes(name[..^1]))];
    }

    /// <summary>Whether a name is in the set.</summary>
    public bool Contains(ReadOnlySpan<byte> name)
    {
        foreach (byte[] whole in _whole)
        {
            if (name.SequenceEqual(whole))
            {
                return true;
            }
        }
        foreach (byte[] beginning in _beginnings)
        {
            if (name.StartsWith(beginning))
            {
                return true;
            }
        }
        return false;
    }
}
