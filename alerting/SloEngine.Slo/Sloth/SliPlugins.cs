using System.Text.RegularExpressions;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Slo.Sloth;

/// <summary>
/// SLI plugins that files of Sloth name. Sloth's are Go programs that write a query; here the query stands in a document of its own, with
/// <c>{{.option}}</c> where an option goes.
/// </summary>
internal sealed partial class SliPlugins
{
    private readonly Dictionary<string, Plugin> _plugins = new(StringComparer.Ordinal);

    /// <summary>Takes in an <c>SliPlugin</c> document.</summary>
    public void Add(YamlPlace document)
    {
        document.OnlyKeys("apiVersion", "kind", "metadata", "spec");
        YamlPlace name = document.Required("metadata").Required("name");
        YamlPlace spec = document.Required("spec");
        spec.OnlyKeys("options", "errorRatioQuery");
        var plugin = new Plugin(spec.Required("errorRatioQuery"), Options(spec.Optional("options")));
        foreach (Match named in Option().Matches(plugin.Query.Text))
        {
            string option = named.Groups[1].Value;
            if (option != "window" && !plugin.Options.ContainsKey(option))
            {
                throw plugin.Query.Fail($"{plugin.Query.Path} names {named.Value}, expected one of spec.options or {{{{.window}}}}");
            }
        }
        if (!_plugins.TryAdd(name.Text, plugin))
        {
            throw name.Fail($"{name.Path} '{name.Text}' is defined already");
        }
    }

    /// <summary>The error ratio that a use of a plugin stands for, as PromQL with the window open.</summary>
    public string ErrorRatio(YamlPlace use)
    {
        use.OnlyKeys("id", "options");
        YamlPlace id = use.Required("id");
        if (!_plugins.TryGetValue(id.Text, out Plugin? plugin))
        {
            throw id.Fail($"no SliPlugin '{id.Text}' is defined; Sloth's own are Go programs, which are not run here: write its query as an SliPlugin document, or use events or raw");
        }
        Dictionary<string, string?> options = new(plugin.Options, StringComparer.Ordinal);
        if (use.Optional("options") is { } given)
        {
            given.OnlyKeys([.. plugin.Options.Keys]);
            foreach ((string key, string? value) in Options(given))
            {
                options[key] = value;
            }
        }
        if (options.FirstOrDefault(option => option.Value is null).Key is { } missing)
        {
            throw use.Fail($"{use.Path}.options.{missing} is missing");
        }
        return Option().Replace(plugin.Query.Text, named => options.GetValueOrDefault(named.Groups[1].Value) ?? named.Value);
    }

    /// <summary>Options and their values; null for one without.</summary>
    private static Dictionary<string, string?> Options(YamlPlace? options) =>
        (options?.Fields ?? []).ToDictionary(option => option.Key, option => option.Value.IsMissing ? null : option.Value.Text, StringComparer.Ordinal);

    [GeneratedRegex(@"\{\{-?\s*\.(\w+)\s*-?\}\}")]
    private static partial Regex Option();

    /// <summary>A query with options, and their default values; null for one that has to be given.</summary>
    private sealed record Plugin(YamlPlace Query, Dictionary<string, string?> Options);
}
