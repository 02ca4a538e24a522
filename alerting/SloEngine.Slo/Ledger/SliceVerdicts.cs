using System.Numerics;

namespace SloEngine.Slo.Ledger;

/// <summary>Which slices of time had events, and which of those were bad: two bits for each slice of a ledger's reach. Not thread-safe.</summary>
internal sealed class SliceVerdicts
{
    private const int WordSlices = 64;

    private readonly (ulong Counted, ulong Bad)[] _words;
    private long _newest = -1;

    /// <summary>Creates verdicts without slices.</summary>
    /// <param name="slice">Length of a slice.</param>
    /// <param name="reach">How far back they are asked for.</param>
    public SliceVerdicts(TimeSpan slice, TimeSpan reach) => _words = new (ulong, ulong)[(int)Math.Ceiling(reach / slice / WordSlices) + 2];

    /// <summary>Memory, in bytes.</summary>
    public long Bytes => 16L * _words.Length;

    /// <summary>Says how a slice stands.</summary>
    /// <param name="slice">Number of the slice since the Unix epoch.</param>
    /// <param name="counts">Whether it had events.</param>
    /// <param name="isBad">Whether it was bad.</param>
    public void Set(long slice, bool counts, bool isBad)
    {
        long word = slice / WordSlices;
        for (long next = Math.Max(_newest + 1, word - _words.Length + 1); next <= word; next++)
        {
            _words[next % _words.Length] = default;
        }
        _newest = Math.Max(_newest, word);
        if (!Holds(word))
        {
            return;
        }
        ref (ulong Counted, ulong Bad) bits = ref _words[word % _words.Length];
        ulong bit = 1UL << (int)(slice % WordSlices);
        bits.Counted = counts ? bits.Counted | bit : bits.Counted & ~bit;
        bits.Bad = counts && isBad ? bits.Bad | bit : bits.Bad & ~bit;
    }

    /// <summary>Slices of a stretch that had events for any of some members, and those that were bad for none.</summary>
    /// <param name="members">The members, whose slices are equally long.</param>
    /// <param name="first">The stretch's first slice.</param>
    /// <param name="last">Its last one.</param>
    public static WindowSum Union(IReadOnlyList<SliceVerdicts> members, long first, long last)
    {
        long all = 0;
        long bad = 0;
        for (long word = first / WordSlices; word <= last / WordSlices; word++)
        {
            ulong counted = 0;
            ulong failed = 0;
            foreach (SliceVerdicts member in members)
            {
                if (member.Holds(word))
                {
                    (ulong some, ulong failures) = member._words[word % member._words.Length];
                    counted |= some;
                    failed |= failures;
                }
            }
            ulong within = ulong.MaxValue;
            within &= word == first / WordSlices ? ulong.MaxValue << (int)(first % WordSlices) : ulong.MaxValue;
            within &= word == last / WordSlices ? ulong.MaxValue >> (int)(WordSlices - 1 - (last % WordSlices)) : ulong.MaxValue;
            all += BitOperations.PopCount(counted & within);
            bad += BitOperations.PopCount(failed & within);
        }
        return new WindowSum(all - bad, all, (int)all);
    }

    private bool Holds(long word) => word <= _newest && word > _newest - _words.Length;
}
