using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace SloEngine.Slo.Ledger;

/// <summary>A cumulative point.</summary>
/// <param name="Start">When the counter began, in nanoseconds; 0 when unknown.</param>
/// <param name="Time">Time of the point, in nanoseconds.</param>
/// <param name="Count">Count, by which a reset is told.</param>
internal readonly record struct RecentPoint(long Start, long Time, double Count);

/// <summary>
/// The last points of a cumulative series, oldest first, each with what it says to every listener. It lies within its tap: a sample that comes after a while
/// finds little of either in the processor's caches.
/// </summary>
/// <param name="listeners">Listeners whose values are not the points' counts; 0 where they are, as those of a counter.</param>
internal struct RecentPoints(int listeners)
{
    /// <summary>How many points may lie between a point and its place: a power of two.</summary>
    public const int Most = 8;

    private readonly double[] _values = listeners == 0 ? [] : new double[Most * listeners];
    private Ring _points;
    private int _first;

    public int Count { readonly get; private set; }

    /// <summary>Whether there were points before the oldest.</summary>
    public bool HasForgotten { readonly get; private set; }

    public readonly RecentPoint this[int index] => _points[Place(index)];

    /// <summary>The newest point; there is to be one.</summary>
    [UnscopedRef]
    public readonly ref readonly RecentPoint Newest => ref _points[Place(Count - 1)];

    /// <summary>What a point says to a listener.</summary>
    public readonly double Value(int index, int listener) => listeners == 0 ? _points[Place(index)].Count : _values[(Place(index) * listeners) + listener];

    /// <summary>Begins with a point that others came before.</summary>
    public void Continue(long start, long time, double count, ReadOnlySpan<double> values)
    {
        Count = 0;
        Insert(0, start, time, count, values);
        HasForgotten = true;
    }

    /// <summary>Puts a point of a counter behind all others.</summary>
    public void Append(long start, long time, double count)
    {
        if (Count == Most)
        {
            HasForgotten = true;
            _first = (_first + 1) & (Most - 1);
        }
        else
        {
            Count++;
        }
        _points[Place(Count - 1)] = new RecentPoint(start, time, count);
    }

    /// <summary>Puts a point before the one at an index; the oldest makes room for it.</summary>
    public void Insert(int index, long start, long time, double count, ReadOnlySpan<double> values)
    {
        if (Count == Most)
        {
            HasForgotten = true;
            if (index == 0)
            {
                return;
            }
            _first = (_first + 1) & (Most - 1);
            Count--;
            index--;
        }
        for (int later = Count; later > index; later--)
        {
            _points[Place(later)] = _points[Place(later - 1)];
            OwnValues(later - 1).CopyTo(OwnValues(later));
        }
        _points[Place(index)] = new RecentPoint(start, time, count);
        values[..listeners].CopyTo(OwnValues(index));
        Count++;
    }

    private readonly Span<double> OwnValues(int index) => _values.AsSpan(Place(index) * listeners, listeners);

    private readonly int Place(int index) => (_first + index) & (Most - 1);

    [InlineArray(Most)]
    private struct Ring
    {
        private RecentPoint _first;
    }
}
