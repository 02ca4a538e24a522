using SloEngine.PromQL.Evaluation;

namespace SloEngine.Rules.Templates;

/// <summary>The templates in labels and annotations of an alerting rule.</summary>
internal static class AlertTemplate
{
    /// <summary>Variables that every such template has; they stand before its text, so messages count columns from there.</summary>
    public const string Definitions =
        "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}";

    private static readonly TemplateOptions Options = new();

    /// <summary>Name of an alert's templates in messages.</summary>
    public static string NameOf(string alert) => "__alert_" + alert;

    /// <summary>Expands a text; what goes wrong stands in the result, so that an alert is never lost to its description.</summary>
    public static string Expand(string alert, string text, AlertTemplateData data, TemplateEnvironment environment)
    {
        if (!text.Contains("{{", StringComparison.Ordinal))
        {
            return text;
        }
        try
        {
            return Template.Expand(NameOf(alert), Definitions + text, data, environment, Options);
        }
        catch (TemplateException wrong)
        {
            return $"<error expanding template: {wrong.Message}>";
        }
    }

    /// <summary>What a sample gives to templates.</summary>
    public static AlertTemplateData Data(VectorSample sample, IReadOnlyDictionary<string, string> externalLabels, string externalUrl) =>
        new(TemplateEnvironment.Map(sample.Labels), externalLabels, externalUrl, sample.Histogram is { } histogram ? histogram : sample.Value);
}
