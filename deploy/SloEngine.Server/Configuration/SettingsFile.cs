using SloEngine.Slo.OpenSlo;
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
                throw new ConfigurationException($"{At(path, keyNode)}: unknown key {key}; did you mean {NearestKey.Of(key, Setting.All.Select(known => known.Key))}?");
            }
        }
    }

    private static string At(string path, YamlNode node) => $"{path}:{node.Start.Line}:{node.Start.Column}";
}
