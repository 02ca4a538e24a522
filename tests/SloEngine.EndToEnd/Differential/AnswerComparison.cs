using System.Globalization;
using System.Text.Json;

namespace SloEngine.EndToEnd.Differential;

/// <summary>Compares two answers of the query API: kind, errors, series, times, values, histograms and remarks.</summary>
internal static class AnswerComparison
{
    private const double Tolerance = 1e-9;

    /// <summary>Below this a difference is that of rounding, as in the variance of equal values.</summary>
    private const double Negligible = 1e-12;

    /// <summary>What differs, or null.</summary>
    public static string? Difference(JsonElement expected, JsonElement actual, bool inOrder)
    {
        foreach (string field in (string[])["status", "errorType", "error"])
        {
            if (Known(Text(expected, field)) != Known(Text(actual, field)))
            {
                return $"{field}: {Text(expected, field)} expected, {Text(actual, field)} {Text(actual, "error")} given";
            }
        }
        if (Text(expected, "status") != "success")
        {
            return null;
        }
        foreach (string remarks in (string[])["warnings", "infos"])
        {
            (string first, string second) = (Remarks(expected, remarks), Remarks(actual, remarks));
            if (first != second)
            {
                return $"{remarks}: {first} expected, {second} given";
            }
        }
        (JsonElement left, JsonElement right) = (expected.GetProperty("data"), actual.GetProperty("data"));
        string type = left.GetProperty("resultType").GetString()!;
        if (type != right.GetProperty("resultType").GetString())
        {
            return $"{type} expected, {right.GetProperty("resultType").GetString()} given";
        }
        (left, right) = (left.GetProperty("result"), right.GetProperty("result"));
        return type is "scalar" or "string" ? Point(left, right) : Series(left, right, inOrder);
    }

    private static string? Series(JsonElement expected, JsonElement actual, bool inOrder)
    {
        (string[] left, string[] right) = (Labels(expected), Labels(actual));
        if (inOrder && !left.SequenceEqual(right) && left.Order().SequenceEqual(right.Order()))
        {
            return $"order: {string.Join(" ", left)} expected, {string.Join(" ", right)} given";
        }
        Dictionary<string, JsonElement> given = actual.EnumerateArray().Zip(right).ToDictionary(pair => pair.Second, pair => pair.First);
        if (left.Except(right).FirstOrDefault() is { } missing)
        {
            return $"{missing} is missing; {right.Length} of {left.Length} given";
        }
        if (right.Except(left).FirstOrDefault() is { } surplus)
        {
            return $"{surplus} is too many; {right.Length} given, {left.Length} expected";
        }
        foreach ((JsonElement series, string labels) in expected.EnumerateArray().Zip(left))
        {
            foreach (string field in (string[])["value", "histogram", "values", "histograms"])
            {
                bool wanted = series.TryGetProperty(field, out JsonElement points);
                if (wanted != given[labels].TryGetProperty(field, out JsonElement others))
                {
                    return $"{labels}: {(wanted ? "no" : "surplus")} {field}";
                }
                string? difference = !wanted ? null : field is "value" or "histogram" ? Point(points, others) : Points(points, others);
                if (difference is not null)
                {
                    return $"{labels}: {difference}";
                }
            }
        }
        return null;
    }

    private static string? Points(JsonElement expected, JsonElement actual)
    {
        if (expected.GetArrayLength() != actual.GetArrayLength())
        {
            return $"{expected.GetArrayLength()} points expected, {actual.GetArrayLength()} given";
        }
        return expected.EnumerateArray().Zip(actual.EnumerateArray(), Point).FirstOrDefault(difference => difference is not null);
    }

    private static string? Point(JsonElement expected, JsonElement actual) =>
        expected[0].GetDecimal() != actual[0].GetDecimal() || !Same(expected[1], actual[1]) ? $"{expected.GetRawText()} expected, {actual.GetRawText()} given" : null;

    private static bool Same(JsonElement expected, JsonElement actual)
    {
        switch (expected.ValueKind)
        {
            case JsonValueKind.Array:
                return expected.GetArrayLength() == actual.GetArrayLength() && expected.EnumerateArray().Zip(actual.EnumerateArray(), Same).All(same => same);
            case JsonValueKind.Object:
                return expected.EnumerateObject().Count() == actual.EnumerateObject().Count()
                    && expected.EnumerateObject().All(field => actual.TryGetProperty(field.Name, out JsonElement other) && Same(field.Value, other));
            case JsonValueKind.Number:
                return expected.GetDouble() == actual.GetDouble();
            default:
                string left = expected.GetString()!;
                string right = actual.GetString()!;
                return left == right || (TryNumber(left, out double one) && TryNumber(right, out double other) && Close(one, other));
        }
    }

    private static bool Close(double one, double other) =>
        one == other || (double.IsNaN(one) && double.IsNaN(other))
        || Math.Abs(one - other) <= Math.Max(Negligible, Tolerance * Math.Max(Math.Abs(one), Math.Abs(other)));

    private static bool TryNumber(string text, out double number) => double.TryParse(text, CultureInfo.InvariantCulture, out number);

    private static string[] Labels(JsonElement series) =>
        [.. series.EnumerateArray().Select(one => string.Join(",", one.GetProperty("metric").EnumerateObject().Select(label => $"{label.Name}={label.Value.GetString()}").Order(StringComparer.Ordinal)))];

    /// <summary>Versions after 3.5 warn of more, and leave out empty names.</summary>
    private static bool IsInBoth(string remark) => !remark.Contains("conflicting counter resets during histogram", StringComparison.Ordinal);

    private static string Remarks(JsonElement answer, string name) =>
        answer.TryGetProperty(name, out JsonElement remarks) ? string.Join(" | ", remarks.EnumerateArray().Select(remark => remark.GetString()!).Where(IsInBoth)
                .Select(remark => remark.Replace(" for metric name \"\"", "", StringComparison.Ordinal)).Order(StringComparer.Ordinal)) : "";

    /// <summary>Which two of several duplicates an error names is open.</summary>
    private static string? Known(string? error) =>
        error is not null && error.StartsWith("found duplicate series", StringComparison.Ordinal) ? error[..error.IndexOf('[', StringComparison.Ordinal)] : error;

    private static string? Text(JsonElement answer, string name) => answer.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;
}
