using System.Globalization;
using System.Text.RegularExpressions;
using SloEngine.PromQL.Series;
using SloEngine.PromQL.Syntax;
using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Testing;

/// <summary>Commands <c>eval</c> with what they expect.</summary>
internal sealed partial class ScriptParser
{
    private const string RangeVectorPrefix = "expect range vector";
    private const string TextPrefix = "expect string";

    private EvalCommand Eval()
    {
        string line = _lines[_next];
        Match instant = InstantPattern().Match(line);
        Match range = RangePattern().Match(line);
        if (!instant.Success && !range.Success)
        {
            throw Wrong(
                _next,
                "invalid evaluation command. Must be either 'eval[_fail|_warn|_ordered] instant [at <offset:duration>] <query>' "
                + "or 'eval[_fail|_warn] range from <from> to <to> step <step> <query>'");
        }
        string query = instant.Success ? instant.Groups[3].Value : range.Groups[5].Value;
        EvalCommand command = Command(line, query, instant.Success ? instant : range, instant.Success);
        bool rangeVector = false;
        int position = 1;
        for (_next++; _next < _lines.Length && _lines[_next].Length > 0; _next++, position++)
        {
            line = _lines[_next];
            if (IsDirective(command, line, ref rangeVector, ref position, out bool ends))
            {
                if (ends)
                {
                    _next++;
                    break;
                }
                continue;
            }
            (Labels labels, IReadOnlyList<SequenceValue> values) = Series(line);
            if (values.Count > 1 && !command.IsRange && !rangeVector)
            {
                throw InEval(
                    command,
                    "expecting multiple values in instant evaluation not allowed. consider using 'expect range vector' directive "
                    + "to enable a range vector result for an instant query");
            }
            command.Expected[labels] = new ExpectedSeries(position, values);
        }
        return command;
    }

    private EvalCommand Command(string line, string query, Match match, bool isInstant)
    {
        Expr expression;
        try
        {
            expression = PromQLParser.Parse(query, ParserOptions.All);
        }
        catch (PromQLParseException wrong)
        {
            throw Misplaced(wrong, line.IndexOf(query, StringComparison.Ordinal));
        }
        var command = new EvalCommand(_next + 1, query, expression) { IsRange = !isInstant };
        if (isInstant)
        {
            string at = match.Groups[2].Value;
            command.TimeMs = Duration.TryParse(at, out long time, out string? wrong) ? time
                : throw InEval(command, $"invalid timestamp definition {QuotedText.Quote(at)}: {wrong}");
            (command.StartMs, command.EndMs) = (time, time);
        }
        else
        {
            (command.StartMs, command.EndMs, command.StepMs) = Times(command, match.Groups[2].Value, match.Groups[3].Value, match.Groups[4].Value);
        }
        string modifier = match.Groups[1].Value;
        command.IsOrdered = modifier == "ordered";
        command.Fails = modifier == "fail";
        command.Warns = modifier == "warn";
        command.Informs = modifier == "info";
        return command;
    }

    private (long StartMs, long EndMs, long StepMs) Times(EvalCommand command, string from, string to, string step)
    {
        if (!Duration.TryParse(from, out long start, out string? wrong))
        {
            throw InEval(command, $"invalid start timestamp definition {QuotedText.Quote(from)}: {wrong}");
        }
        if (!Duration.TryParse(to, out long end, out wrong))
        {
            throw InEval(command, $"invalid end timestamp definition {QuotedText.Quote(to)}: {wrong}");
        }
        if (end < start)
        {
            throw InEval(command, $"invalid test definition, end timestamp ({to}) is before start timestamp ({from})");
        }
        return Duration.TryParse(step, out long interval, out wrong) ? (start, end, interval)
            : throw InEval(command, $"invalid step definition {QuotedText.Quote(step)}: {wrong}");
    }

