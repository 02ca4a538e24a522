using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using SloEngine.Slo.Export;
using SloEngine.Slo.Files;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine slo</c>: checks, explains, converts, tests and proposes SLO files, and asks about incidents.</summary>
internal static class SloCommand
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static Command Create() => new("slo", "Work with SLOs (SloEngine's own files, OpenSLO, Sloth, Pyrra), and with incidents of them")
    {
        Validate(), Explain(), Import(), Export(), SloApplyCommand.Create(), SloCorrectionCommands.List(), SloCorrectionCommands.Correct(), SloCorrectionCommands.Revoke(),
        SloBacktestCommand.Create(), SloCatalogueCommand.Create(), SloSuggestCommand.Create(), SloPostmortemCommand.Create(),
    };

    private static Argument<FileInfo[]> Files() => new("files") { Description = "SLO files (YAML); references go across all of them", Arity = ArgumentArity.OneOrMore };

    private static Command Validate()
    {
        Argument<FileInfo[]> files = Files();
        var strict = new Option<bool>("--strict") { Description = "Warnings fail, too: every reference has to lead somewhere" };
        var validate = new Command("validate", "Check SLO files: errors with file, line and column; exit code 1 when there are any") { files, strict };
        validate.SetAction(parsed =>
        {
            int warnings = 0;
            int exit = Read(parsed.GetValue(files)!, read =>
            {
                string[] warned =
                [
                    .. read.Warnings.Select(warning => warning.ToString()),
                    .. read.Slos.SelectMany(slo => slo.ForeignSystems().Select(system => $"{slo.Source}: {slo.Id} is measured by {system}, not here")),
                ];
                foreach (string warning in warned)
                {
                    Console.Error.WriteLine($"{warning} (warning)");
                }
                Console.WriteLine($"{read.Slos.Count} valid, {read.Errors.Count} invalid");
                warnings = warned.Length;
            });
            return exit == ExitCodes.Done && warnings > 0 && parsed.GetValue(strict) ? ExitCodes.Failed : exit;
        });
        return validate;
    }

    private static Command Explain()
    {
        Argument<FileInfo[]> files = Files();
        var json = new Option<bool>("--json") { Description = "Explain to programs" };
        var explain = new Command("explain", "Say what SLOs measure, over which windows, and when they alert") { files, json };
        explain.SetAction(parsed =>
        {
            bool asJson = parsed.GetValue(json);
            return Read(parsed.GetValue(files)!, read =>
            {
                SloExplanation[] all = [.. read.Slos.SelectMany(SloExplanation.Of)];
                Console.Write(asJson ? JsonSerializer.Serialize(all, Json) + "\n" : string.Join("\n", all.Select(one => one.ToText())));
            });
        });
        return explain;
    }

    private static Command Import()
    {
        Argument<FileInfo[]> files = Files();
        var import = new Command("import", "Write files of Sloth and Pyrra as OpenSLO v1, to the standard output") { files };
        import.SetAction(parsed => Read(parsed.GetValue(files)!, static read => Console.Write(OpenSloWriter.Write(read.Slos))));
        return import;
    }

    private static Command Export()
    {
        Argument<FileInfo[]> files = Files();
        var format = new Option<string>("--format") { Description = "sloengine, openslo, sloth-rules or pyrra-rules", Required = true };
        format.AcceptOnlyFromAmong("sloengine", "openslo", "sloth-rules", "pyrra-rules");
        var pyrraUrl = new Option<Uri?>("--pyrra-url") { Description = "Address of Pyrra's pages, for links in its alerts" };
        var bothBounds = new Option<bool>("--both-bounds") { Description = "In Pyrra's rules, select the bounds of histograms as 1 and as 1.0 (Prometheus 3)" };
        var export = new Command("export", "Write SLOs in SloEngine's own format or OpenSLO v1, or the Prometheus rules that Sloth or Pyrra would generate, to the standard output") { files, format, pyrraUrl, bothBounds };
        export.SetAction(parsed =>
        {
            var options = new PyrraRuleOptions { ExternalUrl = parsed.GetValue(pyrraUrl), BothBounds = parsed.GetValue(bothBounds) };
            return Read(parsed.GetValue(files)!, read => Console.Write(parsed.GetValue(format) switch
            {
                "sloengine" => NativeSloWriter.Write(read.Slos),
                "openslo" => OpenSloWriter.Write(read.Slos),
                "sloth-rules" => PrometheusRuleGroup.Write(read.Slos.SelectMany(SlothRules.Of)),
                _ => PrometheusRuleGroup.Write(read.Slos.SelectMany(slo => PyrraRules.Of(slo, options))),
            }));
        });
        return export;
    }

    private static int Read(FileInfo[] files, Action<SloFiles> use)
    {
        FileInfo? missing = Array.Find(files, file => !file.Exists);
        if (missing is not null)
        {
            Console.Error.WriteLine($"sloengine: {missing.Name}: there is no such file");
            return ExitCodes.Usage;
        }
        SloFiles read;
        try
        {
            read = SloCatalog.ReadFiles(files.Select(file => file.ToString()));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"sloengine: {failure.Message}");
            return ExitCodes.Failed;
        }
        foreach (SloFileError error in read.Errors)
        {
            Console.Error.WriteLine(error);
        }
        try
        {
            use(read);
        }
        catch (SloExportException impossible)
        {
            Console.Error.WriteLine($"sloengine: {impossible.Message}");
            return ExitCodes.Failed;
        }
        return read.Errors.Count == 0 ? ExitCodes.Done : ExitCodes.Failed;
    }
}
