using System.CommandLine;
using SloEngine.Storage.Backup;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine store backup</c>: has a running server back up its store, and waits for it.</summary>
internal static class StoreBackupCommand
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    public static Command Create()
    {
        var name = new Argument<string>("DIR") { Description = "Name of the backup: a new directory in the server's directory of backups (--backups of serve)" };
        var baseName = new Option<string?>("--base") { Description = "A backup beside it: what that has is not copied again, and is needed for a restore", HelpName = "DIR" };
        Option<Uri> server = StoreCommand.Server();
        var command = new Command(
            "backup",
            """
            Back up the store of a running server, in full or on top of an earlier backup, while it takes telemetry in.

            Tables are backed up, with the SLO ledger and the alerts. Files that people write (SLOs, policies, dashboards) are not.
            Stopping this command does not stop the backup.
            """) { name, baseName, server };
        command.SetAction((parsed, cancellation) => StoreCommand.RunAsync(async () =>
        {
            using var client = new ServerClient(parsed.GetValue(server)!);
            await RunAsync(client, parsed.GetValue(name)!, parsed.GetValue(baseName), cancellation);
        }));
        return command;
    }

    private static async Task RunAsync(ServerClient client, string name, string? baseName, CancellationToken cancellation)
    {
        Accepted accepted = ServerClient.Parse<Accepted>(await client.PostAsync("/api/v1/store/backups", new { name, @base = baseName }, cancellation));
        var progress = new BackupProgress("backup", Console.Error, !Console.IsErrorRedirected, TimeProvider.System);
        while (true)
        {
            BackupStatus status = ServerClient.Parse<BackupStatus>(await client.GetAsync("/api/v1/store/backups/" + name, cancellation));
            progress.Show(status);
            if (status.State == BackupState.Failed)
            {
                throw new CommandException($"the backup failed: {status.Error}");
            }
            if (status.State == BackupState.Done)
            {
                Console.WriteLine(accepted.Directory);
                return;
            }
            await Task.Delay(Interval, cancellation);
        }
    }

    private sealed record Accepted(string Directory);
}