    /// <summary>Lines that are no series.</summary>
    private bool IsDirective(EvalCommand command, string line, ref bool rangeVector, ref int position, out bool ends)
    {
        ends = true;
        if (command.Fails && line.StartsWith("expected_fail_message", StringComparison.Ordinal))
        {
            command.FailMessage = line["expected_fail_message".Length..].Trim();
            return true;
        }
        if (command.Fails && line.StartsWith("expected_fail_regexp", StringComparison.Ordinal))
        {
            string pattern = line["expected_fail_regexp".Length..].Trim();
            command.FailPattern = Compile(pattern, wrong => InEval(command, $"invalid regexp '{pattern}' for expected_fail_regexp: {wrong}"));
            return true;
        }
        ends = false;
        if (line.StartsWith(RangeVectorPrefix, StringComparison.Ordinal))
        {
            Match match = RangeVectorPattern().Match(line);
            if (!match.Success)
            {
                throw InEval(command, $"invalid range vector definition {QuotedText.Quote(line)}");
            }
            (command.StartMs, command.EndMs, command.StepMs) = Times(command, match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value);
            command.TimeMs = command.EndMs;
            command.OnlyInstant = rangeVector = true;
            return true;
        }
        if (line.StartsWith(TextPrefix, StringComparison.Ordinal))
        {
            command.ExpectedText = Text(command, line);
            command.OnlyInstant = true;
            return true;
        }
        if (line.Split(' ')[0] == "expect")
        {
            Expect(command, line);
            position--;
            return true;
        }
        if (!NumberLiteralText.TryParse(line, out double number))
        {
            return false;
        }
        command.ExpectedScalar = number;
        return ends = true;
    }

    private string Text(EvalCommand command, string line)
    {
        if (line == TextPrefix)
        {
            throw InEval(command, "expected string literal not valid - a quoted string literal is required");
        }
        string quoted = line[(TextPrefix.Length + 1)..];
        try
        {
            if (PromQLParser.Parse(quoted) is StringLiteral literal && quoted[0] != '\'')
            {
                return literal.Value;
            }
        }
        catch (PromQLParseException)
        {
            // Reported below: whatever is wrong with it, it is no text in quotes.
        }
        throw InEval(command, "expected string literal not valid - check that the string is correctly quoted");
    }

    private void Expect(EvalCommand command, string line)
    {
        Match match = ExpectPattern().Match(line);
        if (!match.Success)
        {
            throw InEval(command, "invalid expect statement, must match `expect <type> <match_type>: <string>` format");
        }
        string kind = match.Groups[1].Value;
        string text = match.Groups[3].Value.Trim();
        TextExpectation expectation = match.Groups[2].Value switch
        {
            "msg" => new TextExpectation(text, null),
            "regex" => new TextExpectation(null, Compile(text, _ => InEval(command, $"invalid regex {text} for {kind}"))),
            _ => new TextExpectation(null, new Regex("", RegexOptions.NonBacktracking)),
        };
        switch (kind)
        {
            case "fail":
                command.ExpectedFailures.Add(expectation);
                command.Fails = true;
                break;
            case "warn":
                command.ExpectedWarnings.Add(expectation);
                break;
            case "info":
                command.ExpectedInfos.Add(expectation);
                break;
            case "ordered":
                command.IsOrdered = true;
                break;
            case "no_warn":
                command.NoWarnings = true;
                break;
            default:
                command.NoInfos = true;
                break;
        }
        string? wrong = command.ExpectedInfos.Count > 0 && command.NoInfos ? "info and no_info cannot be used together"
            : command.ExpectedWarnings.Count > 0 && command.NoWarnings ? "warn and no_warn cannot be used together"
            : command.ExpectedFailures.Count > 1 ? "multiple expect fail lines are not allowed"
            : null;
        if (wrong is not null)
        {
            throw InEval(command, "invalid expect lines, " + wrong);
        }
    }

    private static Regex Compile(string pattern, Func<string, ScriptException> wrong)
    {
        try
        {
            return new Regex(Re2.Translate(pattern), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (ArgumentException)
        {
            throw wrong($"error parsing regexp: {Re2.Explain(pattern)}");
        }
    }

    private ScriptException InEval(EvalCommand command, string message) =>
        new(string.Create(CultureInfo.InvariantCulture, $"error in eval {command.Query} (line {_next + 1}): {message}"));

    [GeneratedRegex(@"^eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(.+?))?\s+(.+)$")]
    private static partial Regex InstantPattern();

    [GeneratedRegex(@"^eval(?:_(fail|warn|info))?\s+range\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+?)\s+(.+)$")]
    private static partial Regex RangePattern();

    [GeneratedRegex(@"^expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(regex|msg):(.+))?$")]
    private static partial Regex ExpectPattern();

    [GeneratedRegex(@"^expect range vector\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+)$")]
    private static partial Regex RangeVectorPattern();
}
