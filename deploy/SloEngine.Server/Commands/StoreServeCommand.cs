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
        var listen = new Option<string>("--listen") { Description = "Address of ClickHouse's HTTP interface", HelpName = "HOST:PORT", DefaultValueFactory = _ => "127.0.0.1:8123" };
        var library = new Option<string?>("--engine-library") { Description = "Path of libchdb.so", HelpName = "FILE" };
        var command = new Command("serve", "Serve the store by ClickHouse's HTTP interface, for `serve --store` and any ClickHouse client") { data, listen, library };
        command.SetAction((parsed, cancellation) => StoreCommand.RunAsync(async () =>
        {
            if (!IPEndPoint.TryParse(parsed.GetValue(listen)!, out IPEndPoint? address))
            {
                throw new CommandException($"--listen: '{parsed.GetValue(listen)}' is no IP address and port, such as 127.0.0.1:8123");
            }
            try
            {
                await using EmbeddedColumnStore store = await EmbeddedColumnStore.OpenAsync(
                    new EmbeddedStoreOptions { Path = Path.GetFullPath(parsed.GetValue(data)!), Library = parsed.GetValue(library) }, cancellation);
                await StoreServer.RunAsync(store, address, cancellation);
            }
            catch (Exception failure) when (failure is StoreException or DllNotFoundException or IOException)
            {
                throw new CommandException(failure.Message);
            }
        }));
        return command;
    }
}
