using System.Text.Json;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Text;

namespace SloEngine.Query.Http;

/// <summary>
/// Floats of series, which are most of what an answer is, many written at once. Series of a range query have the same times, but for those that lack a step:
/// the text of these is made once.
/// </summary>
internal sealed class PointsJson
{
    /// <summary>Bytes of points that are written at once.</summary>
    private const int PointsBytes = 4096;

    /// <summary>Room for what stands before a value, more than it takes; the last byte says how long it is.</summary>
    private const int OpeningBytes = 32;

    private long[]? _timesMs;
    private byte[]? _openings;

    /// <summary>Writes the list of a series' floats; histograms of it stand in a list of their own, and an empty list is left out.</summary>
    public void Write(Utf8JsonWriter json, ResultSeries series)
    {
        (long[] timesMs, double[] values, FloatHistogram?[]? histograms) = (series.TimesMs, series.Values, series.Histograms);
        ReadOnlySpan<byte> openings = Openings(timesMs);
        Span<byte> points = stackalloc byte[PointsBytes];
        int length = 0;
        for (int index = 0; index < values.Length; index++)
        {
            if (histograms?[index] is not null)
            {
                continue;
            }
            if (length == 0)
            {
                json.WriteStartArray("values");
            }
            else if (length > PointsBytes - PrometheusJson.MostPointBytes - OpeningBytes)
            {
                json.WriteRawValue(points[..(length - 1)], skipInputValidation: true);
                length = 0;
            }
            length += openings.IsEmpty
                ? PrometheusJson.Opening(timesMs[index], points[length..])
                : Copy(openings.Slice(index * OpeningBytes, OpeningBytes), points[length..]);
            length += SampleText.Print(values[index], points[length..]);
            "\"],"u8.CopyTo(points[length..]);
            length += 3;
        }
        if (length > 0)
        {
            json.WriteRawValue(points[..(length - 1)], skipInputValidation: true);
            json.WriteEndArray();
        }
    }

    private static int Copy(ReadOnlySpan<byte> opening, Span<byte> points)
    {
        opening.CopyTo(points);
        return opening[^1];
    }

    /// <summary>What stands before the values of a series whose times are those of the one before; none for others.</summary>
    private ReadOnlySpan<byte> Openings(long[] timesMs)
    {
        if (!ReferenceEquals(timesMs, _timesMs))
        {
            (_timesMs, _openings) = (timesMs, null);
            return [];
        }
        return _openings ??= Print(timesMs);
    }

    private static byte[] Print(long[] timesMs)
    {
        var openings = new byte[timesMs.Length * OpeningBytes];
        Span<byte> opening = stackalloc byte[PrometheusJson.MostPointBytes];
        for (int index = 0; index < timesMs.Length; index++)
        {
            int length = PrometheusJson.Opening(timesMs[index], opening);
            Span<byte> kept = openings.AsSpan(index * OpeningBytes, OpeningBytes);
            opening[..length].CopyTo(kept);
            kept[^1] = (byte)length;
        }
        return openings;
    }
}
