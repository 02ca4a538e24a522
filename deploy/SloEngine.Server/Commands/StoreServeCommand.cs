using System.CommandLine;
using System.Net;
using SloEngine.Server.Store;
using SloEngine.Storage;
using SloEngine.Storage.Chdb;

namespace SloEngine.Server.Commands;

/// <summary><c>sloengine store serve</c>: the embedded engine in a process of its own.</summary>
internal static class StoreServeCommand
{
    public static Command Create()
    {
        var data = new Option<string>("--data") { Description = "Directory of the store; made when missing", HelpName = "DIR", DefaultValueFactory = _ => "data" };
        var listen = new Option<IPEndPoint>("--listen")
        {
            Description = "Address of ClickHouse's HTTP interface",
            HelpName = "HOST:PORT",
            DefaultValueFactory = _ => new IPEndPoint(IPAddress.Loopback, 8123),
            CustomParser = result =>
            {
                if (!IPEndPoint.TryParse(result.Tokens[0].Value, out IPEndPoint? address))
                {
                    result.AddError($"--listen: '{result.Tokens[0].Value}' is no IP address and port, such as 127.0.0.1:8123");
                }
                return address;
            },
        };
        var backups = new Option<string?>("--backups") { Description = "Directory of backups, best on another disk (default: backups below the data)", HelpName = "DIR" };
        var library = new Option<string?>("--engine-library") { Description = "Path of libchdb.so", HelpName = "FILE" };
        var command = new Command("serve", "Serve the store by ClickHouse's HTTP interface, for `serve --store` and any ClickHouse client") { data, listen, backups, library };
        command.SetAction((parsed, cancellation) => StoreCommand.RunAsync(async () =>
        {
            PrivateFiles.BeginProcess();
            try
            {
                string path = Path.GetFullPath(parsed.GetValue(data)!);
                string kept = parsed.GetValue(backups) is { } given ? Path.GetFullPath(given) : Path.Combine(path, "backups");
                await using EmbeddedColumnStore store = await EmbeddedColumnStore.OpenAsync(
                    new EmbeddedStoreOptions { Path = path, Library = parsed.GetValue(library), Backups = kept }, cancellation);
                await StoreServer.RunAsync(store, parsed.GetValue(listen)!, cancellation);
            }
            catch (Exception failure) when (failure is StoreException or DllNotFoundException or IOException)
            {
                throw new CommandException(failure.Message);
            }
        }));
        return command;
    }
}
