namespace SloEngine.Query.Metrics;

/// <summary>The NaN that Prometheus writes where a series ends; points flagged as without a recorded value are stored with it.</summary>
internal static class StaleMarker
{
    private const long Bits = 0x7FF0000000000002;

    public static readonly double Value = BitConverter.Int64BitsToDouble(Bits);

    public static bool Is(double value) => BitConverter.DoubleToInt64Bits(value) == Bits;
}
