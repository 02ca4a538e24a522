using System.CommandLine;
using System.Text;
using System.Text.Json;
using SloEngine.PromQL.Syntax;
using SloEngine.Rules.Files;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine rules</c>: checks and tests rule files.</summary>
internal static class RulesCommand
{
    public static Command Create() => new("rules", "Work with rule files of Prometheus") { Check(), RulesTestCommand.Create() };

    private static Command Check()
    {
        var files = new Argument<FileInfo[]>("files") { Description = "Rule files (YAML), or PrometheusRule manifests", Arity = ArgumentArity.OneOrMore };
        var json = new Option<bool>("--json") { Description = "Print what was found as JSON" };
        var experimental = new Option<bool>("--experimental") { Description = "Allow what Prometheus calls experimental in expressions" };
        var check = new Command("check", "Check rule files: errors with file, line and column; exit code 1 when a file is refused") { files, json, experimental };
        check.SetAction(parsed =>
        {
            FileInfo[] given = parsed.GetValue(files)!;
            FileInfo? missing = Array.Find(given, file => !file.Exists);
            if (missing is not null)
            {
                Console.Error.WriteLine($"sloengine: {missing.Name}: there is no such file");
                return ExitCodes.Usage;
            }
            ParserOptions options = parsed.GetValue(experimental) ? ParserOptions.All : new ParserOptions();
            RuleFile[] read = [.. given.Select(file => RuleFileReader.ReadFile(file.ToString(), options))];
            if (parsed.GetValue(json))
            {
                Console.WriteLine(Json(read));
            }
            else
            {
                Print(read);
            }
            return Array.Exists(read, file => file.Errors.Count > 0) ? ExitCodes.Failed : ExitCodes.Done;
        });
        return check;
    }

    private static void Print(RuleFile[] files)
    {
        foreach (RuleFile file in files)
        {
            foreach (SloFileError warning in file.Warnings)
            {
                Console.Error.WriteLine($"{warning} (warning)");
            }
            foreach (SloFileError error in file.Errors)
            {
                Console.Error.WriteLine(error);
            }
        }
        int refused = files.Count(file => file.Errors.Count > 0);
        Console.WriteLine($"{files.Length - refused} valid, {refused} invalid, {files.Sum(RulesIn)} rules");
    }

    private static int RulesIn(RuleFile file) => file.Groups.Sum(group => group.Rules.Count);

    private static string Json(RuleFile[] files)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("valid", files.Count(file => file.Errors.Count == 0));
            json.WriteNumber("invalid", files.Count(file => file.Errors.Count > 0));
            json.WriteStartArray("files");
            foreach (RuleFile file in files)
            {
                json.WriteStartObject();
                json.WriteString("file", file.File);
                json.WriteBoolean("valid", file.Errors.Count == 0);
                json.WriteNumber("groups", file.Groups.Count);
                json.WriteNumber("rules", RulesIn(file));
                Write(json, "errors", file.Errors);
                Write(json, "warnings", file.Warnings);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static void Write(Utf8JsonWriter json, string name, IReadOnlyList<SloFileError> errors)
    {
        json.WriteStartArray(name);
        foreach (SloFileError error in errors)
        {
            json.WriteStartObject();
            json.WriteNumber("line", error.Line);
            json.WriteNumber("column", error.Column);
            json.WriteString("message", error.Message);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}
