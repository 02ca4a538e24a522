using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Text;
using SloEngine.Query.Metrics;

namespace SloEngine.Query.Http;

/// <summary>Query results in the JSON of Prometheus: times in seconds, values as text.</summary>
internal static class PrometheusJson
{
    /// <summary>Bytes that a time takes at most: sign, digits, point.</summary>
    private const int MostTimeBytes = 24;

    /// <summary>Bytes that a point takes at most.</summary>
    public const int MostPointBytes = MostTimeBytes + SampleText.MostBytes + 5;

    /// <summary>Remarks of a kind that one answer holds.</summary>
    private const int MaxRemarks = 10;

    /// <summary>The result as the value of <c>data</c>, and behind it what was remarked on it.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="value">The result.</param>
    /// <param name="query">Text of the query.</param>
    /// <param name="limit">Series that the answer may hold; 0 for all.</param>
    /// <param name="statistics">Statistics to be shown, or null.</param>
    /// <param name="send">Called where a part of the answer is written that may be sent.</param>
    public static async Task WriteAnswerAsync(Utf8JsonWriter json, QueryValue value, string query, int limit, ShownStatistics? statistics, Func<ValueTask> send)
    {
        await WriteAsync(json, value, IsTruncated(value, limit) ? limit : int.MaxValue, statistics, send);
        WriteRemarks(json, "warnings", Warnings(value, query, limit));
        WriteRemarks(json, "infos", Infos(value, query));
    }

    /// <summary>Warnings about a result, that it was cut among them.</summary>
    public static List<string> Warnings(QueryValue value, string query, int limit) =>
        [.. Remarks(value, AnnotationKind.Warning, query), .. IsTruncated(value, limit) ? (string[])[PrometheusAnswer.Truncated] : []];

    /// <summary>Remarks on a result.</summary>
    public static List<string> Infos(QueryValue value, string query) => Remarks(value, AnnotationKind.Info, query);

    /// <summary>The name of a result's type.</summary>
    public static string TypeOf(QueryValue value) => value switch { ScalarResult => "scalar", StringResult => "string", VectorResult => "vector", _ => "matrix" };

    public static void Write(Utf8JsonWriter json, Labels labels)
    {
        json.WriteStartObject();
        foreach ((string name, string value) in labels.Pairs)
        {
            json.WriteString(name, value);
        }
        json.WriteEndObject();
    }

