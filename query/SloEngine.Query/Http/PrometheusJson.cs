using System.Globalization;
using System.Text.Json;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Histograms;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Text;

namespace SloEngine.Query.Http;

/// <summary>Query results in the JSON of Prometheus: times in seconds, values as text.</summary>
internal static class PrometheusJson
{
    /// <summary>Remarks of a kind that one answer holds.</summary>
    private const int MaxRemarks = 10;

    /// <summary>The result as the value of <c>data</c>, and behind it what was remarked on it.</summary>
    public static void WriteAnswer(Utf8JsonWriter json, QueryValue value, string query)
    {
        Write(json, value);
        WriteRemarks(json, "warnings", value.Annotations, AnnotationKind.Warning, query);
        WriteRemarks(json, "infos", value.Annotations, AnnotationKind.Info, query);
    }

    public static void Write(Utf8JsonWriter json, Labels labels)
    {
        json.WriteStartObject();
        foreach ((string name, string value) in labels.Pairs)
        {
            json.WriteString(name, value);
        }
        json.WriteEndObject();
    }

    private static void WriteRemarks(Utf8JsonWriter json, string name, IReadOnlyList<Annotation> annotations, AnnotationKind kind, string query)
    {
        Annotation[] remarks = [.. annotations.Where(annotation => annotation.Kind == kind)];
        if (remarks.Length == 0)
        {
            return;
        }
        json.WriteStartArray(name);
        foreach (Annotation remark in remarks.Take(MaxRemarks))
        {
            json.WriteStringValue(remark.Describe(query));
        }
        if (remarks.Length > MaxRemarks)
        {
            string word = kind == AnnotationKind.Warning ? "warning" : "info";
            json.WriteStringValue(string.Create(CultureInfo.InvariantCulture, $"{remarks.Length - MaxRemarks} more {word} annotations omitted"));
        }
        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, QueryValue value)
    {
        json.WriteStartObject();
        json.WriteString("resultType", value switch { ScalarResult => "scalar", StringResult => "string", VectorResult => "vector", _ => "matrix" });
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
                foreach ((Labels labels, long timeMs, double sample, FloatHistogram? histogram) in vector.Samples)
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
                foreach (ResultSeries series in matrix.Series)
                {
                    json.WriteStartObject();
                    json.WritePropertyName("metric");
                    Write(json, series.Labels);
                    Points(json, "values", series, histograms: false);
                    Points(json, "histograms", series, histograms: true);
                    json.WriteEndObject();
                }
                json.WriteEndArray();
                break;
        }
        json.WriteEndObject();
    }

    /// <summary>Floats and histograms of a series stand in separate lists; one that is empty is left out.</summary>
    private static void Points(Utf8JsonWriter json, string name, ResultSeries series, bool histograms)
    {
        bool started = false;
        for (int index = 0; index < series.Values.Length; index++)
        {
            FloatHistogram? histogram = series.Histograms?[index];
            if (histogram is not null != histograms)
            {
                continue;
            }
            if (!started)
            {
                json.WriteStartArray(name);
                started = true;
            }
            Point(json, series.TimesMs[index], series.Values[index], histogram);
        }
        if (started)
        {
            json.WriteEndArray();
        }
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
        json.WriteStartArray();
        Time(json, timeMs);
        if (histogram is null)
        {
            json.WriteStringValue(SampleText.Print(value));
        }
        else
        {
            Write(json, histogram);
        }
        json.WriteEndArray();
    }

    private static void Time(Utf8JsonWriter json, long timeMs) =>
        json.WriteRawValue((timeMs / 1000d).ToString("0.###", CultureInfo.InvariantCulture), skipInputValidation: true);

    /// <summary>Count, sum and buckets; the number in front of a bucket says which of its bounds belong to it.</summary>
    private static void Write(Utf8JsonWriter json, FloatHistogram histogram)
    {
        json.WriteStartObject();
        json.WriteString("count", SampleText.Print(histogram.Count));
        json.WriteString("sum", SampleText.Print(histogram.Sum));
        json.WriteStartArray("buckets");
        foreach (HistogramBucket bucket in HistogramBuckets.All(histogram))
        {
            if (bucket.Count == 0)
            {
                continue;
            }
            int bounds = (bucket.LowerInclusive, bucket.UpperInclusive) switch { (false, true) => 0, (true, false) => 1, (false, false) => 2, _ => 3 };
            json.WriteStartArray();
            json.WriteNumberValue(bounds);
            json.WriteStringValue(SampleText.Print(bucket.Lower));
            json.WriteStringValue(SampleText.Print(bucket.Upper));
            json.WriteStringValue(SampleText.Print(bucket.Count));
            json.WriteEndArray();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
