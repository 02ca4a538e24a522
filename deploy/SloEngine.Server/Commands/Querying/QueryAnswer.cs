using System.Globalization;
using System.Text.Json;

namespace SloEngine.Server.Commands.Querying;

/// <summary>A server's error, in its own words.</summary>
internal sealed class QueryRefusedException(string message) : Exception(message);

/// <summary>A point of an answer: its value as the server wrote it, of a histogram a summary.</summary>
internal readonly record struct AnswerPoint(decimal Seconds, string Text)
{
    /// <summary>The value; NaN for text and histograms.</summary>
    public double Value => Text switch
    {
        "+Inf" => double.PositiveInfinity,
        "-Inf" => double.NegativeInfinity,
        _ => double.TryParse(Text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : double.NaN,
    };

    /// <summary>The time as text.</summary>
    public string Time => DateTimeOffset.FromUnixTimeMilliseconds((long)(Seconds * 1000)).ToString("yyyy-MM-ddTHH:mm:ss.FFF'Z'", CultureInfo.InvariantCulture);
}

/// <summary>A series of an answer; a scalar or text is one without labels.</summary>
internal sealed record AnswerSeries(SortedDictionary<string, string> Labels, IReadOnlyList<AnswerPoint> Points)
{
    private const string MetricName = "__name__";

    /// <summary>Name and labels as PromQL writes them.</summary>
    public string Title
    {
        get
        {
            string labels = string.Join(", ", Labels.Where(label => label.Key != MetricName).Select(label => $"{label.Key}={JsonSerializer.Serialize(label.Value)}"));
            string name = Labels.GetValueOrDefault(MetricName, "");
            return labels.Length > 0 || name.Length == 0 ? $"{name}{{{labels}}}" : name;
        }
    }
}

/// <summary>The answer to a query.</summary>
/// <param name="Type">scalar, string, vector or matrix.</param>
/// <param name="Series">Its series.</param>
/// <param name="Remarks">Warnings and infos.</param>
/// <param name="Json">The data as it came, indented.</param>
internal sealed record QueryAnswer(string Type, IReadOnlyList<AnswerSeries> Series, IReadOnlyList<string> Remarks, string Json)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <exception cref="QueryRefusedException">The answer is an error.</exception>
    /// <exception cref="JsonException">The text is no answer of the API.</exception>
    public static QueryAnswer Read(string text)
    {
        using JsonDocument document = JsonDocument.Parse(text);
        JsonElement answer = document.RootElement;
        if (answer.ValueKind != JsonValueKind.Object || !answer.TryGetProperty("data", out JsonElement data))
        {
            throw new QueryRefusedException(
                answer.ValueKind == JsonValueKind.Object && answer.TryGetProperty("error", out JsonElement error) ? error.GetString()! : "the answer is not one of Prometheus' API");
        }
        string type = data.GetProperty("resultType").GetString()!;
        JsonElement result = data.GetProperty("result");
        AnswerSeries[] series = type is "scalar" or "string"
            ? [new AnswerSeries([], [Point(result)])]
            : [.. result.EnumerateArray().Select(ReadSeries)];
        string[] remarks = [.. Texts(answer, "warnings"), .. Texts(answer, "infos")];
        return new QueryAnswer(type, series, remarks, JsonSerializer.Serialize(data, Indented));
    }

    private static AnswerSeries ReadSeries(JsonElement series)
    {
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (JsonProperty label in series.GetProperty("metric").EnumerateObject())
        {
            labels[label.Name] = label.Value.GetString()!;
        }
        var points = new List<AnswerPoint>();
        foreach (string name in (string[])["value", "histogram"])
        {
            if (series.TryGetProperty(name, out JsonElement point))
            {
                points.Add(Point(point));
            }
        }
        foreach (string name in (string[])["values", "histograms"])
        {
            if (series.TryGetProperty(name, out JsonElement several))
            {
                points.AddRange(several.EnumerateArray().Select(Point));
            }
        }
        return new AnswerSeries(labels, [.. points.OrderBy(point => point.Seconds)]);
    }

    private static AnswerPoint Point(JsonElement point)
    {
        JsonElement value = point[1];
        return new AnswerPoint(
            point[0].GetDecimal(),
            value.ValueKind == JsonValueKind.Object ? $"count={value.GetProperty("count").GetString()} sum={value.GetProperty("sum").GetString()}" : value.GetString()!);
    }

    private static IEnumerable<string> Texts(JsonElement answer, string name) =>
        answer.TryGetProperty(name, out JsonElement texts) ? texts.EnumerateArray().Select(text => text.GetString()!) : [];
}
