using SloEngine.Slo.OpenSlo;

namespace SloEngine.Server.Configuration;

/// <summary>What sections of the configuration file have in common that are more than single values.</summary>
internal static class YamlSections
{
    /// <summary>Fails at a key that is none of these.</summary>
    public static void RejectOtherKeys(this YamlPlace place, params IReadOnlyCollection<string> known)
    {
        foreach ((string key, YamlPlace value) in place.Fields)
        {
            if (!known.Contains(key))
            {
                throw value.Fail($"unknown key {key} in {place.Path}; did you mean {NearestKey.Of(key, known)}?");
            }
        }
    }

    /// <summary>The value of the environment variable that a text such as <c>${NAME}</c> refers to; null when it refers to none.</summary>
    /// <exception cref="SloFileException">The variable is not set.</exception>
    public static string? EnvironmentText(this YamlPlace place, Func<string, string?> environment)
    {
        string text = place.Text;
        if (!text.StartsWith("${", StringComparison.Ordinal) || !text.EndsWith('}'))
        {
            return null;
        }
        string name = text[2..^1];
        return environment(name) is { Length: > 0 } value ? value : throw place.Fail($"{place.Path} refers to the environment variable {name}, which is not set");
    }
}
