using System.CommandLine;
using SloEngine.Storage.Schema;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine store ddl</c>: prints the statements that make the tables.</summary>
internal static class StoreDdlCommand
{
    public static Command Create()
    {
        var cluster = new Option<string?>("--cluster")
        {
            Description = "Name of the cluster, as in the servers' remote_servers: replicated tables on its shards, distributed tables in front",
            HelpName = "NAME",
        };
        var command = new Command("ddl", "Print the statements that make the tables on a ClickHouse server or cluster; `serve --store` runs them by itself") { cluster };
        command.SetAction(parsed =>
        {
            string? name = parsed.GetValue(cluster);
            if (name is "")
            {
                Console.Error.WriteLine("sloengine: --cluster: the name is empty; expected one of remote_servers");
                return ExitCodes.Usage;
            }
            foreach (string statement in SchemaText.Statements(name is null ? null : new StoreCluster(name)))
            {
                Console.WriteLine(statement + ";\n");
            }
            return ExitCodes.Done;
        });
        return command;
    }
}
