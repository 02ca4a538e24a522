using System.Globalization;
using IronSnappy;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.LoadTest;

/// <summary>
/// Remote write 1.0 as an agent that scrapes many targets sends it: each target's series every 15 seconds, counters that rise by varying
/// steps and gauges that wander. The same for everyone: values follow from the target and the round.
/// </summary>
internal sealed class RemoteWriteLoad(int targets, int seriesPerTarget, int rounds, DateTimeOffset begin)
{
    /// <summary>From one round to the next.</summary>
    public static readonly TimeSpan Step = TimeSpan.FromSeconds(15);

    public long Samples => (long)targets * seriesPerTarget * rounds;

    public int Targets => targets;

    public int Rounds => rounds;

    /// <summary>When the round after the last would be.</summary>
    public DateTimeOffset End => TimeOf(rounds);

    public DateTimeOffset TimeOf(int round) => begin + (round * Step);

    /// <summary>The compressed request with the samples of one target in one round.</summary>
    public byte[] Request(int target, int round) => Request(target, 1, round);

    /// <summary>The compressed request with the samples of some targets in one round.</summary>
    public byte[] Request(int first, int count, int round)
    {
        var writer = new ProtobufWriter();
        for (int target = first; target < first + count; target++)
        {
            Write(writer, target, round);
        }
        return Snappy.Encode(writer.Written.Span);
    }

    /// <summary>Label <c>instance</c> of a target.</summary>
    public static string Instance(int target) => string.Create(CultureInfo.InvariantCulture, $"10.0.{target / 250}.{target % 250}:9100");

    private void Write(ProtobufWriter writer, int target, int round)
    {
        long time = TimeOf(round).ToUnixTimeMilliseconds();
        for (int index = 0; index < seriesPerTarget; index++)
        {
            bool isCounter = index % 4 != 0;
            int series = writer.Begin(1);
            Label(writer, "__name__", isCounter ? "load_requests_total" : "load_memory_bytes");
            Label(writer, "code", index % 7 == 0 ? "500" : "200");
            Label(writer, "instance", Instance(target));
            Label(writer, "job", string.Create(CultureInfo.InvariantCulture, $"service-{target % 40}"));
            Label(writer, "namespace", string.Create(CultureInfo.InvariantCulture, $"team-{target % 12}"));
            Label(writer, "route", string.Create(CultureInfo.InvariantCulture, $"/api/v1/items/{index}"));
            int sample = writer.Begin(2);
            writer.Double(1, Value(((long)target * seriesPerTarget) + index, round, isCounter));
            writer.Varint(2, (ulong)time);
            writer.End(sample);
            writer.End(series);
        }
    }

    /// <summary>Counters, each at a place and a pace of its own of up to 100 a round, more and less as chance has it; gauges of bytes, in pages of 4 kB, that wander about where they began.</summary>
    private static double Value(long series, int round, bool isCounter)
    {
        if (isCounter)
        {
            uint pace = 1 + (Chance(series, -2) % 100);
            return (Chance(series, -3) % 1_000_000) + ((double)round * pace) + (Chance(series, round) % pace);
        }
        double pages = 25_000 + (Chance(series, -1) % 200_000) + (100 * Math.Sin((round + series) / 50.0)) + (Chance(series, round) % 32);
        return Math.Floor(pages) * 4_096;
    }

    /// <summary>A number that looks random and follows from the series and the round (the finalizer of splitmix64; Steele, Lea and Flood, 2014).</summary>
    private static uint Chance(long series, int round)
    {
        ulong mixed = unchecked(((ulong)series * 0x9E3779B97F4A7C15) + ((ulong)(round + 1) * 0xD1B54A32D192ED03));
        mixed = unchecked((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9);
        mixed = unchecked((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB);
        return (uint)((mixed ^ (mixed >> 31)) >> 16);
    }

    private static void Label(ProtobufWriter writer, string name, string value)
    {
        int label = writer.Begin(1);
        writer.Text(1, name);
        writer.Text(2, value);
        writer.End(label);
    }
}
