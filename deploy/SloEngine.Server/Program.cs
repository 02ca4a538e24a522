using System.CommandLine;
using SloEngine.Server.Commands;

var root = new RootCommand(
    """
    SloEngine: telemetry in over OTLP, SLOs, alerts and scaling signals out.

    Start with `sloengine serve --demo`: it runs the engine with a small simulated platform, whose SLOs burn, page and recover.
    Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
    """)
{
    ServeCommand.Create(),
    ConfigCommand.Create(),
    SloCommand.Create(),
    PromqlCommand.Create(),
    RulesCommand.Create(),
    StoreCommand.Create(),
};

ParseResult parsed = root.Parse(args);
// What is told to end ends in order: a server stores what waits and closes its store, which takes longer than the two seconds of the default.
int code = await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(60) });
return parsed.Errors.Count > 0 ? ExitCodes.Usage : code;
