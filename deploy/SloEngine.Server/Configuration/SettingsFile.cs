using SloEngine.Slo.OpenSlo;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace SloEngine.Server.Configuration;

/// <summary>Reads a YAML configuration file into settings; an unknown key is an error that names the nearest valid one.</summary>
internal sealed class SettingsFile
{
    private const string TenantsKey = "tenants";
    private const string PipelinesKey = "pipelines";
    private const string AuthenticationKey = "authentication";

    /// <summary>Settings by their keys.</summary>
    public Dictionary<Setting, SettingText> Settings { get; } = [];

    /// <summary>What differs for single tenants, by their names.</summary>
    public Dictionary<string, Dictionary<Setting, SettingText>> Tenants { get; } = new(StringComparer.Ordinal);

    /// <summary>The section of pipelines; null when it is not there.</summary>
    public YamlPlace? Pipelines { get; private set; }

    /// <summary>The section of credentials; null when it is not there.</summary>
    public YamlPlace? Authentication { get; private set; }

    public static SettingsFile Read(string path)
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

    internal static SettingsFile Parse(string text, string path)
    {
        var file = new SettingsFile();
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
            file.Collect(stream.Documents[0].RootNode, "", path);
            if (stream.Documents[0].RootNode is YamlMappingNode)
            {
                YamlPlace document = YamlPlace.Documents(path, text)[0];
                (file.Pipelines, file.Authentication) = (document.Optional(PipelinesKey), document.Optional(AuthenticationKey));
            }
        }
        return file;
    }

    private void Collect(YamlNode node, string prefix, string path)
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
                Settings[setting] = Single(setting, key, valueNode, path);
            }
            else if (key == TenantsKey)
            {
                CollectTenants(valueNode, path);
            }
            else if (key is PipelinesKey or AuthenticationKey)
            {
                continue;
            }
            else if (Setting.All.Any(candidate => candidate.Key.StartsWith(key + ".", StringComparison.Ordinal)))
            {
                Collect(valueNode, key, path);
            }
            else
            {
                throw new ConfigurationException($"{At(path, keyNode)}: unknown key {key}; did you mean {NearestKey.Of(key, Setting.All.Select(known => known.Key).Concat([TenantsKey, PipelinesKey, AuthenticationKey]))}?");
            }
        }
    }

    private void CollectTenants(YamlNode node, string path)
    {
        foreach ((YamlNode name, YamlNode limits) in Mapping(node, TenantsKey, path))
        {
            string tenant = name.ToString();
            if (!SloEngine.Collector.Receivers.Tenants.IsValid(tenant))
            {
                throw new ConfigurationException($"{At(path, name)}: '{tenant}' is no valid tenant name: letters, digits and !-_.*'(), at most 150");
            }
            var own = new Dictionary<Setting, SettingText>();
            foreach ((YamlNode keyNode, YamlNode valueNode) in Mapping(limits, $"{TenantsKey}.{tenant}", path))
            {
                string key = keyNode.ToString();
                Setting setting = TenantLimitsText.Settings.FirstOrDefault(candidate => TenantLimitsText.KeyOf(candidate) == key)
                    ?? throw new ConfigurationException(
                        $"{At(path, keyNode)}: unknown key {key}; did you mean {NearestKey.Of(key, TenantLimitsText.Settings.Select(TenantLimitsText.KeyOf))}?");
                own[setting] = Single(setting, key, valueNode, path);
            }
            Tenants[tenant] = own;
        }
    }

    private static YamlMappingNode Mapping(YamlNode node, string key, string path) => node as YamlMappingNode
        ?? throw new ConfigurationException($"{At(path, node)}: {key} is to be a mapping of keys to values");

    private static SettingText Single(Setting setting, string key, YamlNode node, string path) => node is YamlScalarNode scalar
        ? new SettingText(scalar.Value ?? "", At(path, node))
        : throw new ConfigurationException($"{At(path, node)}: {key} takes a single value ({setting.Value})");

    private static string At(string path, YamlNode node) => $"{path}:{node.Start.Line}:{node.Start.Column}";
}
