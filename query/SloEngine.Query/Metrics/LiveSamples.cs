using SloEngine.Storage.Tables;

namespace SloEngine.Query.Metrics;

/// <summary>
/// Samples of the slot under way, of series that queries ask for: read from the store once, and kept up with by what comes from then on, so that
/// what dashboards and rules ask again and again does not read the store each time. Bounded in bytes: beyond them everything is forgotten. Safe for
/// concurrent use.
/// </summary>
internal sealed class LiveSamples(long maxBytes) : ISampleFollower
{
    /// <summary>Bytes of a sample.</summary>
    private const int SampleBytes = 16;

    private readonly Lock _gate = new();
    private readonly Dictionary<UInt128, Tail> _tails = [];
    private long _bytes;
    private long _slotStart;
    private long _generation;

    /// <summary>Bytes that it may hold.</summary>
    public long MaxBytes => maxBytes;

    /// <summary>Bytes that it holds.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate)
            {
                return _bytes;
            }
        }
    }

    /// <summary>Bytes that series take with so many samples each.</summary>
    public static long BytesOf(long series, long samplesEach) => series * (Tail.OwnBytes + (Math.Max(samplesEach, Tail.LeastRoom) * SampleBytes));

    /// <summary>
    /// Takes samples of series out of memory; those of which not all is known are left over, and what comes from now on is kept for them until
    /// <see cref="Keep"/> brings what the store has.
    /// </summary>
    /// <param name="ids">The series.</param>
    /// <param name="slotStartMs">After which the slot under way begins.</param>
    /// <param name="range">The range, within it.</param>
    /// <param name="into">Takes the samples.</param>
    /// <returns>The series that are left over.</returns>
    public LackingSeries Take(UInt128[] ids, long slotStartMs, TimeRange range, Dictionary<UInt128, SampleStretch> into)
    {
        var lacking = new List<UInt128>();
        lock (_gate)
        {
            BeginSlot(slotStartMs);
            foreach (UInt128 id in ids)
            {
                if (!_tails.TryGetValue(id, out Tail? tail))
                {
                    _tails.Add(id, tail = new Tail());
                    _bytes += Tail.OwnBytes;
                }
                tail.AskedFor = Math.Max(tail.AskedFor, slotStartMs);
                if (!tail.Knows(slotStartMs, range.EndMs))
                {
                    lacking.Add(id);
                }
                else if (tail.Within(range, id) is { TimesMs.Length: > 0 } stretch)
                {
                    into.Add(id, stretch);
                }
            }
            return new LackingSeries(lacking, _generation);
        }
    }

    /// <summary>Keeps what the store had of series between two times.</summary>
    /// <param name="lacking">Series that were left over.</param>
    /// <param name="range">What was read.</param>
    /// <param name="read">The samples.</param>
    public void Keep(LackingSeries lacking, TimeRange range, IReadOnlyDictionary<UInt128, SampleStretch> read)
    {
        lock (_gate)
        {
            // What came since they were left over is not all there: a series that is known again by now has it from a later moment on only.
            if (lacking.Generation != _generation)
            {
                return;
            }
            foreach (UInt128 id in lacking.Ids)
            {
                _bytes += _tails[id].Keep(range, read.GetValueOrDefault(id));
            }
            Bound();
        }
    }

    public void Added(SampleRun run)
    {
        lock (_gate)
        {
            if (_tails.Count == 0)
            {
                return;
            }
            ReadOnlySpan<UInt128> ids = run.Ids;
            ReadOnlySpan<int> ends = run.Ends;
            for (int stretch = 0; stretch < ids.Length; stretch++)
            {
                if (_tails.TryGetValue(ids[stretch], out Tail? tail))
                {
                    Range rows = run.StartOf(stretch)..ends[stretch];
                    _bytes += tail.Append(run.TimesMs[rows], run.Numbers[rows], run.Scales[rows]);
                }
            }
            Bound();
        }
    }

    public void Lost()
    {
        lock (_gate)
        {
            Forget();
        }
    }

    private void Bound()
    {
        if (_bytes > maxBytes)
        {
            Forget();
        }
    }

    private void Forget()
    {
        _tails.Clear();
        _bytes = 0;
        _generation++;
    }

    /// <summary>With a new slot, forgets the series that nobody asked for in the one before.</summary>
    private void BeginSlot(long startMs)
    {
        if (startMs <= _slotStart)
        {
            return;
        }
        foreach ((UInt128 id, Tail tail) in _tails)
        {
            if (tail.AskedFor < _slotStart)
            {
                _bytes -= tail.Bytes;
                _tails.Remove(id);
                _generation++;
            }
        }
        _slotStart = startMs;
    }

    /// <summary>Samples of one series, ascending in time once they were asked for.</summary>
    private sealed class Tail
    {
        public const int OwnBytes = 200;

        /// <summary>Samples that there is room for when the first one comes.</summary>
        public const int LeastRoom = 16;

        private long[] _times = [];
        private double[] _values = [];
        private int _count;
        private bool _ascends = true;
        private TimeRange _known = new(0, 0);

        /// <summary>Start of the slot in which it was last asked for.</summary>
        public long AskedFor { get; set; }

        public long Bytes => OwnBytes + (_times.Length * SampleBytes);

        /// <summary>Whether every sample between two times is here.</summary>
        public bool Knows(long startMs, long endMs) => _known.StartMs <= startMs && AskedFor <= startMs && endMs <= _known.EndMs;

        /// <returns>Bytes that it took in addition.</returns>
        public long Append(ReadOnlySpan<long> times, ReadOnlySpan<long> numbers, ReadOnlySpan<byte> scales)
        {
            long before = Bytes;
            Reserve(times.Length);
            times.CopyTo(_times.AsSpan(_count));
            SampleValue.Decode(numbers, scales, _values.AsSpan(_count));
            for (int index = Math.Max(1, _count); index < _count + times.Length; index++)
            {
                _ascends &= _times[index] > _times[index - 1];
            }
            _count += times.Length;
            return Bytes - before;
        }

        /// <returns>Bytes that it took in addition.</returns>
        public long Keep(TimeRange range, SampleStretch read)
        {
            long before = Bytes;
            if (read.TimesMs is { Length: > 0 } times)
            {
                // In front: of equal times the first counts, and what came meanwhile may be among what was read.
                int later = _count;
                Reserve(times.Length);
                Array.Copy(_times, 0, _times, times.Length, later);
                Array.Copy(_values, 0, _values, times.Length, later);
                times.CopyTo(_times, 0);
                read.Values.CopyTo(_values, 0);
                _count += times.Length;
                _ascends = false;
            }
            _known = range;
            return Bytes - before;
        }

        public SampleStretch Within(TimeRange range, UInt128 id)
        {
            Order();
            int from = PackedSamples.Until(_times.AsSpan(0, _count), range.StartMs);
            int until = PackedSamples.Until(_times.AsSpan(0, _count), range.EndMs);
            return until > from ? new SampleStretch(id, _times[from..until], _values[from..until]) : default;
        }

        /// <summary>Puts the samples in order, each time once, and drops those of slots that are over.</summary>
        private void Order()
        {
            if (_ascends && (_count == 0 || _times[0] > AskedFor))
            {
                return;
            }
            int[] order = TimeOrder.Of(_times[.._count]);
            (long[] times, double[] values) = (_times, _values);
            (_times, _values, _count) = (new long[times.Length], new double[times.Length], 0);
            foreach (int position in order)
            {
                if (times[position] > AskedFor)
                {
                    (_times[_count], _values[_count]) = (times[position], values[position]);
                    _count++;
                }
            }
            _ascends = true;
        }

        private void Reserve(int more)
        {
            if (_times.Length - _count < more)
            {
                int room = Math.Max(_count + more, Math.Max(LeastRoom, _times.Length + (_times.Length / 2)));
                Array.Resize(ref _times, room);
                Array.Resize(ref _values, room);
            }
        }
    }
}

/// <summary>Series of which not all is known.</summary>
/// <param name="Ids">The series.</param>
/// <param name="Generation">Of what is kept: another one when something was forgotten since.</param>
internal readonly record struct LackingSeries(List<UInt128> Ids, long Generation);
