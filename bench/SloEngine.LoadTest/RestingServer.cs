using System.Globalization;

namespace SloEngine.LoadTest;

/// <summary>What a server takes at rest: with an empty store, and a while after it has taken in metrics, logs and spans.</summary>
internal static class RestingServer
{
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(10);

    public static async Task MeasureAsync(string program, TimeSpan duration, CancellationToken cancellation)
    {
        Console.WriteLine($"{"store",-12}{"CPU",10}{"threads",9}{"RSS MB",9}");
        await using LoadedServer server = await LoadedServer.StartAsync(program);
        await Task.Delay(Settling, cancellation);
        Console.WriteLine($"{"empty",-12}{await server.RestAsync(duration, cancellation)}");
        long items = 0;
        foreach ((string signal, Request[] requests) in new (string, Request[])[]
        {
            ("metrics", [.. Enumerable.Range(0, 8).Select(Request.Metrics)]),
            ("logs", [.. Enumerable.Range(0, 8).Select(Request.Logs)]),
            ("traces", [.. Enumerable.Range(0, 8).Select(Request.Spans)]),
        })
        {
            items += await server.LoadAsync(signal, requests, TimeSpan.FromSeconds(10), cancellation);
        }
        await Task.Delay(Settling, cancellation);
        string after = await server.RestAsync(duration, cancellation);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{items / 1e6,4:0.0}M items {after}"));
    }
}
