using YamlDotNet.RepresentationModel;

namespace SloEngine.Slo.OpenSlo;

/// <summary>Resolves merge keys (yaml.org/type/merge): a mapping gets the fields of others that it does not have itself.</summary>
internal static class YamlMergeKeys
{
    private const string MergeKey = "<<";

    /// <summary>Resolves the merge keys of a node and of all below it.</summary>
    public static void Resolve(YamlNode root) => Resolve(root, new HashSet<YamlNode>(ReferenceEqualityComparer.Instance));

    /// <summary>Anchors may make a node part of itself, so each is resolved once.</summary>
    private static void Resolve(YamlNode node, HashSet<YamlNode> resolved)
    {
        if (!resolved.Add(node))
        {
            return;
        }
        if (node is YamlSequenceNode sequence)
        {
            foreach (YamlNode item in sequence)
            {
                Resolve(item, resolved);
            }
        }
        if (node is not YamlMappingNode mapping)
        {
            return;
        }
        foreach (YamlNode value in mapping.Children.Values)
        {
            Resolve(value, resolved);
        }
        YamlNode? key = mapping.Children.Keys.FirstOrDefault(static key => key is YamlScalarNode { Value: MergeKey });
        if (key is null)
        {
            return;
        }
        YamlNode merged = mapping.Children[key];
        YamlMappingNode[] sources = [.. (merged is YamlSequenceNode list ? list.Children : [merged]).OfType<YamlMappingNode>()];
        if (sources.Length == 0)
        {
            return;
        }
        mapping.Children.Remove(key);
        foreach ((YamlNode name, YamlNode value) in sources.SelectMany(static source => source.Children.ToArray()))
        {
            if (!mapping.Children.ContainsKey(name))
            {
                mapping.Add(name, value);
            }
        }
    }
}
