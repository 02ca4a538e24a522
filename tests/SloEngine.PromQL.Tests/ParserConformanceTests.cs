using System.Text.Json;
using System.Text.Json.Nodes;
using SloEngine.PromQL.Syntax;

namespace SloEngine.PromQL.Tests;

/// <summary>Parser and printer against the tables of Prometheus, and real expressions.</summary>
public sealed class ParserConformanceTests
{
    [Fact]
    public void Trees_and_errors_are_those_of_Prometheus()
    {
        const int Least = 177;
        Check("promql/parser/parse_cases.jsonl", Least, File.ReadLines, line =>
        {
            JsonNode one = JsonNode.Parse(line)!;
            string? input = one["input"] as JsonValue is { } value ? value.GetValue<string>() : null;
            // Bytes that are no text cannot be given to the parser.
            return input is null ? null : one["fail"]!.GetValue<bool>() ? CompareErrors(input, one["errors"]!.AsArray()) : CompareTrees(input, one["ast"]!);
        });
    }

    [Fact]
    public void Expressions_are_printed_as_Prometheus_prints_them()
    {
        const int Least = 50;
        Check("promql/parser/printer_cases.json", Least, Inputs, line =>
        {
            JsonNode one = JsonNode.Parse(line)!;
            string input = (one["in"] ?? one["input"])?.GetValue<string>() ?? "";
            string expected = (one["out"] ?? one["expected"])?.GetValue<string>() ?? input;
            return input.Length == 0 ? null : Differs(input, expected, PromQLParser.Parse(input, ParserOptions.All).ToString());
        });
    }

    [Fact]
    public void Long_expressions_are_broken_into_lines_as_Prometheus_breaks_them()
    {
        const int Least = 34;
        // Prometheus' own table sets a shorter line than its API uses.
        Check("promql/parser/prettier_cases.json", Least, Inputs, line =>
        {
            JsonNode one = JsonNode.Parse(line)!;
            string input = one["in"]!.GetValue<string>();
            return Differs(input, one["out"]!.GetValue<string>(), Printer.Pretty(PromQLParser.Parse(input, ParserOptions.All), 10));
        });
    }

    [Fact]
    public void Durations_are_read_and_printed_as_Prometheus_does()
    {
        if (Conformance.Find("promql/parser/duration_cases.json") is not { } path)
        {
            return;
        }
        JsonNode cases = JsonNode.Parse(File.ReadAllText(path))!;
        foreach (JsonNode? one in cases["TestParseDuration"]!["baseCases"]!.AsArray())
        {
            string input = one!["in"]!.GetValue<string>();
            Assert.True(Duration.TryParse(input, out long milliseconds, out string? wrong), $"{input}: {wrong}");
            Assert.Equal(one["out"]!.GetValue<long>(), milliseconds * 1_000_000);
            string expected = one["expectedString"]!.GetValue<string>();
            Assert.Equal(expected.Length > 0 ? expected : input, Duration.Print(milliseconds));
        }
        foreach (JsonNode? one in cases["TestParseBadDuration"]!["cases"]?.AsArray() ?? cases["TestParseBadDuration"]!.AsArray())
        {
            Assert.False(Duration.TryParse(one!.GetValue<string>(), out _, out _), one.GetValue<string>());
        }
    }

    [Fact]
    public void Real_expressions_parse_and_their_printed_form_parses_to_the_same_tree() =>
        Check("rules/expressions/expressions.txt", 567, File.ReadLines, line =>
        {
            Expr parsed = PromQLParser.Parse(line);
            string printed = parsed.ToString();
            return Differs(line, Tree(parsed, line), Tree(PromQLParser.Parse(printed), printed));
        });

    [Fact]
    public void Broken_expressions_are_refused() => Check("rules/expressions/rejected.jsonl", 47, File.ReadLines, line =>
    {
        string expression = Expression(JsonNode.Parse(line)!);
        try
        {
            return $"{expression} is taken for {PromQLParser.Parse(expression)}";
        }
        catch (PromQLParseException)
        {
            return null;
        }
    });

    private static string Expression(JsonNode one) => (one["expr"] ?? one["expression"] ?? one["query"] ?? one["input"])!.GetValue<string>();

    private static string Tree(Expr expression, string text)
    {
        JsonNode tree = TreeJson.Normal(new TreeJson(text).Write(expression))!;
        foreach (string position in (string[])["PosRange", "StartPos", "EndPos"])
        {
            Remove(tree, position);
        }
        return tree.ToJsonString();
    }

    private static void Remove(JsonNode? node, string name)
    {
        if (node is JsonObject fields)
        {
            fields.Remove(name);
            if (fields["LabelMatchers"] is JsonArray matchers)
            {
                // Matchers are printed in order.
                fields["LabelMatchers"] = new JsonArray([.. matchers.Select(one => one!.DeepClone()).OrderBy(one => one.ToJsonString(), StringComparer.Ordinal)]);
            }
            foreach ((_, JsonNode? child) in fields)
            {
                Remove(child, name);
            }
        }
        else if (node is JsonArray items)
        {
            foreach (JsonNode? child in items)
            {
                Remove(child, name);
            }
        }
    }

    private static string? CompareTrees(string input, JsonNode expected)
    {
        Expr parsed = PromQLParser.Parse(input, ParserOptions.All);
        return Differs(input, TreeJson.Normal(expected)!.ToJsonString(), TreeJson.Normal(new TreeJson(input).Write(parsed))!.ToJsonString());
    }

    private static string? CompareErrors(string input, JsonArray expected)
    {
        try
        {
            return $"{input} is taken for {PromQLParser.Parse(input, ParserOptions.All)}";
        }
        catch (PromQLParseException wrong)
        {
            var places = new TreeJson(input);
            JsonNode first = expected[0]!;
            string want = $"{first["start"]}-{first["end"]} {first["msg"]}";
            return Differs(input, want, $"{places.At(wrong.Range.Start)}-{places.At(wrong.Range.End)} {wrong.Reason}");
        }
    }

    private static string? Differs(string input, string expected, string actual) =>
        expected == actual ? null : $"{input}\n    expected {expected}\n    got      {actual}";

    private static IEnumerable<string> Inputs(string path) =>
        JsonNode.Parse(File.ReadAllText(path))!.AsObject().SelectMany(group => group.Value!.AsObject().SelectMany(list => list.Value!.AsArray())).Select(one => one!.ToJsonString());

    private static void Check(string file, int least, Func<string, IEnumerable<string>> read, Func<string, string?> check)
    {
        if (Conformance.Find(file) is not { } path)
        {
            return;
        }
        var failed = new List<string>();
        int count = 0;
        foreach (string line in read(path).Where(line => line.Length > 0))
        {
            count++;
            try
            {
                if (check(line) is { } problem)
                {
                    failed.Add(problem);
                }
            }
            catch (Exception wrong) when (wrong is PromQLParseException or InvalidOperationException or NullReferenceException or JsonException)
            {
                failed.Add($"{line}\n    {wrong.Message}");
            }
        }
        if (Conformance.Report(Path.GetFileName(file) + ".parser.txt") is { } report)
        {
            File.WriteAllText(report, $"{count - failed.Count} of {count}\n{string.Join('\n', failed)}\n");
        }
        Assert.True(count - failed.Count >= least, $"{count - failed.Count} of {count} pass, {least} did\n{string.Join('\n', failed.Take(20))}");
    }
}
