using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace SloEngine.Scaling.Policies;

/// <summary>Reads scaling policies: YAML documents of <c>kind: ScalingPolicy</c>. Errors name file, line and expectation.</summary>
public static class ScalingPolicyFile
{
    private static readonly string[] Keys =
    [
        "apiVersion", "kind", "metadata.name", "spec.target.namespace", "spec.target.name", "spec.slo", "spec.requestsPerReplica", "spec.window",
        "spec.burn.threshold", "spec.burn.boost", "spec.burn.window", "spec.minReplicas", "spec.maxReplicas", "spec.scaleDown.cooldown",
    ];

    /// <summary>Reads every YAML file of a directory.</summary>
    /// <exception cref="FormatException">A file does not fit.</exception>
    public static IReadOnlyList<ScalingPolicy> ReadDirectory(string directory)
    {
        var policies = new List<ScalingPolicy>();
        foreach (string path in Directory.EnumerateFiles(directory, "*.y*ml").Order(StringComparer.Ordinal))
        {
            policies.AddRange(Read(Path.GetFileName(path), File.ReadAllText(path)));
        }
        string? twice = policies.GroupBy(policy => policy.Name).FirstOrDefault(group => group.Count() > 1)?.Key;
        return twice is null ? policies : throw new FormatException($"{directory}: scaling policy '{twice}' is defined twice");
    }

    /// <summary>Reads the documents of one file.</summary>
    /// <exception cref="FormatException">The text does not fit.</exception>
    public static IReadOnlyList<ScalingPolicy> Read(string file, string text)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException malformed)
        {
            throw new FormatException($"{file}:{malformed.Start.Line}:{malformed.Start.Column}: not valid YAML: {malformed.Message}");
        }
        return [.. stream.Documents.Select(document => Read(file, document.RootNode))];
    }

    private static ScalingPolicy Read(string file, YamlNode root)
    {
        var values = new Dictionary<string, YamlScalarNode>(StringComparer.Ordinal);
        Flatten(file, root, "", values);

        FormatException Fail(YamlNode node, string message) => new($"{file}:{node.Start.Line}:{node.Start.Column}: {message}");
        string Text(string key) => values.TryGetValue(key, out YamlScalarNode? node) && node.Value is { Length: > 0 } value ? value : throw Fail(root, $"{key} is missing");
        double Number(string key, double otherwise, double least)
        {
            return !values.TryGetValue(key, out YamlScalarNode? node) ? otherwise
                : double.TryParse(node.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && number >= least ? number
                : throw Fail(node, $"{key} is '{node.Value}', expected a number from {least.ToString(CultureInfo.InvariantCulture)}");
        }
        TimeSpan Duration(string key, TimeSpan otherwise)
        {
            if (!values.TryGetValue(key, out YamlScalarNode? node))
            {
                return otherwise;
            }
            string value = node.Value ?? "";
            double? unit = value.Length > 1 ? value[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, _ => null } : null;
            return unit is { } seconds && double.TryParse(value.AsSpan(0, value.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out double amount) && amount * seconds is > 0 and <= 86_400
                ? TimeSpan.FromSeconds(amount * seconds)
                : throw Fail(node, $"{key} is '{value}', expected a duration above zero and up to 24h, such as 30s, 2m or 1h");
        }

        if (Text("apiVersion") != "sloengine/v1" || Text("kind") != "ScalingPolicy")
        {
            throw Fail(root, $"apiVersion and kind are {Text("apiVersion")} and {Text("kind")}, expected sloengine/v1 and ScalingPolicy");
        }
        var policy = new ScalingPolicy
        {
            Name = Text("metadata.name"),
            TargetNamespace = Text("spec.target.namespace"),
            TargetName = Text("spec.target.name"),
            Slo = Text("spec.slo"),
            RequestsPerReplica = Number("spec.requestsPerReplica", 0, 0),
            Window = Duration("spec.window", TimeSpan.FromMinutes(2)),
            BurnThreshold = Number("spec.burn.threshold", 6, 0),
            BurnBoost = Number("spec.burn.boost", 1, 1),
            BurnWindow = Duration("spec.burn.window", TimeSpan.FromMinutes(5)),
            MinReplicas = (int)Number("spec.minReplicas", 1, 0),
            MaxReplicas = (int)Number("spec.maxReplicas", 0, 1),
            ScaleDownCooldown = Duration("spec.scaleDown.cooldown", TimeSpan.FromMinutes(5)),
        };
        return policy.RequestsPerReplica <= 0 ? throw Fail(root, "spec.requestsPerReplica is missing or 0, expected a number above 0")
            : policy.MaxReplicas < Math.Max(1, policy.MinReplicas) ? throw Fail(root, "spec.maxReplicas is missing or below spec.minReplicas")
            : policy;
    }

    private static void Flatten(string file, YamlNode node, string path, Dictionary<string, YamlScalarNode> values)
    {
        if (node is YamlScalarNode scalar && Keys.Contains(path))
        {
            values[path] = scalar;
            return;
        }
        if (node is not YamlMappingNode mapping || (path.Length > 0 && !Keys.Any(key => key.StartsWith(path + ".", StringComparison.Ordinal))))
        {
            throw new FormatException($"{file}:{node.Start.Line}:{node.Start.Column}: {(path.Length == 0 ? "the document" : path)} does not belong here; known keys are {string.Join(", ", Keys)}");
        }
        foreach ((YamlNode key, YamlNode value) in mapping)
        {
            Flatten(file, value, path.Length == 0 ? key.ToString() : $"{path}.{key}", values);
        }
    }
}
