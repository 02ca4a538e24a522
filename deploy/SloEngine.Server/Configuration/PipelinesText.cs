using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using SloEngine.Collector.Pipelines;
using SloEngine.Collector.Pipelines.Tail;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Server.Configuration;

/// <summary>Reads the section <c>pipelines</c> of the configuration file.</summary>
internal static class PipelinesText
{
    private const int ShortestSalt = 16;

    private static readonly string[] Steps = ["drop", "rename", "hash", "redact", "filter", "sample", "tail_sample"];

    /// <summary>Reads the pipelines of the three signals.</summary>
    /// <param name="section">The section.</param>
    /// <param name="environment">Reads an environment variable.</param>
    /// <exception cref="SloFileException">Something does not fit; the message says where, and what is expected.</exception>
    public static PipelineOptions Read(YamlPlace section, Func<string, string?> environment)
    {
        section.RejectOtherKeys("metrics", "logs", "traces");
        Pipeline metrics = One(section.Optional("metrics"), "metrics", environment);
        Pipeline logs = One(section.Optional("logs"), "logs", environment);
        Pipeline traces = One(section.Optional("traces"), "traces", environment);
        return new PipelineOptions
        {
            Metrics = metrics.Edits, Logs = logs.Edits, Traces = traces.Edits, SampleLogs = logs.Sample, SampleTraces = traces.Sample, TailTraces = traces.Tail,
        };
    }

    private sealed class Pipeline
    {
        public List<PipelineStep> Edits { get; } = [];

        public HeadSampling? Sample { get; set; }

        public TailSampling? Tail { get; set; }
    }

    private static Pipeline One(YamlPlace? place, string signal, Func<string, string?> environment)
    {
        var pipeline = new Pipeline();
        int index = 0;
        foreach (YamlPlace item in place?.Items ?? [])
        {
            item.RejectOtherKeys(Steps);
            (string kind, YamlPlace step) = item.Fields.Count() == 1 ? item.Fields.Single()
                : throw item.Fail($"{item.Path} is to hold one step: {string.Join(", ", Steps)}");
            string name = string.Create(CultureInfo.InvariantCulture, $"{signal}[{index++}].{kind}");
            switch (kind)
            {
                case "sample":
                    if (signal == "metrics" || pipeline.Sample is not null || pipeline.Tail is not null)
                    {
                        throw step.Fail($"{step.Path} is not possible here; expected one sample in logs or traces, before tail_sample");
                    }
                    step.RejectOtherKeys("percentage");
                    pipeline.Sample = new HeadSampling(name, Percentage(step.Required("percentage")));
                    continue;
                case "tail_sample":
                    pipeline.Tail = signal == "traces" && pipeline.Tail is null ? Tail(step, name)
                        : throw step.Fail($"{step.Path} is not possible here; expected one in traces, as the last step");
                    continue;
                default:
                    pipeline.Edits.Add(pipeline.Sample is null && pipeline.Tail is null ? Edit(step, kind, name, signal, environment)
                        : throw step.Fail($"{step.Path} stands behind a sample; SLOs count what edits leave and samples do not touch: expected samples last"));
                    continue;
            }
        }
        return pipeline;
    }

    private static PipelineStep Edit(YamlPlace step, string kind, string name, string signal, Func<string, string?> environment) => kind switch
    {
        "drop" => new DropStep(name, Set(step)),
        "rename" => new RenameStep(name, [.. step.Fields.Select(field => (Utf8(field.Key), Utf8(Filled(field.Value))))]),
        "hash" => Hash(step, name, environment),
        "redact" => Redact(step, name),
        _ => Filter(step, name, signal),
    };

    private static HashStep Hash(YamlPlace step, string name, Func<string, string?> environment)
    {
        step.RejectOtherKeys("attributes", "salt");
        YamlPlace salt = step.Required("salt");
        string text = salt.EnvironmentText(environment) ?? throw salt.Fail($"{salt.Path} holds a salt in clear; expected ${{VARIABLE}}");
        return text.Length >= ShortestSalt ? new HashStep(name, Set(step.Required("attributes")), Utf8(text))
            : throw salt.Fail(string.Create(CultureInfo.InvariantCulture, $"{salt.Path} has {text.Length} characters; expected at least {ShortestSalt}, best random"));
    }

