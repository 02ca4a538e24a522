using System.CommandLine;
using SloEngine.Storage;
using SloEngine.Storage.Backup;
using SloEngine.Storage.Chdb;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine store restore</c>: makes a data directory of a backup, without a server.</summary>
internal static class StoreRestoreCommand
{
    public static Command Create()
    {
        var backup = new Argument<string>("DIR") { Description = "Directory of the backup; the backups that it builds on lie beside it" };
        var data = new Option<string>("--data") { Description = "Data directory to make: new or empty", HelpName = "DIR", Required = true };
        var library = new Option<string?>("--engine-library") { Description = "Path of libchdb.so", HelpName = "FILE" };
        var command = new Command("restore", "Restore a backup into a new data directory, for `serve --data`") { backup, data, library };
        command.SetAction((parsed, cancellation) => StoreCommand.RunAsync(async () =>
        {
            PrivateFiles.BeginProcess();
            var options = new EmbeddedStoreOptions { Path = Path.GetFullPath(parsed.GetValue(data)!), Library = parsed.GetValue(library) };
            var progress = new BackupProgress("restore", Console.Error, !Console.IsErrorRedirected, TimeProvider.System);
            try
            {
                await StoreRestore.RunAsync(options, parsed.GetValue(backup)!, progress.Show, cancellation);
            }
            catch (Exception failure) when (failure is StoreException or ArgumentException or DllNotFoundException or IOException or UnauthorizedAccessException)
            {
                throw new CommandException(failure.Message);
            }
            Console.WriteLine(options.Path);
        }));
        return command;
    }
}
