using System.CommandLine;
using SloEngine.Server.Configuration;
using SloEngine.Server.Hosting;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine serve</c>: runs the engine until it is told to stop.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var command = new Command(
            "serve",
            """
            Run the engine: OTLP in, store, SLOs, alerts, queries, scaling signals, UI.

            Every setting is a flag, an environment variable (SLOENGINE_DATA, SLOENGINE_LISTEN_HTTP, ...) or a key of the
            configuration file (data, listen.http, ...); flags win over the environment, which wins over the file.
            The first line on standard output is `ready` once every address listens, then the addresses; logs go to standard error.
            """);
        var demo = new Option<bool>("--demo") { Description = "Run a small simulated platform that emits all three signals, with SLOs and an incident every few minutes" };
        var config = new Option<string?>("--config") { Description = "Configuration file (YAML)", HelpName = "FILE" };
        command.Options.Add(demo);
        command.Options.Add(config);

        var flags = new Dictionary<Setting, Option<string?>>();
        foreach (Setting setting in Setting.All)
        {
            var option = new Option<string?>(setting.Flag)
            {
                Description = setting.Default.Length == 0 ? setting.Description : $"{setting.Description} [default: {setting.Default}]",
                HelpName = setting.Value,
            };
            flags.Add(setting, option);
            command.Options.Add(option);
        }

        command.SetAction(async (parsed, cancellation) =>
        {
            var given = new Dictionary<Setting, string>();
            foreach ((Setting setting, Option<string?> option) in flags)
            {
                if (parsed.GetValue(option) is { } text)
                {
                    given.Add(setting, text);
                }
            }
            ServerOptions options;
            try
            {
                options = ServerOptions.Resolve(given, parsed.GetValue(config), Environment.GetEnvironmentVariable);
            }
            catch (ConfigurationException wrong)
            {
                await Console.Error.WriteLineAsync("sloengine: " + wrong.Message);
                return ExitCodes.Usage;
            }
            if (parsed.GetValue(demo) && options.Credentials is not null)
            {
                await Console.Error.WriteLineAsync("sloengine: --demo sends telemetry without a credential; expected no section authentication beside it");
                return ExitCodes.Usage;
            }
            return await ServerHost.RunAsync(options with { Demo = parsed.GetValue(demo) }, cancellation);
        });
        return command;
    }
}