    private static RedactStep Redact(YamlPlace step, string name)
    {
        step.RejectOtherKeys("patterns", "custom");
        RedactionPatterns patterns = step.Optional("patterns") is null ? RedactionPatterns.All : RedactionPatterns.None;
        foreach (YamlPlace item in step.Optional("patterns")?.Items ?? [])
        {
            patterns |= item.Text switch
            {
                "bearer" => RedactionPatterns.Bearer,
                "api_key" => RedactionPatterns.ApiKey,
                "card" => RedactionPatterns.Card,
                "email" => RedactionPatterns.Email,
                string other => throw item.Fail($"{item.Path} is '{other}', expected bearer, api_key, card or email"),
            };
        }
        var custom = new List<(string, Regex)>();
        foreach ((string key, YamlPlace pattern) in step.Optional("custom")?.Fields ?? [])
        {
            try
            {
                custom.Add((key, new Regex(Filled(pattern), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant)));
            }
            catch (Exception wrong) when (wrong is ArgumentException or NotSupportedException)
            {
                throw pattern.Fail($"{pattern.Path} is no expression that takes linear time: {wrong.Message}");
            }
        }
        return new RedactStep(name, new Redactor(patterns, custom));
    }

    private static FilterStep Filter(YamlPlace step, string name, string signal)
    {
        string[] known = signal == "logs" ? ["service", "name", "severity_below", "attributes"] : ["service", "name", "attributes"];
        step.RejectOtherKeys(known);
        var filter = new TelemetryFilter
        {
            Services = step.Optional("service") is { } service ? Set(service) : null,
            Names = step.Optional("name") is { } names ? Set(names) : null,
            SeverityBelow = step.Optional("severity_below") is { } severity ? Severity(severity) : 0,
            Attributes = [.. (step.Optional("attributes")?.Fields ?? []).Select(field => (Utf8(field.Key), Set(field.Value)))],
        };
        return step.Fields.Any() ? new FilterStep(name, filter) : throw step.Fail($"{step.Path} is empty and would drop everything; expected one of {string.Join(", ", known)}");
    }

    /// <summary>Severity numbers of OpenTelemetry's logs data model, of which each name has four.</summary>
    private static int Severity(YamlPlace place) => place.Text.ToUpperInvariant() switch
    {
        "DEBUG" => 5,
        "INFO" => 9,
        "WARN" => 13,
        "ERROR" => 17,
        "FATAL" => 21,
        string other => throw place.Fail($"{place.Path} is '{other}', expected debug, info, warn, error or fatal"),
    };

    private static TailSampling Tail(YamlPlace step, string name)
    {
        step.RejectOtherKeys("decision_wait", "keep_errors", "slower_than", "percentage", "max_traces", "max_decisions");
        var defaults = new TailSampling { Name = name };
        TimeSpan wait = step.Optional("decision_wait") is { } given ? given.Duration : defaults.DecisionWait;
        if (wait < TimeSpan.FromSeconds(1) || wait > TimeSpan.FromMinutes(10))
        {
            throw step.Required("decision_wait").Fail($"{step.Path}.decision_wait does not fit; expected 1s to 10m");
        }
        return defaults with
        {
            DecisionWait = wait,
            KeepErrors = step.Optional("keep_errors")?.Boolean ?? true,
            SlowerThan = step.Optional("slower_than") is { } slow ? Milliseconds(slow) : null,
            Rest = Percentage(step.Required("percentage")),
            MaxPending = Count(step.Optional("max_traces"), defaults.MaxPending),
            MaxDecisions = Count(step.Optional("max_decisions"), defaults.MaxDecisions),
        };
    }

    /// <summary>A duration, in milliseconds where it ends in ms.</summary>
    private static TimeSpan Milliseconds(YamlPlace place) =>
        place.Text.EndsWith("ms", StringComparison.Ordinal) && int.TryParse(place.Text.AsSpan(0, place.Text.Length - 2), NumberStyles.None, CultureInfo.InvariantCulture, out int milliseconds)
            ? TimeSpan.FromMilliseconds(milliseconds) : place.Duration;

    private static int Count(YamlPlace? place, int otherwise) => place is null ? otherwise
        : int.TryParse(place.Text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count is >= 1000 and <= 20_000_000 ? count
        : throw place.Fail($"{place.Path} is '{place.Text}', expected a whole number from 1000 to 20000000");

    private static SamplingThreshold Percentage(YamlPlace place) => place.Number is >= 0 and <= 100 ? SamplingThreshold.Of(place.Number / 100)
        : throw place.Fail($"{place.Path} is '{place.Text}', expected a percentage from 0 to 100");

    private static KeySet Set(YamlPlace place) => new(place.IsScalar ? [Filled(place)] : [.. place.Items.Select(Filled)]);

    private static string Filled(YamlPlace place) => place.Text.Length > 0 ? place.Text : throw place.Fail($"{place.Path} is empty, expected a name");

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
