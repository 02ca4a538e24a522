using System.CommandLine;
using System.Text.Json;
using SloEngine.Server.Backtesting;
using SloEngine.Server.Catalogue;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine slo catalogue</c>: ready-made SLOs, detectors and runbooks.</summary>
internal static class SloCatalogueCommand
{
    private static readonly Option<string[]> Set = new("--set")
    {
        Description = "Value of a parameter, as NAME=VALUE; may be given several times",
        HelpName = "NAME=VALUE",
        DefaultValueFactory = _ => [],
    };

    public static Command Create() => new(
        "catalogue", "Ready-made SLOs of a platform (M1 to M12), detectors of its failure modes (F1 to F6), and a runbook for each") { List(), Show(), Write() };

    private static Command List()
    {
        var json = new Option<bool>("--json") { Description = "Print them as JSON, with their parameters" };
        var list = new Command("list", "What there is") { json };
        list.SetAction(parsed =>
        {
            if (parsed.GetValue(json))
            {
                Console.WriteLine(JsonSerializer.Serialize(
                    TemplateCatalogue.All.Select(template => new
                    {
                        template.Id,
                        template.Name,
                        kind = template.Kind.ToString().ToLowerInvariant(),
                        template.Title,
                        template.Description,
                        template.Parameters,
                    }),
                    BacktestLine.Json));
                return ExitCodes.Done;
            }
            foreach (CatalogueTemplate template in TemplateCatalogue.All)
            {
                Console.WriteLine($"{template.Id,-4}{template.Name,-28}{template.Kind.ToString().ToLowerInvariant(),-7}{template.Description}");
            }
            return ExitCodes.Done;
        });
        return list;
    }

    private static Command Show()
    {
        var id = new Argument<string>("id") { Description = "Id or name, such as M1 or platform-api-availability" };
        var runbook = new Option<bool>("--runbook") { Description = "Print the runbook instead" };
        var parameters = new Option<bool>("--parameters") { Description = "Print the parameters instead" };
        var show = new Command("show", "Print one: a file that `slo validate`, or `rules check`, accepts") { id, Set, runbook, parameters };
        show.SetAction(parsed => Run(() =>
        {
            CatalogueTemplate template = Find(parsed.GetValue(id)!);
            IReadOnlyDictionary<string, string> values = TemplateCatalogue.Values(parsed.GetValue(Set)!, [template]);
            if (parsed.GetValue(parameters))
            {
                foreach (TemplateParameter parameter in template.Parameters)
                {
                    Console.WriteLine($"{parameter.Name,-12}{values.GetValueOrDefault(parameter.Name, parameter.Default),-32}{parameter.Description}");
                }
                return;
            }
            Console.Write(parsed.GetValue(runbook) ? template.Runbook(values) : template.File(values));
        }));
        return show;
    }

    private static Command Write()
    {
        var directory = new Argument<DirectoryInfo>("directory") { Description = "Where to: slos, rules and runbooks below it" };
        var ids = new Argument<string[]>("ids") { Description = "Ids or names; all when none is given", Arity = ArgumentArity.ZeroOrMore };
        var force = new Option<bool>("--force") { Description = "Write over files that are there" };
        var write = new Command("write", "Write files: slos/*.yaml, rules/*.yaml, runbooks/*.md") { directory, ids, Set, force };
        write.SetAction(parsed => Run(() =>
        {
            string[] named = parsed.GetValue(ids)!;
            IReadOnlyList<CatalogueTemplate> templates = named.Length == 0 ? TemplateCatalogue.All : [.. named.Select(Find)];
            IReadOnlyDictionary<string, string> values = TemplateCatalogue.Values(parsed.GetValue(Set)!, templates);
            string root = parsed.GetValue(directory)!.FullName;
            (string Path, string Text)[] files = [.. templates.SelectMany(template => ((string, string)[])
            [
                (Path.Combine(root, template.Kind == TemplateKind.Slo ? "slos" : "rules", template.Name + ".yaml"), template.File(values)),
                (Path.Combine(root, "runbooks", template.Name + ".md"), template.Runbook(values)),
            ])];
            string? taken = parsed.GetValue(force) ? null : files.Select(file => file.Path).FirstOrDefault(File.Exists);
            if (taken is not null)
            {
                throw new FormatException($"{taken} is there already; write elsewhere, or over it with --force");
            }
            foreach ((string path, string text) in files)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.WriteAllText(path, text);
            }
            Console.WriteLine($"{files.Length} files written to {root}");
        }));
        return write;
    }

    private static CatalogueTemplate Find(string text) => TemplateCatalogue.Find(text)
        ?? throw new FormatException($"there is no '{text}' in the catalogue; `sloengine slo catalogue list` says what there is");

    private static int Run(Action command)
    {
        try
        {
            command();
            return ExitCodes.Done;
        }
        catch (FormatException wrong)
        {
            Console.Error.WriteLine("sloengine: " + wrong.Message);
            return ExitCodes.Usage;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine("sloengine: " + failure.Message);
            return ExitCodes.Failed;
        }
    }
}
