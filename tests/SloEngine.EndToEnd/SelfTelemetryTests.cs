using System.Globalization;
using System.Runtime.CompilerServices;
using SloEngine.Server.SelfObservation;

namespace SloEngine.EndToEnd;

/// <summary>What the server tells of itself.</summary>
public sealed class SelfTelemetryTests
{
    [Fact]
    public void Live_memory_is_what_the_last_full_collection_has_left()
    {
        const int Bytes = 512 << 20;
        using var telemetry = new SelfTelemetry();

        double with = Hold(telemetry, Bytes);
        Collect();
        double without = Live(telemetry);

        Assert.InRange(with, Bytes, double.MaxValue);
        Assert.InRange(without, 1, with - (Bytes / 2));
    }

    /// <summary>Live memory while an array is held.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static double Hold(SelfTelemetry telemetry, int bytes)
    {
        byte[] held = new byte[bytes];
        Collect();
        double live = Live(telemetry);
        GC.KeepAlive(held);
        return live;
    }

    private static void Collect() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true);

    private static double Live(SelfTelemetry telemetry)
    {
        string line = telemetry.Scrape().Split('\n').Single(static line => line.StartsWith("sloengine_memory_live_bytes", StringComparison.Ordinal));
        return double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture);
    }
}
