using System.CommandLine;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine store</c>: what the store holds, and copies of it.</summary>
internal static class StoreCommand
{
    public static Command Create() => new("store", "Look after the store") { StoreServeCommand.Create(), StoreDdlCommand.Create(), StoreStatsCommand.Create(), StoreBackupCommand.Create(), StoreRestoreCommand.Create() };

    /// <summary>The option that names the running server.</summary>
    public static Option<Uri> Server() => new("--server")
    {
        Description = "Address of the running server's HTTP APIs",
        HelpName = "URL",
        DefaultValueFactory = _ => new Uri("http://127.0.0.1:7070"),
        CustomParser = result =>
        {
            if (Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https")
            {
                return url;
            }
            result.AddError($"--server: '{result.Tokens[0].Value}' is no http or https URL");
            return null;
        },
    };

    /// <summary>Runs a command; what it cannot do ends as one line and exit code 1.</summary>
    public static async Task<int> RunAsync(Func<Task> command)
    {
        try
        {
            await command();
            return ExitCodes.Done;
        }
        catch (Exception failure) when (failure is CommandException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync("sloengine: " + failure.Message);
            return ExitCodes.Failed;
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("sloengine: stopped");
            return ExitCodes.Failed;
        }
    }
}
