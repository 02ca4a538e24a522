using System.Globalization;
using System.Text.RegularExpressions;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Testing;

/// <summary>Parses test scripts for PromQL: commands <c>load</c>, <c>clear</c> and <c>eval</c> with the lines that belong to them.</summary>
internal sealed partial class ScriptParser
{
    private readonly string[] _lines;
    private int _next;

    private ScriptParser(string text)
    {
        _lines = text.Split('\n');
        for (int line = 0; line < _lines.Length; line++)
        {
            string trimmed = _lines[line].Trim();
            _lines[line] = trimmed.StartsWith('#') ? "" : trimmed;
        }
    }

    /// <exception cref="ScriptException">The script is not valid.</exception>
    public static List<ScriptCommand> Parse(string text)
    {
        var parser = new ScriptParser(text);
        var commands = new List<ScriptCommand>();
        while (parser._next < parser._lines.Length)
        {
            if (parser._lines[parser._next].Length == 0)
            {
                parser._next++;
                continue;
            }
            commands.Add(parser.Command());
        }
        return commands;
    }

    private ScriptCommand Command()
    {
        string line = _lines[_next];
        string word = line.Split([' ', '\t'], 2)[0].ToLowerInvariant();
        if (word == "clear")
        {
            return new ClearCommand(++_next);
        }
        return word.StartsWith("load", StringComparison.Ordinal) ? Load()
            : word.StartsWith("eval", StringComparison.Ordinal) ? Eval()
            : throw Wrong(_next, $"invalid command {QuotedText.Quote(line)}");
    }

    private LoadCommand Load()
    {
        int start = _next;
        Match match = LoadPattern().Match(_lines[_next]);
        if (!match.Success)
        {
            throw Wrong(_next, "invalid load command. (load[_with_nhcb] <step:duration>)");
        }
        string step = match.Groups[2].Value;
        if (!Duration.TryParse(step, out long interval, out string? wrong))
        {
            throw Wrong(_next, $"invalid step definition {QuotedText.Quote(step)}: {wrong}");
        }
        var series = new Dictionary<Labels, LoadedSeries>();
        (Labels Labels, IReadOnlyList<SequenceValue> Values, int Line)? pending = null;
        for (_next++; _next < _lines.Length && _lines[_next].Length > 0; _next++)
        {
            string line = _lines[_next];
            int space = line.AsSpan().IndexOfAny(' ', '\t');
            if (space > 0 && line.AsSpan(0, space).EndsWith("@st"))
            {
                if (pending is { } twice)
                {
                    throw Wrong(twice.Line, "@st line has no following sample line");
                }
                pending = StartTimes(line, space);
                continue;
            }
            (Labels labels, IReadOnlyList<SequenceValue> values) = Series(line);
            if (pending is { } starts)
            {
                CheckStartTimes(starts.Labels, starts.Values, starts.Line, labels, values);
            }
            series[labels] = new LoadedSeries(labels, values, pending?.Values);
            pending = null;
        }
        return pending is { } orphan
            ? throw Wrong(orphan.Line, "@st line has no following sample line")
            : new LoadCommand(start + 1, interval, match.Groups[1].Success, [.. series.Values]);
    }

    private (Labels Labels, IReadOnlyList<SequenceValue> Values, int Line) StartTimes(string line, int space)
    {
        string metric = line[..(space - "@st".Length)];
        try
        {
            return (SeriesNotation.ReadLabels(metric, metric.Length), StartTimeNotation.Read(line[(space + 1)..]), _next);
        }
        catch (FormatException wrong)
        {
            throw Wrong(_next, $"invalid @st sequence: {wrong.Message}");
        }
        catch (PromQLParseException wrong)
        {
            throw Wrong(_next, $"invalid @st line metric {QuotedText.Quote(metric)}: {wrong.Message}");
        }
    }

    private static void CheckStartTimes(
        Labels startLabels, IReadOnlyList<SequenceValue> starts, int line, Labels labels, IReadOnlyList<SequenceValue> values)
    {
        if (!startLabels.Equals(labels))
        {
            throw Wrong(line, "@st metric does not match the following sample line metric");
        }
        if (starts.Count != values.Count)
        {
            throw Wrong(line, string.Create(CultureInfo.InvariantCulture, $"@st line has {starts.Count} values but sample line has {values.Count}"));
        }
    }

    private (Labels Labels, IReadOnlyList<SequenceValue> Values) Series(string line)
    {
        try
        {
            return SeriesNotation.Read(line);
        }
        catch (PromQLParseException wrong)
        {
            throw Misplaced(wrong, 0);
        }
    }

    /// <summary>A syntax error with the line of the script rather than that of the expression.</summary>
    private ScriptException Misplaced(PromQLParseException wrong, int offset)
    {
        int line = _next + 1;
        return new ScriptException(string.Create(CultureInfo.InvariantCulture, $"{line}:{wrong.Range.Start + offset + 1}: parse error: {wrong.Reason}"));
    }

    private static ScriptException Wrong(int line, string message) =>
        new(string.Create(CultureInfo.InvariantCulture, $"unknown position: parse error: {message} (line {line + 1})"));

    [GeneratedRegex(@"^load(?:_(with_nhcb))?\s+(.+?)$")]
    private static partial Regex LoadPattern();
}
