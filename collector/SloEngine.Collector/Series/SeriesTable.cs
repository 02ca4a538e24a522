using SloEngine.Collector.Taps;

namespace SloEngine.Collector.Series;

/// <summary>Series by reference. Arrays only grow, by copy, so that a reader needs no lock.</summary>
internal sealed class SeriesTable(int capacity)
{
    /// <summary>Slots taken so far, free ones included.</summary>
    public int Count { get; private set; }

    public UInt128[] Ids { get; } = new UInt128[capacity];

    /// <summary>Descriptions; null in free slots.</summary>
    public SeriesDescriptor?[] Descriptors { get; } = new SeriesDescriptor?[capacity];

    public ISeriesTap?[] Taps { get; } = new ISeriesTap?[capacity];

    /// <summary>For each series, its resource's target_info series, or -1.</summary>
    public int[] Targets { get; } = new int[capacity];

    /// <summary>The scale that the store's numbers of each series have had (<see cref="SloEngine.Storage.Tables.SampleValue"/>). What is written while the table grows may be lost, and is found again.</summary>
    public byte[] Scales { get; } = new byte[capacity];

    /// <summary>Whether the series is in the lookups.</summary>
    public bool[] Active { get; } = new bool[capacity];

    /// <summary>
    /// When a point of the series was last shown, as a timestamp of the clock. A stamp written while the table grows may be lost: the series
    /// is then taken for idle earlier, and registered again by its next point.
    /// </summary>
    public long[] LastSeen { get; } = new long[capacity];

    /// <summary>What a sender sends after each series: it sends the same ones in the same order each time.</summary>
    public Neighbour[] Neighbours { get; } = new Neighbour[capacity];

    public SeriesTable WithRoom()
    {
        if (Count < Ids.Length)
        {
            return this;
        }
        var larger = new SeriesTable(Ids.Length * 2) { Count = Count };
        Ids.CopyTo(larger.Ids, 0);
        Descriptors.CopyTo(larger.Descriptors, 0);
        Taps.CopyTo(larger.Taps, 0);
        Targets.CopyTo(larger.Targets, 0);
        Scales.CopyTo(larger.Scales, 0);
        Active.CopyTo(larger.Active, 0);
        LastSeen.CopyTo(larger.LastSeen, 0);
        Neighbours.CopyTo(larger.Neighbours, 0);
        return larger;
    }

    /// <summary>Takes a slot at the end; there is to be room.</summary>
    public int Extend() => Count++;

    public void Set(int series, SeriesDescriptor descriptor, ISeriesTap? tap, long now)
    {
        Ids[series] = descriptor.Id;
        Descriptors[series] = descriptor;
        Taps[series] = tap;
        Targets[series] = -1;
        Scales[series] = 0;
        LastSeen[series] = now;
        Active[series] = true;
    }

    public void Free(int series)
    {
        Descriptors[series] = null;
        Taps[series] = null;
        Targets[series] = -1;
        Scales[series] = 0;
    }

    /// <summary>The identity by which a series was last registered, and which one came after it the last time: no more than a guess.</summary>
    internal struct Neighbour
    {
        public UInt128 Identity;
        public int Next;
    }
}
