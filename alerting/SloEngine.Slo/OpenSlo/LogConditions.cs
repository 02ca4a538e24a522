using SloEngine.Slo.Model;

namespace SloEngine.Slo.OpenSlo;

/// <summary>Reads which log records count: the metric source's <c>spec</c> with <c>signal: logs</c>.</summary>
internal static class LogConditions
{
    /// <summary>Words for ranges of four severity numbers, from 1 on (OpenTelemetry logs data model, SeverityNumber).</summary>
    private static readonly string[] Severities = ["trace", "debug", "info", "warn", "error", "fatal"];

    /// <summary>Reads the conditions.</summary>
    public static LogMeasure Read(YamlPlace spec)
    {
        spec.OnlyKeys("signal", "service", "eventName", "minSeverity", "maxSeverity", "contains", "matches", "attributes");
        IReadOnlyList<Matcher> attributes = [.. (spec.Optional("attributes")?.Fields ?? []).Select(field => new Matcher(field.Key, "=", field.Value.Text))];
        var measure = new LogMeasure(spec.Optional("service")?.Text, spec.Optional("eventName")?.Text, attributes)
        {
            MinSeverity = Severity(spec.Optional("minSeverity"), isLeast: true),
            MaxSeverity = Severity(spec.Optional("maxSeverity"), isLeast: false),
            BodyContains = spec.Optional("contains")?.Text,
        };
        if (measure.MinSeverity > measure.MaxSeverity)
        {
            throw spec.Required("minSeverity").Fail($"minSeverity is above maxSeverity: no log record could count");
        }
        return spec.Optional("matches") is { } pattern ? Matching(measure, pattern) : measure;
    }

    /// <summary>A severity as it is written.</summary>
    public static string Text(int severity, bool isLeast) =>
        severity > 0 && (isLeast ? (severity - 1) % 4 == 0 : severity % 4 == 0) ? Severities[(severity - 1) / 4] : $"{severity}";

    private static LogMeasure Matching(LogMeasure measure, YamlPlace pattern)
    {
        try
        {
            return measure with { BodyMatches = pattern.Text };
        }
        catch (Exception wrong) when (wrong is ArgumentException or NotSupportedException)
        {
            throw pattern.Fail($"{pattern.Path} is not a pattern without look-around and back-references: {wrong.Message}");
        }
    }

    private static int? Severity(YamlPlace? place, bool isLeast)
    {
        if (place is null)
        {
            return null;
        }
        int word = Array.IndexOf(Severities, place.Text);
        if (word >= 0)
        {
            return (word * 4) + (isLeast ? 1 : 4);
        }
        return int.TryParse(place.Text, out int number) && number is >= 0 and <= 24 ? number
            : throw place.Fail($"{place.Path} is '{place.Text}', expected {string.Join(", ", Severities)} or a severity number from 0 to 24");
    }
}
