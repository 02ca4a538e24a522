using System.Text.Json;
using SloEngine.PromQL.Evaluation;
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
        if (series.Histograms is null && series.Values.Length > 0 && Openings(series.TimesMs) is { } openings)
        {
            Write(json, series.Values, openings);
            return;
        }
        Span<byte> points = stackalloc byte[PointsBytes];
        int length = 0;
        bool started = false;
        for (int index = 0; index < series.Values.Length; index++)
        {
            if (series.Histograms?[index] is not null)
            {
                continue;
            }
            if (!started)
            {
                json.WriteStartArray("values");
                started = true;
            }
            else if (length > PointsBytes - PrometheusJson.MostPointBytes - 1)
            {
                json.WriteRawValue(points[..length], skipInputValidation: true);
                length = 0;
            }
            if (length > 0)
            {
                points[length++] = (byte)',';
            }
            length += PrometheusJson.Point(series.TimesMs[index], series.Values[index], points[length..]);
        }
        if (started)
        {
            json.WriteRawValue(points[..length], skipInputValidation: true);
            json.WriteEndArray();
        }
    }

    private static void Write(Utf8JsonWriter json, double[] values, ReadOnlySpan<byte> openings)
    {
        Span<byte> points = stackalloc byte[PointsBytes];
        int length = 0;
        json.WriteStartArray("values");
        for (int index = 0; index < values.Length; index++)
        {
            if (length > PointsBytes - PrometheusJson.MostPointBytes - OpeningBytes)
            {
                json.WriteRawValue(points[..(length - 1)], skipInputValidation: true);
                length = 0;
            }
            ReadOnlySpan<byte> opening = openings.Slice(index * OpeningBytes, OpeningBytes);
            opening.CopyTo(points[length..]);
            length += opening[^1];
            length += SampleText.Print(values[index], points[length..]);
            "\"],"u8.CopyTo(points[length..]);
            length += 3;
        }
        json.WriteRawValue(points[..(length - 1)], skipInputValidation: true);
        json.WriteEndArray();
    }

    /// <summary>What stands before the values of a series whose times are those of the one before; null for others.</summary>
    private byte[]? Openings(long[] timesMs)
    {
        if (!ReferenceEquals(timesMs, _timesMs))
        {
            (_timesMs, _openings) = (timesMs, null);
            return null;
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
