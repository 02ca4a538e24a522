using System.CommandLine;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine slo validate</c>: checks SLO files.</summary>
internal static class SloCommand
{
    public static Command Create()
    {
        var files = new Argument<FileInfo[]>("files") { Description = "OpenSLO files (YAML); references go across all of them", Arity = ArgumentArity.OneOrMore };
        var validate = new Command("validate", "Check SLO files: errors with file, line and column; exit code 1 when there are any") { files };
        validate.SetAction(parsed =>
        {
            FileInfo[] given = parsed.GetValue(files)!;
            FileInfo? missing = Array.Find(given, file => !file.Exists);
            if (missing is not null)
            {
                Console.Error.WriteLine($"sloengine: {missing.Name}: there is no such file");
                return ExitCodes.Usage;
            }
            (IReadOnlyList<ServiceLevelObjective> slos, IReadOnlyList<SloFileError> errors) = SloCatalog.ReadFiles(given.Select(file => file.FullName));
            foreach (SloFileError error in errors)
            {
                Console.Error.WriteLine(error);
            }
            Console.WriteLine($"{slos.Count} valid, {errors.Count} invalid");
            return errors.Count == 0 ? ExitCodes.Done : ExitCodes.Failed;
        });
        return new Command("slo", "Work with SLO files") { validate };
    }
}
