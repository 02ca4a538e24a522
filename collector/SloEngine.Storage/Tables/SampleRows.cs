using System.Runtime.InteropServices;
using SloEngine.Storage.Native;

namespace SloEngine.Storage.Tables;

/// <summary>The rows of a block for <c>samples</c>, as they lie in it: by hour, series and time. Valid as long as the block is.</summary>
/// <param name="Times">The stretch they are of.</param>
/// <param name="IdBytes">Their series.</param>
/// <param name="TimeBytes">Their times.</param>
/// <param name="NumberBytes">Their values' numbers.</param>
/// <param name="ScaleBytes">The scales of these.</param>
public sealed record SampleRows(
    RowTimes Times, ReadOnlyMemory<byte> IdBytes, ReadOnlyMemory<byte> TimeBytes, ReadOnlyMemory<byte> NumberBytes, ReadOnlyMemory<byte> ScaleBytes)
{
    /// <summary>The series of each.</summary>
    public ReadOnlySpan<UInt128> Ids => MemoryMarshal.Cast<byte, UInt128>(IdBytes.Span);

    /// <summary>The time of each, in Unix milliseconds.</summary>
    public ReadOnlySpan<long> TimesMs => MemoryMarshal.Cast<byte, long>(TimeBytes.Span);

    /// <summary>The value of each, under its scale (<see cref="SampleValue"/>).</summary>
    public ReadOnlySpan<long> Numbers => MemoryMarshal.Cast<byte, long>(NumberBytes.Span);

    /// <summary>The scale of each.</summary>
    public ReadOnlySpan<byte> Scales => ScaleBytes.Span;
}

/// <summary>Follows what is written into <c>samples</c>. Called by the writers, so to be brief; safe for concurrent use.</summary>
public interface ISampleFollower
{
    /// <summary>Rows can be read from now on.</summary>
    void Stored(SampleRows rows);

    /// <summary>Rows may have come, gone or changed that nobody can name.</summary>
    void Lost();
}
