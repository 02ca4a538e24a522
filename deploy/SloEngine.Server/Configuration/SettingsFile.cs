using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace SloEngine.Server.Configuration;

/// <summary>Reads a YAML configuration file into settings; an unknown key is an error that names the nearest valid one.</summary>
internal static class SettingsFile
{
    public static Dictionary<Setting, SettingText> Read(string path)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"configuration file {path} cannot be read: {failure.Message}");
        }
        return Parse(text, path);
    }

    internal static Dictionary<Setting, SettingText> Parse(string text, string path)
    {
        var values = new Dictionary<Setting, SettingText>();
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException failure)
        {
            throw new ConfigurationException($"{path}:{failure.Start.Line}:{failure.Start.Column}: not valid YAML: {failure.Message}");
        }
        if (stream.Documents.Count > 0)
        {
            Collect(stream.Documents[0].RootNode, "", path, values);
        }
        return values;
    }

    private static void Collect(YamlNode node, string prefix, string path, Dictionary<Setting, SettingText> values)
    {
        if (node is YamlScalarNode { Value: null or "" } && prefix.Length == 0)
        {
            return;
        }
        if (node is not YamlMappingNode mapping)
        {
            throw new ConfigurationException($"{At(path, node)}: {(prefix.Length == 0 ? "the file" : prefix)} is to be a mapping of keys to values");
        }
        foreach ((YamlNode keyNode, YamlNode valueNode) in mapping)
        {
            string key = prefix.Length == 0 ? keyNode.ToString() : $"{prefix}.{keyNode}";
            Setting? setting = Setting.All.FirstOrDefault(candidate => candidate.Key == key);
            if (setting is not null)
            {
                if (valueNode is not YamlScalarNode scalar)
                {
                    throw new ConfigurationException($"{At(path, valueNode)}: {key} takes a single value ({setting.Value})");
                }
                values[setting] = new SettingText(scalar.Value ?? "", At(path, valueNode));
            }
            else if (Setting.All.Any(candidate => candidate.Key.StartsWith(key + ".", StringComparison.Ordinal)))
            {
                Collect(valueNode, key, path, values);
            }
            else
            {
                throw new ConfigurationException($"{At(path, keyNode)}: unknown key {key}; did you mean {Nearest(key)}?");
            }
        }
    }

    private static string At(string path, YamlNode node) => $"{path}:{node.Start.Line}:{node.Start.Column}";

    private static string Nearest(string key) => Setting.All.MinBy(setting => EditDistance(setting.Key, key))!.Key;

    /// <summary>Levenshtein distance.</summary>
    private static int EditDistance(string left, string right)
    {
        int[] row = [.. Enumerable.Range(0, right.Length + 1)];
        for (int i = 1; i <= left.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= right.Length; j++)
            {
                int substituted = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[^1];
    }
}