    public static void Write(Utf8JsonWriter json, SeriesExemplars series)
    {
        json.WriteStartObject();
        json.WritePropertyName("seriesLabels");
        Write(json, series.Series);
        json.WriteStartArray("exemplars");
        foreach ((Labels labels, double value, long timeMs) in series.Exemplars)
        {
            json.WriteStartObject();
            json.WritePropertyName("labels");
            Write(json, labels);
            json.WriteString("value", SampleText.Print(value));
            json.WritePropertyName("timestamp");
            Time(json, timeMs);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static bool IsTruncated(QueryValue value, int limit) =>
        limit != 0 && value switch { VectorResult vector => vector.Samples.Count > limit, MatrixResult matrix => matrix.Series.Count > limit, _ => false };

    private static List<string> Remarks(QueryValue value, AnnotationKind kind, string query)
    {
        Annotation[] remarks = [.. value.Annotations.Where(annotation => annotation.Kind == kind)];
        List<string> texts = [.. remarks.Take(MaxRemarks).Select(remark => remark.Describe(query))];
        if (remarks.Length > MaxRemarks)
        {
            string word = kind == AnnotationKind.Warning ? "warning" : "info";
            texts.Add(string.Create(CultureInfo.InvariantCulture, $"{remarks.Length - MaxRemarks} more {word} annotations omitted"));
        }
        return texts;
    }

    private static void WriteRemarks(Utf8JsonWriter json, string name, List<string> remarks)
    {
        if (remarks.Count == 0)
        {
            return;
        }
        json.WriteStartArray(name);
        foreach (string remark in remarks)
        {
            json.WriteStringValue(remark);
        }
        json.WriteEndArray();
    }

    /// <summary>Times in seconds; selecting and reading series is what Prometheus calls preparation.</summary>
    private static void WriteStatistics(Utf8JsonWriter json, QueryStatistics statistics, ShownStatistics shown)
    {
        (double total, double reading) = (shown.Timings.Total.TotalSeconds, shown.Timings.Reading.TotalSeconds);
        json.WriteStartObject("stats");
        json.WriteStartObject("timings");
        json.WriteNumber("evalTotalTime", total);
        json.WriteNumber("resultSortTime", 0);
        json.WriteNumber("queryPreparationTime", reading);
        json.WriteNumber("innerEvalTime", total - reading);
        json.WriteNumber("execQueueTime", 0);
        json.WriteNumber("execTotalTime", total);
        json.WriteEndObject();
        json.WriteStartObject("samples");
        if (shown.Steps is { } steps)
        {
            json.WriteStartArray("totalQueryableSamplesPerStep");
            for (int step = 0; step < statistics.SamplesPerStep.Count; step++)
            {
                json.WriteStartArray();
                json.WriteNumberValue((steps.StartMs + (step * steps.StepMs)) / 1000d);
                json.WriteNumberValue(statistics.SamplesPerStep[step]);
                json.WriteEndArray();
            }
            json.WriteEndArray();
        }
        json.WriteNumber("totalQueryableSamples", statistics.SamplesPerStep.Sum());
        json.WriteNumber("peakSamples", statistics.SamplesHeld);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static async ValueTask WriteAsync(Utf8JsonWriter json, QueryValue value, int limit, ShownStatistics? statistics, Func<ValueTask> send)
    {
        json.WriteStartObject();
        json.WriteString("resultType", TypeOf(value));
        json.WritePropertyName("result");
        switch (value)
        {
            case ScalarResult scalar:
                Point(json, scalar.TimeMs, SampleText.Print(scalar.Value));
                break;
            case StringResult text:
                Point(json, text.TimeMs, text.Value);
                break;
            case VectorResult vector:
                json.WriteStartArray();
                foreach ((Labels labels, long timeMs, double sample, FloatHistogram? histogram) in vector.Samples.Take(limit))
                {
                    json.WriteStartObject();
                    json.WritePropertyName("metric");
                    Write(json, labels);
                    json.WritePropertyName(histogram is null ? "value" : "histogram");
                    Point(json, timeMs, sample, histogram);
                    json.WriteEndObject();
                }
                json.WriteEndArray();
                break;
            case MatrixResult matrix:
                json.WriteStartArray();
                var points = new PointsJson();
                foreach (ResultSeries series in matrix.Series.Take(limit))
                {
                    json.WriteStartObject();
                    json.WritePropertyName("metric");
                    Write(json, series.Labels);
                    points.Write(json, series);
                    Histograms(json, series);
                    json.WriteEndObject();
                    await send();
                }
                json.WriteEndArray();
                break;
        }
        if (statistics is not null)
        {
            WriteStatistics(json, value.Statistics, statistics);
        }
        json.WriteEndObject();
    }

    private static void Histograms(Utf8JsonWriter json, ResultSeries series)
    {
        if (series.Histograms is not { } histograms || Array.TrueForAll(histograms, histogram => histogram is null))
        {
            return;
        }
        json.WriteStartArray("histograms");
        for (int index = 0; index < histograms.Length; index++)
        {
            if (histograms[index] is { } histogram)
            {
                Point(json, series.TimesMs[index], 0, histogram);
            }
        }
        json.WriteEndArray();
    }

    private static void Point(Utf8JsonWriter json, long timeMs, string value)
    {
        json.WriteStartArray();
        Time(json, timeMs);
        json.WriteStringValue(value);
        json.WriteEndArray();
    }

    private static void Point(Utf8JsonWriter json, long timeMs, double value, FloatHistogram? histogram)
    {
        if (histogram is null)
        {
            Span<byte> point = stackalloc byte[MostPointBytes];
            json.WriteRawValue(point[..Point(timeMs, value, point)], skipInputValidation: true);
            return;
        }
        json.WriteStartArray();
        Time(json, timeMs);
        Write(json, histogram);
        json.WriteEndArray();
    }

    /// <summary>A time and a value, <c>[1771200000,"0.5"]</c>.</summary>
    private static int Point(long timeMs, double value, Span<byte> utf8)
    {
        int length = Opening(timeMs, utf8);
        length += SampleText.Print(value, utf8[length..]);
        "\"]"u8.CopyTo(utf8[length..]);
        return length + 2;
    }

    /// <summary>What stands before the value of a point.</summary>
    public static int Opening(long timeMs, Span<byte> utf8)
    {
        utf8[0] = (byte)'[';
        int length = 1 + Time(timeMs, utf8[1..]);
        ",\""u8.CopyTo(utf8[length..]);
        return length + 2;
    }

    private static void Time(Utf8JsonWriter json, long timeMs)
    {
        Span<byte> time = stackalloc byte[MostTimeBytes];
        json.WriteRawValue(time[..Time(timeMs, time)], skipInputValidation: true);
    }

    /// <summary>Seconds, with all three digits of milliseconds where there are any.</summary>
    private static int Time(long timeMs, Span<byte> utf8)
    {
        (long seconds, long millis) = Math.DivRem(timeMs, 1000);
        int written = 0;
        if (timeMs < 0)
        {
            utf8[written++] = (byte)'-';
            (seconds, millis) = (-seconds, -millis);
        }
        if (seconds is >= 1_000_000_000 and < 10_000_000_000)
        {
            // All times from 2001 to 2286.
            (long first, long rest) = Math.DivRem(seconds, 100_000_000);
            (utf8[written], utf8[written + 1]) = ((byte)('0' + (first / 10)), (byte)('0' + (first % 10)));
            BinaryPrimitives.WriteUInt64LittleEndian(utf8[(written + 2)..], DecimalDigits.Eight((uint)rest));
            written += 10;
        }
        else
        {
            seconds.TryFormat(utf8[written..], out int digits, default, CultureInfo.InvariantCulture);
            written += digits;
        }
        if (millis != 0)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(utf8[written..], (byte)'.' | ((uint)(DecimalDigits.Eight((uint)millis) >> 40) << 8));
            written += 4;
        }
        return written;
    }

    /// <summary>Count, sum and buckets; the number in front of a bucket says which of its bounds belong to it.</summary>
    public static void Write(Utf8JsonWriter json, FloatHistogram histogram)
    {
        json.WriteStartObject();
        json.WriteString("count", SampleText.Print(histogram.Count));
        json.WriteString("sum", SampleText.Print(histogram.Sum));
        Buckets(json, histogram);
        json.WriteEndObject();
    }

    private static void Buckets(Utf8JsonWriter json, FloatHistogram histogram)
    {
        HistogramBucket[] filled = [.. HistogramBuckets.All(histogram).Where(static bucket => bucket.Count != 0)];
        if (filled.Length == 0)
        {
            return;
        }
        json.WriteStartArray("buckets");
        foreach (HistogramBucket bucket in filled)
        {
            int bounds = (bucket.LowerInclusive, bucket.UpperInclusive) switch { (false, true) => 0, (true, false) => 1, (false, false) => 2, _ => 3 };
            json.WriteStartArray();
            json.WriteNumberValue(bounds);
            json.WriteStringValue(SampleText.Print(bucket.Lower));
            json.WriteStringValue(SampleText.Print(bucket.Upper));
            json.WriteStringValue(SampleText.Print(bucket.Count));
            json.WriteEndArray();
        }
        json.WriteEndArray();
    }
}

/// <summary>What an answer shows of its statistics.</summary>
/// <param name="Timings">Times.</param>
/// <param name="Steps">Steps of the query where samples are shown for each of them (<c>stats=all</c>), else null.</param>
internal sealed record ShownStatistics(TimedSeriesSource Timings, RangeSteps? Steps)
{
    /// <summary>What the parameter <c>stats</c> asks for.</summary>
    public static ShownStatistics? Of(RequestParameters parameters, TimedSeriesSource timings, RangeSteps steps) =>
        parameters.Optional("stats") is { } stats ? new ShownStatistics(timings, stats == "all" ? steps : null) : null;
}

/// <summary>Steps of a range query; an instant query has one.</summary>
internal readonly record struct RangeSteps(long StartMs, long EndMs, long StepMs);
