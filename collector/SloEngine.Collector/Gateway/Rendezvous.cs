using System.Text;
using SloEngine.Otlp.Hashing;

namespace SloEngine.Collector.Gateway;

/// <summary>
/// Which node owns what: the one with the highest weight of node and identity together (Thaler and Ravishankar, "A name-based mapping scheme for
/// rendezvous", 1996). Every gateway that knows the same names agrees; a node that is added or taken away moves only what it owns.
/// </summary>
/// <param name="names">Names of the nodes.</param>
internal sealed class Rendezvous(IEnumerable<string> names)
{
    private readonly ulong[] _nodes = [.. names.Select(Key)];

    /// <summary>What stands for a node in weights and in the log.</summary>
    public static ulong Key(string name) => (ulong)SipHash128.Hash(Encoding.UTF8.GetBytes(name), UInt128.Zero);

    /// <summary>Index of the owner.</summary>
    public int Owner(UInt128 identity)
    {
        ulong bits = (ulong)identity ^ (ulong)(identity >> 64);
        int owner = 0;
        ulong highest = 0;
        for (int node = 0; node < _nodes.Length; node++)
        {
            ulong weight = Mix(bits ^ _nodes[node]);
            if (weight >= highest)
            {
                (owner, highest) = (node, weight);
            }
        }
        return owner;
    }

    /// <summary>The finalizer of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).</summary>
    private static ulong Mix(ulong bits)
    {
        bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
        bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
        return bits ^ (bits >> 31);
    }
}
