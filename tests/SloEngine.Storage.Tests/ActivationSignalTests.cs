using System.Globalization;
using SloEngine.Storage.Chdb;

namespace SloEngine.Storage.Tests;

[Collection(EngineCollection.Name)]
public sealed class ActivationSignalTests(EngineFixture engine)
{
    [Fact]
    public async Task The_runtime_keeps_the_signal_by_which_it_stops_threads()
    {
        // The table that the engine's handler is for is attached once somebody names it, if not before.
        await engine.Store.QueryAsync(new StoreQuery("SELECT count() FROM system.tables WHERE database = 'system'"));

        long handler = BitConverter.ToInt64(ActivationSignal.Save()!);
        string owner = File.ReadLines("/proc/self/maps").Single(line => Holds(line, handler));

        Assert.Contains("libcoreclr.so", owner, StringComparison.Ordinal);
    }

    private static bool Holds(string mapping, long address)
    {
        string[] range = mapping[..mapping.IndexOf(' ')].Split('-');
        return long.Parse(range[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture) <= address
            && address < long.Parse(range[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
