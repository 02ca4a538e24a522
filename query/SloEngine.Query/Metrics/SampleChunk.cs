using System.Numerics;
using System.Runtime.InteropServices;

namespace SloEngine.Query.Metrics;

/// <summary>
/// Samples of one series packed for memory: what neighbours differ by, less the smallest difference, in as few bytes as the largest takes ("frame of
/// reference", Goldstein et al., ICDE 1998). Times that come regularly take one byte or none, a counter's values one or two; values with up to
/// <see cref="MostDecimals"/> decimals are counted in these; others are kept as they are. Exact to the bit, and unpacked in about a nanosecond a number.
/// </summary>
internal static class SampleChunk
{
    private const int MostDecimals = 4;

    /// <summary>Whole numbers up to here are doubles, and so is their difference a long.</summary>
    private const double MostWhole = 1L << 53;

    private static readonly double[] Scales = [1, 10, 100, 1_000, 10_000];

    /// <summary>Packs samples, ascending in time; none are no bytes.</summary>
    public static byte[] Pack(ReadOnlySpan<long> timesMs, ReadOnlySpan<double> values)
    {
        if (timesMs.IsEmpty)
        {
            return [];
        }
        Span<long> whole = values.Length <= 1024 ? stackalloc long[values.Length] : new long[values.Length];
        int decimals = Whole(values, whole);
        if (decimals < 0)
        {
            MemoryMarshal.Cast<double, long>(values).CopyTo(whole);
        }
        var header = new Header { Count = timesMs.Length, Decimals = (sbyte)decimals, FirstTime = timesMs[0], FirstValue = whole[0] };
        (header.TimeStep, header.TimeWidth) = Differences(timesMs);
        (header.ValueStep, header.ValueWidth) = Differences(whole);
        int differences = timesMs.Length - 1;
        byte[] chunk = GC.AllocateUninitializedArray<byte>(Header.Size + (differences * (header.TimeWidth + header.ValueWidth)));
        MemoryMarshal.Write(chunk, header);
        Span<byte> packed = chunk.AsSpan(Header.Size);
        Write(timesMs, header.TimeStep, header.TimeWidth, packed);
        Write(whole, header.ValueStep, header.ValueWidth, packed[(differences * header.TimeWidth)..]);
        return chunk;
    }

    /// <summary>How many samples there are.</summary>
    public static int Count(ReadOnlySpan<byte> chunk) => chunk.IsEmpty ? 0 : MemoryMarshal.Read<Header>(chunk).Count;

    /// <summary>Time of the first of some samples.</summary>
    public static long FirstMs(ReadOnlySpan<byte> chunk) => MemoryMarshal.Read<Header>(chunk).FirstTime;

    /// <summary>Unpacks the times of some samples alone.</summary>
    public static void Times(ReadOnlySpan<byte> chunk, Span<long> timesMs)
    {
        Header header = MemoryMarshal.Read<Header>(chunk);
        Read(chunk[Header.Size..], header.TimeWidth, header.FirstTime, header.TimeStep, timesMs[..header.Count]);
    }

    /// <summary>Unpacks all samples into the beginnings of <paramref name="timesMs"/> and <paramref name="values"/>.</summary>
    /// <returns>Their number.</returns>
    public static int Unpack(ReadOnlySpan<byte> chunk, Span<long> timesMs, Span<double> values)
    {
        if (chunk.IsEmpty)
        {
            return 0;
        }
        Header header = MemoryMarshal.Read<Header>(chunk);
        ReadOnlySpan<byte> packed = chunk[Header.Size..];
        timesMs = timesMs[..header.Count];
        values = values[..header.Count];
        Read(packed, header.TimeWidth, header.FirstTime, header.TimeStep, timesMs);
        packed = packed[((header.Count - 1) * header.TimeWidth)..];
        Span<long> whole = MemoryMarshal.Cast<double, long>(values);
        Read(packed, header.ValueWidth, header.FirstValue, header.ValueStep, whole);
        if (header.Decimals >= 0)
        {
            ToDoubles(whole, Scales[header.Decimals], values);
        }
        return header.Count;
    }

    /// <summary>Divides whole numbers by a scale, to where they stand themselves.</summary>
    private static void ToDoubles(ReadOnlySpan<long> whole, double scale, Span<double> values)
    {
        int index = 0;
        for (; index <= whole.Length - Vector<long>.Count; index += Vector<long>.Count)
        {
            Vector<double> several = Vector.ConvertToDouble(new Vector<long>(whole[index..]));
            (scale == 1 ? several : several / new Vector<double>(scale)).CopyTo(values[index..]);
        }
        for (; index < whole.Length; index++)
        {
            values[index] = whole[index] / scale;
        }
    }

