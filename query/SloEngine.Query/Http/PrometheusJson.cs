using System.Globalization;
using System.Text.Json;
using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;

namespace SloEngine.Query.Http;

/// <summary>Query results in the JSON of Prometheus: times in seconds, values as text.</summary>
internal static class PrometheusJson
{
    public static void Write(Utf8JsonWriter json, QueryValue value)
    {
        json.WriteStartObject();
        json.WriteString("resultType", value switch { ScalarResult => "scalar", StringResult => "string", VectorResult => "vector", _ => "matrix" });
        json.WritePropertyName("result");
        switch (value)
        {
            case ScalarResult scalar:
                Point(json, scalar.TimeMs, Number(scalar.Value));
                break;
            case StringResult text:
                Point(json, text.TimeMs, text.Value);
                break;
            case VectorResult vector:
                json.WriteStartArray();
                foreach ((Labels labels, long timeMs, double sample) in vector.Samples)
                {
                    json.WriteStartObject();
                    json.WritePropertyName("metric");
                    Write(json, labels);
                    json.WritePropertyName("value");
                    Point(json, timeMs, Number(sample));
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
                    json.WriteStartArray("values");
                    for (int index = 0; index < series.Values.Length; index++)
                    {
                        Point(json, series.TimesMs[index], Number(series.Values[index]));
                    }
                    json.WriteEndArray();
                    json.WriteEndObject();
                }
                json.WriteEndArray();
                break;
        }
        json.WriteEndObject();
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

    private static void Point(Utf8JsonWriter json, long timeMs, string value)
    {
        json.WriteStartArray();
        json.WriteRawValue((timeMs / 1000d).ToString("0.###", CultureInfo.InvariantCulture), skipInputValidation: true);
        json.WriteStringValue(value);
        json.WriteEndArray();
    }

    private static string Number(double value) => value switch
    {
        double.PositiveInfinity => "+Inf",
        double.NegativeInfinity => "-Inf",
        _ => value.ToString("R", CultureInfo.InvariantCulture),
    };
}
