using System.Buffers;
using System.Text;

namespace SloEngine.Otlp.Naming;

/// <summary>
/// Prometheus names of OpenTelemetry metrics and attributes (OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility").
/// </summary>
public static class PrometheusName
{
    private static readonly SearchValues<char> OfLabels = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    private static readonly SearchValues<char> OfMetrics = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:");

    private static readonly Dictionary<string, string> Units = new(StringComparer.Ordinal)
    {
        ["d"] = "days", ["h"] = "hours", ["min"] = "minutes", ["s"] = "seconds", ["ms"] = "milliseconds", ["us"] = "microseconds", ["ns"] = "nanoseconds",
        ["By"] = "bytes", ["KiBy"] = "kibibytes", ["MiBy"] = "mebibytes", ["GiBy"] = "gibibytes", ["TiBy"] = "tibibytes",
        ["KBy"] = "kilobytes", ["MBy"] = "megabytes", ["GBy"] = "gigabytes", ["TBy"] = "terabytes",
        ["m"] = "meters", ["V"] = "volts", ["A"] = "amperes", ["J"] = "joules", ["W"] = "watts", ["g"] = "grams",
        ["Cel"] = "celsius", ["Hz"] = "hertz", ["%"] = "percent", ["1"] = "",
    };

    private static readonly Dictionary<string, string> PerUnits = new(StringComparer.Ordinal)
    {
        ["s"] = "second", ["m"] = "minute", ["h"] = "hour", ["d"] = "day", ["w"] = "week", ["mo"] = "month", ["y"] = "year",
    };

    /// <summary>Name of a metric with its unit and type suffixes.</summary>
    /// <param name="name">OpenTelemetry name.</param>
    /// <param name="unit">UCUM unit.</param>
    /// <param name="isCounter">Whether it is a monotonic sum, which gets <c>_total</c>.</param>
    /// <param name="isGauge">Whether it is a gauge, which gets <c>_ratio</c> when its unit is 1.</param>
    public static string Of(string name, string unit, bool isCounter, bool isGauge)
    {
        List<string> tokens = Tokens(name);
        int slash = unit.IndexOf('/', StringComparison.Ordinal);
        string main = Unit(slash < 0 ? unit : unit[..slash], Units);
        string per = slash < 0 ? "" : Unit(unit[(slash + 1)..], PerUnits);
        if (main.Length > 0 && !tokens.Contains(main))
        {
            tokens.Add(main);
        }
        if (per.Length > 0 && !tokens.Contains(per))
        {
            tokens.Add("per");
            tokens.Add(per);
        }
        MoveToEnd(tokens, "total", isCounter);
        MoveToEnd(tokens, "ratio", isGauge && unit == "1");
        string joined = string.Join('_', tokens);
        return joined.Length > 0 && char.IsAsciiDigit(joined[0]) ? "_" + joined : joined;
    }

    /// <summary>Whether a metric may have this name without a translation: letters, digits, underscores and colons, the first no digit.</summary>
    public static bool IsMetric(string name) => IsOf(OfMetrics, name);

    /// <summary>The label that an attribute's name is translated to, or null where it is one as it stands: letters, digits and underscores, the first no digit.</summary>
    public static string? Translated(string attribute) => IsOf(OfLabels, attribute) ? null : Label(attribute);

    /// <summary>Name of an attribute as a label; a reserved one (<c>__name__</c>) keeps its underscores at both ends.</summary>
    public static string Label(string attribute) =>
        attribute.Length > 4 && attribute.StartsWith("__", StringComparison.Ordinal) && attribute.EndsWith("__", StringComparison.Ordinal)
            ? $"__{Sanitised(attribute.Trim('_'))}__"
            : Sanitised(attribute);

    private static bool IsOf(SearchValues<char> letters, string name) =>
        name.Length > 0 && !char.IsAsciiDigit(name[0]) && !name.AsSpan().ContainsAnyExcept(letters);

    private static string Sanitised(string attribute)
    {
        var text = new StringBuilder(attribute.Length);
        foreach (char letter in attribute)
        {
            char kept = char.IsAsciiLetterOrDigit(letter) ? letter : '_';
            if (kept != '_' || text.Length == 0 || text[^1] != '_')
            {
                text.Append(kept);
            }
        }
        return text.Length > 0 && char.IsAsciiDigit(text[0]) ? "key_" + text : text.ToString();
    }

    private static List<string> Tokens(string name)
    {
        var tokens = new List<string>();
        int start = 0;
        for (int index = 0; index <= name.Length; index++)
        {
            if (index < name.Length && (char.IsAsciiLetterOrDigit(name[index]) || name[index] == ':'))
            {
                continue;
            }
            if (index > start)
            {
                tokens.Add(name[start..index]);
            }
            start = index + 1;
        }
        return tokens;
    }

    private static string Unit(string unit, Dictionary<string, string> known)
    {
        unit = unit.Trim();
        if (unit.Contains('{', StringComparison.Ordinal) || unit.Contains('}', StringComparison.Ordinal))
        {
            return "";
        }
        return known.TryGetValue(unit, out string? word) ? word : string.Join('_', Tokens(unit));
    }

    private static void MoveToEnd(List<string> tokens, string suffix, bool wanted)
    {
        if (wanted)
        {
            tokens.RemoveAll(token => token == suffix);
            tokens.Add(suffix);
        }
    }
}