    /// <summary>Values as whole numbers of the fewest decimals that give each of them back to the bit; the number of decimals, or -1.</summary>
    private static int Whole(ReadOnlySpan<double> values, Span<long> whole)
    {
        int decimals = 0;
        for (int index = 0; index < values.Length;)
        {
            double scaled = Math.Round(values[index] * Scales[decimals]);
            if (Math.Abs(scaled) <= MostWhole && BitConverter.DoubleToInt64Bits((long)scaled / Scales[decimals]) == BitConverter.DoubleToInt64Bits(values[index]))
            {
                whole[index++] = (long)scaled;
            }
            else if (++decimals > MostDecimals)
            {
                return -1;
            }
            else
            {
                index = 0;
            }
        }
        return decimals;
    }

    private static (long Step, byte Width) Differences(ReadOnlySpan<long> numbers)
    {
        if (numbers.Length == 1)
        {
            return (0, 0);
        }
        long least = long.MaxValue;
        long most = long.MinValue;
        for (int index = 1; index < numbers.Length; index++)
        {
            // Bits of doubles may lie further apart than a long counts: wrapped around, they are added up again all the same.
            long difference = unchecked(numbers[index] - numbers[index - 1]);
            least = Math.Min(least, difference);
            most = Math.Max(most, difference);
        }
        ulong spread = unchecked((ulong)most - (ulong)least);
        return (least, spread switch { 0 => 0, <= byte.MaxValue => 1, <= ushort.MaxValue => 2, <= uint.MaxValue => 4, _ => 8 });
    }

    private static void Write(ReadOnlySpan<long> numbers, long step, int width, Span<byte> packed)
    {
        switch (width)
        {
            case 1: Write<byte>(numbers, step, packed); break;
            case 2: Write<ushort>(numbers, step, packed); break;
            case 4: Write<uint>(numbers, step, packed); break;
            case 8: Write<ulong>(numbers, step, packed); break;
        }
    }

    private static void Write<T>(ReadOnlySpan<long> numbers, long step, Span<byte> packed)
        where T : unmanaged, IBinaryInteger<T>
    {
        Span<T> differences = MemoryMarshal.Cast<byte, T>(packed);
        for (int index = 1; index < numbers.Length; index++)
        {
            differences[index - 1] = T.CreateTruncating(unchecked(numbers[index] - numbers[index - 1] - step));
        }
    }

    private static void Read(ReadOnlySpan<byte> packed, int width, long first, long step, Span<long> numbers)
    {
        switch (width)
        {
            case 1: Read<byte>(packed, first, step, numbers); break;
            case 2: Read<ushort>(packed, first, step, numbers); break;
            case 4: Read<uint>(packed, first, step, numbers); break;
            case 8: Read<ulong>(packed, first, step, numbers); break;
            default: Regular(first, step, numbers); break;
        }
    }

    private static void Regular(long first, long step, Span<long> numbers)
    {
        int index = 0;
        Vector<long> several = Vector.CreateSequence(first, step);
        var ahead = new Vector<long>(unchecked(step * Vector<long>.Count));
        for (; index <= numbers.Length - Vector<long>.Count; index += Vector<long>.Count, several += ahead)
        {
            several.CopyTo(numbers[index..]);
        }
        for (; index < numbers.Length; index++)
        {
            numbers[index] = unchecked(first + (step * index));
        }
    }

    private static void Read<T>(ReadOnlySpan<byte> packed, long first, long step, Span<long> numbers)
        where T : unmanaged, IBinaryInteger<T>
    {
        ReadOnlySpan<T> differences = MemoryMarshal.Cast<byte, T>(packed)[..(numbers.Length - 1)];
        numbers[0] = first;
        Span<long> rest = numbers[1..];
        for (int index = 0; index < differences.Length; index++)
        {
            first = unchecked(first + (step + long.CreateTruncating(differences[index])));
            rest[index] = first;
        }
    }

    /// <summary>What stands before the differences: those of times, then those of values.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private struct Header
    {
        public const int Size = 39;

        public int Count;
        public byte TimeWidth;
        public byte ValueWidth;

        /// <summary>Decimals of the values; -1 for the bits of doubles.</summary>
        public sbyte Decimals;
        public long FirstTime;
        public long TimeStep;
        public long FirstValue;
        public long ValueStep;
    }
}
