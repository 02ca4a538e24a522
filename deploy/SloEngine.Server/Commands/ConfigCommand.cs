using System.CommandLine;
using SloEngine.Server.Configuration;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine config check</c>: reads a configuration file as <c>serve</c> would.</summary>
internal static class ConfigCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("file") { Description = "Configuration file (YAML)" };
        var check = new Command("check", "Check a configuration file as serve would read it here: the environment counts, too; exit code 2 with file, line and what is expected when it does not fit") { file };
        check.SetAction(parsed =>
        {
            try
            {
                ServerOptions options = ServerOptions.Resolve(new Dictionary<Setting, string>(), parsed.GetValue(file), Environment.GetEnvironmentVariable);
                int steps = options.Pipelines.Metrics.Count + options.Pipelines.Logs.Count + options.Pipelines.Traces.Count;
                int samples = (options.Pipelines.SampleLogs is null ? 0 : 1) + (options.Pipelines.SampleTraces is null ? 0 : 1) + (options.Pipelines.TailTraces is null ? 0 : 1);
                Console.WriteLine($"valid: {options.Tenants.Count} tenants with limits of their own, {steps} edits and {samples} samples in pipelines, {(options.Credentials is null ? "no credentials" : "credentials needed")}");
                return ExitCodes.Done;
            }
            catch (ConfigurationException wrong)
            {
                Console.Error.WriteLine("sloengine: " + wrong.Message);
                return ExitCodes.Usage;
            }
        });
        return new Command("config", "Work with configuration files") { check };
    }
}
