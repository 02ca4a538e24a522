using SloEngine.Slo.Model;

namespace SloEngine.Slo.OpenSlo;

/// <summary>Reads which spans count: the metric source's <c>spec</c> with <c>signal: spans</c>.</summary>
internal static class SpanConditions
{
    private static readonly string[] Kinds = ["unspecified", "internal", "server", "client", "producer", "consumer"];

    /// <summary>Reads the conditions.</summary>
    public static SpanMeasure Read(YamlPlace spec)
    {
        int? kind = null;
        if (spec.Optional("kind") is { } kindPlace)
        {
            kind = Array.IndexOf(Kinds, kindPlace.Text);
            if (kind < 0)
            {
                throw kindPlace.Fail($"kind is '{kindPlace.Text}', expected internal, server, client, producer or consumer");
            }
        }
        bool? isError = null;
        if (spec.Optional("status") is { } status)
        {
            isError = status.Text switch
            {
                "error" => true,
                "!error" => false,
                _ => throw status.Fail($"status is '{status.Text}', expected error or \"!error\""),
            };
        }
        IReadOnlyList<Matcher> attributes = [.. (spec.Optional("attributes")?.Fields ?? []).Select(field => new Matcher(field.Key, "=", field.Value.Text))];
        return new SpanMeasure(
            spec.Optional("service")?.Text, spec.Optional("name")?.Text, kind, isError, Milliseconds(spec.Optional("maxDurationMs")), attributes)
        {
            MinDuration = Milliseconds(spec.Optional("minDurationMs")),
        };
    }

    /// <summary>Fields that read back to the same conditions.</summary>
    public static Dictionary<string, object> Fields(SpanMeasure spans)
    {
        var fields = new Dictionary<string, object> { ["signal"] = "spans" };
        Add("service", spans.Service);
        Add("name", spans.Name);
        Add("kind", spans.Kind is { } kind ? Kinds[kind] : null);
        Add("status", spans.IsError switch { true => "error", false => "!error", null => null });
        Add("maxDurationMs", spans.MaxDuration?.TotalMilliseconds);
        Add("minDurationMs", spans.MinDuration?.TotalMilliseconds);
        Add("attributes", spans.Attributes.Count == 0 ? null : spans.Attributes.ToDictionary(matcher => matcher.Label, matcher => matcher.Value));
        return fields;

        void Add(string key, object? value)
        {
            if (value is not null)
            {
                fields[key] = value;
            }
        }
    }

    private static TimeSpan? Milliseconds(YamlPlace? place) =>
        place is null ? null
        : place.Number is >= 0 and <= 86_400_000 ? TimeSpan.FromMilliseconds(place.Number)
        : throw place.Fail($"{place.Path} is {place.Text}, expected milliseconds, of up to a day");
}
