using System.CommandLine;
using SloEngine.PromQL.Syntax;
using SloEngine.Server.Commands.Querying;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine promql</c>: asks a server, and checks, prints and tests expressions.</summary>
internal static class PromqlCommand
{
    private static readonly Option<bool> Experimental = new("--experimental") { Description = "Allow what Prometheus calls experimental" };

    public static Command Create() => new("promql", "Work with PromQL") { Parse(), Format(), PromqlQueryCommands.Query(), PromqlQueryCommands.Range(), PromqlTestCommand.Create() };

    private static Command Parse()
    {
        var expression = new Argument<string?>("expression") { Description = "A PromQL expression", Arity = ArgumentArity.ZeroOrOne };
        var file = new Option<FileInfo?>("--file") { Description = "File with an expression a line", HelpName = "FILE" };
        var parse = new Command("parse", "Check PromQL expressions; exit code 1 when one is not valid") { expression, file, Experimental };
        parse.SetAction(parsed =>
        {
            FileInfo? given = parsed.GetValue(file);
            if (given is { Exists: false })
            {
                Console.Error.WriteLine($"sloengine: {given.Name}: there is no such file");
                return ExitCodes.Usage;
            }
            string[] lines = given is not null ? File.ReadAllLines(given.FullName)
                : parsed.GetValue(expression) is { } text ? [text] : [];
            if (lines.Length == 0)
            {
                Console.Error.WriteLine("sloengine: give an expression or --file");
                return ExitCodes.Usage;
            }
            int failed = 0;
            int checkedCount = 0;
            for (int line = 0; line < lines.Length; line++)
            {
                // Files may end in empty lines and hold some between groups; an empty argument is no expression, though.
                if (given is not null && string.IsNullOrWhiteSpace(lines[line]))
                {
                    continue;
                }
                checkedCount++;
                if (Check(lines[line], Options(parsed)) is { } problem)
                {
                    failed++;
                    Console.Error.WriteLine($"line {line + 1}: {problem}");
                }
            }
            Console.WriteLine($"{checkedCount - failed} valid, {failed} invalid");
            return failed == 0 ? ExitCodes.Done : ExitCodes.Failed;
        });
        return parse;
    }

    private static Command Format()
    {
        var expression = new Argument<string>("expression") { Description = "A PromQL expression" };
        var format = new Command("format", "Print a PromQL expression in its normal form, broken into lines where it is long") { expression, Experimental };
        format.SetAction(parsed =>
        {
            try
            {
                Console.WriteLine(Printer.Pretty(PromQLParser.Parse(parsed.GetValue(expression)!, Options(parsed))));
                return ExitCodes.Done;
            }
            catch (PromQLParseException wrong)
            {
                Console.Error.WriteLine($"sloengine: {wrong.Message}");
                return ExitCodes.Failed;
            }
        });
        return format;
    }

    /// <summary>What is wrong with an expression: that it does not parse, or that its printed form is another one. Null if nothing is.</summary>
    private static string? Check(string text, ParserOptions options)
    {
        try
        {
            string printed = PromQLParser.Parse(text, options).ToString();
            string again = PromQLParser.Parse(printed, options).ToString();
            return printed == again ? null : $"the printed form {printed} parses to {again}";
        }
        catch (PromQLParseException wrong)
        {
            return wrong.Message;
        }
    }

    private static ParserOptions Options(ParseResult parsed) => parsed.GetValue(Experimental) ? ParserOptions.All : new ParserOptions();
}
