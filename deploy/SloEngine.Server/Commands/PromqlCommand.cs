using System.CommandLine;
using SloEngine.PromQL.Syntax;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine promql parse</c>: checks expressions.</summary>
internal static class PromqlCommand
{
    public static Command Create()
    {
        var expression = new Argument<string?>("expression") { Description = "A PromQL expression", Arity = ArgumentArity.ZeroOrOne };
        var file = new Option<FileInfo?>("--file") { Description = "File with an expression a line", HelpName = "FILE" };
        var parse = new Command("parse", "Check PromQL expressions; exit code 1 when one is not valid") { expression, file };
        parse.SetAction(parsed =>
        {
            string[] lines = parsed.GetValue(file) is { } given ? File.ReadAllLines(given.FullName)
                : parsed.GetValue(expression) is { } text ? [text] : [];
            if (lines.Length == 0)
            {
                Console.Error.WriteLine("sloengine: give an expression or --file");
                return ExitCodes.Usage;
            }
            int failed = 0;
            for (int line = 0; line < lines.Length; line++)
            {
                try
                {
                    PromQLParser.Parse(lines[line]);
                }
                catch (PromQLParseException wrong)
                {
                    failed++;
                    Console.Error.WriteLine($"line {line + 1}: {wrong.Message}");
                }
            }
            Console.WriteLine($"{lines.Length - failed} valid, {failed} invalid");
            return failed == 0 ? ExitCodes.Done : ExitCodes.Failed;
        });
        return new Command("promql", "Work with PromQL") { parse };
    }
}
