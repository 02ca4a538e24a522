using System.Globalization;
using YamlDotNet.RepresentationModel;

namespace SloEngine.Slo.OpenSlo;

/// <summary>A node of a definition with its field path: reads fields, and fails with file, line, column and expectation.</summary>
internal sealed class YamlPlace(string file, string path, YamlNode node)
{
    public string Path => path;

    public string Source => $"{file}:{node.Start.Line}";

    public bool IsList => node is YamlSequenceNode;

    public bool IsScalar => node is YamlScalarNode;

    /// <summary>A field that has to be there.</summary>
    public YamlPlace Required(string key) => Optional(key) ?? throw Fail($"{Child(key)} is missing");

    /// <summary>A field that may be there.</summary>
    public YamlPlace? Optional(string key)
    {
        if (node is not YamlMappingNode mapping)
        {
            throw Fail($"{path} is to be a mapping");
        }
        return mapping.Children.TryGetValue(new YamlScalarNode(key), out YamlNode? child) && child is not YamlScalarNode { Value: null or "" or "~" or "null" }
            ? new YamlPlace(file, Child(key), child) : null;
    }

    /// <summary>Text of a scalar.</summary>
    public string Text => (node as YamlScalarNode)?.Value ?? throw Fail($"{path} is to be a single value");

    /// <summary>Number of a scalar.</summary>
    public double Number => double.TryParse(Text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
        ? number : throw Fail($"{path} is '{Text}', expected a number");

    /// <summary>Boolean of a scalar.</summary>
    public bool Boolean => Text switch
    {
        "true" => true,
        "false" => false,
        _ => throw Fail($"{path} is '{Text}', expected true or false"),
    };

    /// <summary>Duration such as 30d, 1h or 5m (OpenSLO "Duration Shorthand": m, h, d, w; also s).</summary>
    public TimeSpan Duration
    {
        get
        {
            string text = Text;
            if (text.Length >= 2 && double.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out double amount))
            {
                TimeSpan? unit = text[^1] switch
                {
                    's' => TimeSpan.FromSeconds(1),
                    'm' => TimeSpan.FromMinutes(1),
                    'h' => TimeSpan.FromHours(1),
                    'd' => TimeSpan.FromDays(1),
                    'w' => TimeSpan.FromDays(7),
                    _ => null,
                };
                if (unit is { } known)
                {
                    return known * amount;
                }
            }
            throw Fail($"{path} is '{text}', expected a duration such as 5m, 1h, 30d or 4w");
        }
    }

    /// <summary>Items of a list.</summary>
    public IEnumerable<YamlPlace> Items => node is YamlSequenceNode sequence
        ? sequence.Select((item, index) => new YamlPlace(file, string.Create(CultureInfo.InvariantCulture, $"{path}[{index}]"), item))
        : throw Fail($"{path} is to be a list");

    /// <summary>Fields of a mapping.</summary>
    public IEnumerable<(string Key, YamlPlace Value)> Fields => node is YamlMappingNode mapping
        ? mapping.Select(entry => (entry.Key.ToString(), new YamlPlace(file, Child(entry.Key.ToString()), entry.Value)))
        : throw Fail($"{path} is to be a mapping");

    /// <summary>An error at this place.</summary>
    public SloFileException Fail(string message) => new(new SloFileError(file, node.Start.Line, node.Start.Column, message));

    private string Child(string key) => path.Length == 0 ? key : $"{path}.{key}";
}
