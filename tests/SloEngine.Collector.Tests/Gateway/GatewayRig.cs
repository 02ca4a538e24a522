using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using SloEngine.Collector.Gateway;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Tests.Ingest;
using SloEngine.Otlp;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Tests.Gateway;

/// <summary>What becomes of a forward.</summary>
internal enum Fate
{
    Taken,
    TakenAndAnswerLost,
    Lost,
    Refused,
    RefusedOnTheWay,
}

/// <summary>An engine node behind a real port, which may end and begin again like a process, and whose answers may be lost.</summary>
internal sealed class TargetNode(CollectorOptions? collector = null) : IAsyncDisposable
{
    private WebApplication? _app;

    public IngestRig Rig { get; } = new(collector, segmentBytes: 4096);

    public int Port { get; private set; }

    /// <summary>Decides about each forward.</summary>
    public Func<Fate> Decide { get; set; } = () => Fate.Taken;

    public async Task StartAsync()
    {
        await Rig.StartAsync();
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, Port));
        builder.Services.AddSingleton(Rig.Ingest).AddSingleton<ITelemetryIntake>(Rig.Ingest).AddSingleton(collector ?? new CollectorOptions()).AddSingleton(new BodyMemory(1 << 30));
        _app = builder.Build();
        _app.Use(MeetFateAsync);
        _app.MapForward();
        await _app.StartAsync();
        Port = new Uri(_app.Urls.First()).Port;
    }

    public async Task StopAsync()
    {
        await _app!.DisposeAsync();
        await Rig.StopAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await Rig.StartAsync();
        await Rig.DisposeAsync();
    }

    private async Task MeetFateAsync(HttpContext http, RequestDelegate next)
    {
        Fate fate;
        lock (Rig)
        {
            fate = Decide();
        }
        switch (fate)
        {
            case Fate.Taken:
                await next(http);
                break;
            case Fate.TakenAndAnswerLost:
                http.Response.Body = new MemoryStream();
                await next(http);
                http.Abort();
                break;
            case Fate.RefusedOnTheWay:
                http.Response.StatusCode = StatusCodes.Status413PayloadTooLarge;
                break;
            case Fate.Refused:
                http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                http.Response.Headers.RetryAfter = "0";
                break;
            default:
                http.Abort();
                break;
        }
    }
}

/// <summary>A gateway with a log of its own on the disk, which may end and begin again like a process.</summary>
internal sealed class GatewayRig(IReadOnlyList<TargetNode> nodes, long maxLogBytes = 1 << 30) : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("sloengine-gateway-");
    private WriteAheadLog? _log;

    /// <summary>Where slices are kept that a node never takes.</summary>
    public string Refused(int node) => Path.Combine(_directory.FullName, "refused", $"node-{node}");

    public TelemetryGateway Gateway { get; private set; } = null!;

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public TimeSpan RefusalPatience { get; init; }

    /// <summary>Begins with some of the nodes, by their indexes.</summary>
    public void Start(params int[] of)
    {
        _log = TelemetryGateway.OpenLog(new WalOptions { Directory = _directory.FullName, SegmentBytes = 4096, MaxBytes = maxLogBytes }, TimeProvider.System);
        int[] all = of.Length > 0 ? of : [.. Enumerable.Range(0, nodes.Count)];
        var options = new GatewayOptions
        {
            Nodes = [.. all.Select(index => new GatewayNode($"node-{index}", new Uri($"http://127.0.0.1:{nodes[index].Port}")))],
            MaxForwardBytes = 2000,
            FirstRetry = TimeSpan.FromMilliseconds(1),
            LongestRetry = TimeSpan.FromMilliseconds(20),
            CheckpointPeriod = TimeSpan.FromMilliseconds(5),
            RefusalPatience = RefusalPatience,
        };
        try
        {
            Gateway = new TelemetryGateway(
                _log, options, new CollectorOptions { CommitDelay = TimeSpan.Zero }, Time, NullLogger<TelemetryGateway>.Instance);
        }
        catch
        {
            _log.Dispose();
            throw;
        }
    }

    public async Task StopAsync()
    {
        await Gateway.DisposeAsync();
        _log!.Dispose();
    }

    /// <summary>Keeps a copy of the log and all that lies beside it, while it is stopped.</summary>
    public void Copy() => Copy(_directory.FullName, _directory.FullName + "-copy");

    /// <summary>Puts the copy back in the place of what came since, while it is stopped.</summary>
    public void PutBack()
    {
        _directory.Delete(recursive: true);
        Copy(_directory.FullName + "-copy", _directory.FullName);
        Directory.Delete(_directory.FullName + "-copy", recursive: true);
    }

    private static void Copy(string from, string to)
    {
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    /// <summary>Flips a bit in the last record of the log, while it is stopped.</summary>
    public void DamageLastRecord()
    {
        string segment = Directory.GetFiles(_directory.FullName, "*.wal").Order(StringComparer.Ordinal).Last();
        byte[] bytes = File.ReadAllBytes(segment);
        bytes[bytes.AsSpan().LastIndexOfAnyExcept((byte)0)] ^= 1;
        File.WriteAllBytes(segment, bytes);
    }

    /// <summary>Ends it as a crash does: how far the nodes were stands where it stood some time before.</summary>
    public async Task CrashAsync(int crashedNodes)
    {
        string[] checkpoints = [.. Enumerable.Range(0, crashedNodes).Select(index => Path.Combine(_directory.FullName, "nodes", $"node-{index}", "checkpoint"))];
        byte[][] before = [.. checkpoints.Select(File.ReadAllBytes)];
        await StopAsync();
        for (int index = 0; index < checkpoints.Length; index++)
        {
            await File.WriteAllBytesAsync(checkpoints[index], before[index]);
        }
    }

    /// <summary>Completes when every node has taken everything.</summary>
    public Task DeliveredAsync() => UntilAsync(() => Gateway.Nodes.All(node => node.QueuedBytes == 0));

    public static async Task UntilAsync(Func<bool> holds)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!holds())
        {
            await Task.Delay(5, patience.Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _directory.Delete(recursive: true);
    }
}
