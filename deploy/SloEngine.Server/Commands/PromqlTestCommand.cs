using System.CommandLine;
using System.Text;
using System.Text.Json;
using SloEngine.PromQL.Testing;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine promql test</c>: runs test scripts of PromQL.</summary>
internal static class PromqlTestCommand
{
    public static Command Create()
    {
        var files = new Argument<FileInfo[]>("files") { Description = "Scripts in the test language of Prometheus (.test)", Arity = ArgumentArity.OneOrMore };
        var json = new Option<bool>("--json") { Description = "Print counts a file as JSON" };
        var test = new Command("test", "Run PromQL test scripts: a line for each case that fails; exit code 1 when any does") { files, json };
        test.SetAction(async (parsed, cancellation) =>
        {
            FileInfo[] given = parsed.GetValue(files)!;
            FileInfo? missing = Array.Find(given, file => !file.Exists);
            if (missing is not null)
            {
                await Console.Error.WriteLineAsync($"sloengine: {missing.Name}: there is no such file");
                return ExitCodes.Usage;
            }
            var counts = new List<(string File, int Passed, int Failed)>();
            foreach (FileInfo file in given)
            {
                counts.Add(await RunAsync(file, parsed.GetValue(json) ? Console.Error : Console.Out, cancellation));
            }
            int failed = counts.Sum(count => count.Failed);
            Console.WriteLine(parsed.GetValue(json) ? Json(counts) : $"{counts.Sum(count => count.Passed)} passed, {failed} failed");
            return failed == 0 ? ExitCodes.Done : ExitCodes.Failed;
        });
        return test;
    }

    private static async Task<(string File, int Passed, int Failed)> RunAsync(FileInfo file, TextWriter output, CancellationToken cancellation)
    {
        string name = file.ToString();
        try
        {
            IReadOnlyList<ScriptCase> cases = await ScriptRunner.RunAsync(await File.ReadAllTextAsync(file.FullName, cancellation), cancellation);
            ScriptCase[] failed = [.. cases.Where(one => one.Problem is not null)];
            foreach (ScriptCase one in failed)
            {
                await output.WriteLineAsync($"{name}:{one.Line}: {one.Problem!.ReplaceLineEndings(" ")}");
            }
            return (name, cases.Count - failed.Length, failed.Length);
        }
        catch (ScriptException wrong)
        {
            await output.WriteLineAsync($"{name}: {wrong.Message}");
            return (name, 0, 1);
        }
    }

    private static string Json(List<(string File, int Passed, int Failed)> counts)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("passed", counts.Sum(count => count.Passed));
            json.WriteNumber("failed", counts.Sum(count => count.Failed));
            json.WriteStartArray("files");
            foreach ((string file, int passed, int failed) in counts)
            {
                json.WriteStartObject();
                json.WriteString("file", file);
                json.WriteNumber("passed", passed);
                json.WriteNumber("failed", failed);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.ToArray());
    }
}
