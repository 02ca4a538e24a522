using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SloEngine.Storage.Tables;

/// <summary>
/// The order in which several runs are written as one: pieces of them, by hour, series and time. A series of which samples came late has a piece a
/// sample there; samples of equal times keep the order of their runs.
/// </summary>
internal sealed class SampleMerge
{
    private readonly SampleRun[] _runs;
    private readonly List<Piece> _pieces;

    private SampleMerge(SampleRun[] runs) => (_runs, _pieces) = (runs, new List<Piece>(runs.Sum(static run => run.Stretches)));

    /// <summary>The pieces, in order.</summary>
    public ReadOnlySpan<Piece> Pieces => CollectionsMarshal.AsSpan(_pieces);

    /// <summary>Merges runs.</summary>
    public static SampleMerge Of(SampleRun[] runs)
    {
        var merge = new SampleMerge(runs);
        merge.Merge();
        return merge;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Merge()
    {
        int[] next = new int[_runs.Length];
        var keys = new Key[_runs.Length];
        int[] equal = new int[_runs.Length];
        int left = 0;
        for (int run = 0; run < keys.Length; run++)
        {
            left += _runs[run].Stretches > 0 ? 1 : 0;
            keys[run] = KeyOf(run, 0);
        }
        while (left > 0)
        {
            // A look at each run: there are a few dozen, and most have the series.
            int first = 0;
            int count = 1;
            equal[0] = 0;
            for (int run = 1; run < keys.Length; run++)
            {
                int compared = keys[run].CompareTo(keys[first]);
                if (compared < 0)
                {
                    first = run;
                    count = 0;
                }
                if (compared <= 0)
                {
                    equal[count++] = run;
                }
            }
            Take(equal.AsSpan(0, count), next);
            foreach (int run in equal.AsSpan(0, count))
            {
                keys[run] = KeyOf(run, ++next[run]);
                left -= next[run] == _runs[run].Stretches ? 1 : 0;
            }
        }
    }

    /// <summary>Takes the stretches of one series and hour.</summary>
    private void Take(ReadOnlySpan<int> runs, int[] stretches)
    {
        int begin = _pieces.Count;
        long latest = long.MinValue;
        bool ascends = true;
        foreach (int run in runs)
        {
            SampleRun from = _runs[run];
            int start = from.StartOf(stretches[run]);
            int end = from.Ends[stretches[run]];
            long[] times = from.TimeColumn;
            ascends &= times[start] >= latest;
            latest = times[end - 1];
            _pieces.Add(new Piece(run, stretches[run], start, end - start));
        }
        if (!ascends)
        {
            SortByTime(begin);
        }
    }

    private void SortByTime(int begin)
    {
        Piece[] rows = [.. _pieces.Skip(begin).SelectMany(static piece => Enumerable.Range(piece.Start, piece.Length), static (piece, row) => piece with { Start = row, Length = 1 })];
        _pieces.RemoveRange(begin, _pieces.Count - begin);
        // Stable: rows of equal times stay in the order of their runs.
        _pieces.AddRange(rows.OrderBy(row => _runs[row.Run].TimesMs[row.Start]));
    }

    private Key KeyOf(int run, int stretch) => stretch < _runs[run].Stretches
        ? new Key(_runs[run].TimeColumn[_runs[run].StartOf(stretch)] / SampleRun.HourMs, _runs[run].Ids[stretch])
        : new Key(long.MaxValue, UInt128.MaxValue);

    private readonly record struct Key(long Hour, UInt128 Id)
    {
        public int CompareTo(Key other) => Hour != other.Hour ? Hour.CompareTo(other.Hour) : Id.CompareTo(other.Id);
    }

    /// <summary>Samples of one series that lie together in a run.</summary>
    /// <param name="Run">The run.</param>
    /// <param name="Stretch">The stretch of it that they are of.</param>
    /// <param name="Start">The first of them.</param>
    /// <param name="Length">How many they are.</param>
    public readonly record struct Piece(int Run, int Stretch, int Start, int Length);
}
