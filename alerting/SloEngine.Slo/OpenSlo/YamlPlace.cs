using System.Globalization;
using SloEngine.PromQL.Syntax;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace SloEngine.Slo.OpenSlo;

/// <summary>A node of a definition with its field path: reads fields, and fails with file, line, column and expectation.</summary>
public sealed class YamlPlace
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(36_500);

    /// <summary>Texts in quotes that may be indented before a file counts as malformed.</summary>
    private const int MaxIndented = 1000;

    private readonly string _file;
    private readonly YamlNode _node;

    /// <summary>Lines of the file before the text that the node is in.</summary>
    private readonly long _before;

    private YamlPlace(string file, string path, YamlNode node, long before = 0) => (_file, Path, _node, _before) = (file, path, node, before);

    /// <summary>Path of the field in its document; empty for the document itself.</summary>
    public string Path { get; }

    /// <summary>File and line.</summary>
    public string Source => $"{_file}:{Line}";

    /// <summary>Line in the file, from 1.</summary>
    public long Line => _before + _node.Start.Line;

    /// <summary>Whether it is a single value without quotes.</summary>
    public bool IsPlain => _node is YamlScalarNode { Style: ScalarStyle.Plain };

    /// <summary>Whether it is a list.</summary>
    public bool IsList => _node is YamlSequenceNode;

    /// <summary>Whether there is nothing.</summary>
    public bool IsEmpty => _node is YamlScalarNode { Value: null or "" };

    /// <summary>Whether its field has no value; a text in quotes is one, even when it is empty.</summary>
    public bool IsMissing => _node is YamlScalarNode { Style: ScalarStyle.Plain, Value: null or "" or "~" or "null" };

    /// <summary>Whether it is a single value.</summary>
    public bool IsScalar => _node is YamlScalarNode;

    /// <summary>The documents of a file.</summary>
    /// <exception cref="SloFileException">The text is not valid YAML.</exception>
    public static IReadOnlyList<YamlPlace> Documents(string file, string text)
    {
        YamlStream stream = Load(file, text);
        foreach (YamlDocument document in stream.Documents)
        {
            YamlMergeKeys.Resolve(document.RootNode);
        }
        return [.. stream.Documents.Select(document => new YamlPlace(file, "", document.RootNode))];
    }

    private static YamlStream Load(string file, string text)
    {
        // Each attempt but the last indents a text in quotes, and none needs that twice.
        for (int attempt = 0; ; attempt++)
        {
            var stream = new YamlStream();
            try
            {
                stream.Load(new StringReader(text));
                return stream;
            }
            catch (YamlException malformed)
            {
                text = (attempt < MaxIndented ? YamlQuotes.Indent(text, malformed) : null)
                    ?? throw new SloFileException(new SloFileError(file, malformed.Start.Line, malformed.Start.Column, "not valid YAML: " + malformed.Message));
            }
            catch (InvalidOperationException malformed)
            {
                // The scanner's answer to some lists that are not closed; it does not say where.
                throw new SloFileException(new SloFileError(file, 1, 1, "not valid YAML: a list or mapping may not be closed: " + malformed.Message));
            }
        }
    }

    /// <summary>The YAML that stands in this place's text: what a file has no field for may be an annotation's value.</summary>
    public YamlPlace Embedded()
    {
        long before = _before + _node.Start.Line - (_node is YamlScalarNode { Style: ScalarStyle.Literal or ScalarStyle.Folded } ? 0 : 1);
        YamlStream stream;
        try
        {
            stream = Load(_file, Text);
        }
        catch (SloFileException malformed)
        {
            throw new SloFileException(malformed.Error with { Line = before + malformed.Error.Line });
        }
        return stream.Documents.Count == 1 ? new YamlPlace(_file, Path, stream.Documents[0].RootNode, before) : throw Fail($"{Path} is empty, expected YAML");
    }

    /// <summary>A field that has to be there.</summary>
    public YamlPlace Required(string key) => Optional(key)
        ?? throw (_node is YamlMappingNode mapping && mapping.Children.TryGetValue(new YamlScalarNode(key), out YamlNode? empty)
            ? new YamlPlace(_file, Child(key), empty, _before).Fail($"{Child(key)} is empty")
            : Fail($"{Child(key)} is missing"));

    /// <summary>The first of several fields that is there: names of one field in different versions.</summary>
    public YamlPlace? Optional(params ReadOnlySpan<string> keys)
    {
        foreach (string key in keys)
        {
            if (Optional(key) is { } found)
            {
                return found;
            }
        }
        return null;
    }

    /// <summary>Fails at the first key that is not known, and names the nearest.</summary>
    public void OnlyKeys(params string[] known)
    {
        if (_node is not YamlMappingNode mapping)
        {
            throw Fail($"{(Path.Length == 0 ? "the document" : Path)} is to be a mapping");
        }
        foreach (YamlNode key in mapping.Children.Keys)
        {
            if (!known.Contains(key.ToString()))
            {
                throw new YamlPlace(_file, Child(key.ToString()), key, _before).Fail($"unknown key {Child(key.ToString())}; did you mean {NearestKey.Of(key.ToString(), known)}?");
            }
        }
    }

    /// <summary>A field that may be there.</summary>
    public YamlPlace? Optional(string key)
    {
        if (_node is not YamlMappingNode mapping)
        {
            throw Fail($"{Path} is to be a mapping");
        }
        return mapping.Children.TryGetValue(new YamlScalarNode(key), out YamlNode? child) && child is not YamlScalarNode { Value: null or "" or "~" or "null" }
            ? new YamlPlace(_file, Child(key), child, _before) : null;
    }

    /// <summary>Text of a scalar.</summary>
    public string Text => (_node as YamlScalarNode)?.Value ?? throw Fail($"{Path} is to be a single value");

    /// <summary>Number of a scalar.</summary>
    public double Number => double.TryParse(Text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
        ? number : throw Fail($"{Path} is '{Text}', expected a number");

    /// <summary>Boolean of a scalar.</summary>
    public bool Boolean => Text switch
    {
        "true" => true,
        "false" => false,
        _ => throw Fail($"{Path} is '{Text}', expected true or false"),
    };

    /// <summary>Duration as Prometheus writes it: 30d, 1h30m, 250ms. OpenSLO's shorthand (m, h, d, w) is a part of that.</summary>
    public TimeSpan Duration => DurationOf(Text);

    /// <summary>A duration that is part of this place's text.</summary>
    internal TimeSpan DurationOf(string text) =>
        PromQLParser.TryParseDuration(text, out long milliseconds) && milliseconds >= 0 && milliseconds <= Longest.TotalMilliseconds
            ? TimeSpan.FromMilliseconds(milliseconds)
            : throw Fail($"{Path} is '{Text}', expected a duration such as 5m, 1h30m, 30d or 4w, of up to 100 years");

    /// <summary>Items of a list.</summary>
    public IEnumerable<YamlPlace> Items => _node is YamlSequenceNode sequence
        ? sequence.Select((item, index) => new YamlPlace(_file, string.Create(CultureInfo.InvariantCulture, $"{Path}[{index}]"), item, _before))
        : throw Fail($"{Path} is to be a list");

    /// <summary>Fields of a mapping.</summary>
    public IEnumerable<(string Key, YamlPlace Value)> Fields => _node is YamlMappingNode mapping
        ? mapping.Select(entry => (entry.Key.ToString(), new YamlPlace(_file, Child(entry.Key.ToString()), entry.Value, _before)))
        : throw Fail($"{Path} is to be a mapping");

    /// <summary>Fails at the first key that none of the known paths leads through, and names the nearest of them.</summary>
    /// <param name="known">Dotted paths from the document's root to single values.</param>
    public void RejectUnknownKeys(IReadOnlyCollection<string> known)
    {
        if (_node is not YamlMappingNode mapping)
        {
            throw Fail($"{(Path.Length == 0 ? "the document" : Path)} is to be a mapping");
        }
        foreach ((YamlNode key, YamlNode value) in mapping)
        {
            string child = Child(key.ToString());
            if (known.Contains(child))
            {
                continue;
            }
            if (!known.Any(candidate => candidate.StartsWith(child + ".", StringComparison.Ordinal)))
            {
                throw new YamlPlace(_file, child, key, _before).Fail($"unknown key {child}; did you mean {NearestKey.Of(child, known)}?");
            }
            new YamlPlace(_file, child, value, _before).RejectUnknownKeys(known);
        }
    }

    /// <summary>An error at this place.</summary>
    public SloFileException Fail(string message) => new(new SloFileError(_file, Line, _node.Start.Column, message));

    private string Child(string key) => Path.Length == 0 ? key : $"{Path}.{key}";
}
