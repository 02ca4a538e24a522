using System.Globalization;
using SloEngine.Otlp.Metrics;
using SloEngine.Storage.Chdb;
using SloEngine.Storage.Native;
using SloEngine.Storage.Tables;

namespace SloEngine.Query.Tests;

/// <summary>The real engine on a directory of its own, shared by the tests of this assembly, each with a tenant of its own.</summary>
public sealed class MetricStore : IAsyncLifetime
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("sloengine-query-");
    private int _lastId;

    public EmbeddedColumnStore Store { get; private set; } = null!;

    public async Task InitializeAsync() => Store = await EmbeddedColumnStore.OpenAsync(new EmbeddedStoreOptions { Path = _directory.FullName });

    public async Task DisposeAsync()
    {
        await Store.DisposeAsync();
        _directory.Delete(recursive: true);
    }

    /// <summary>Registers a series of a kind (MetricKind) and temporality (1 delta, 2 cumulative); labels as <c>'name':'value'</c>.</summary>
    public async Task<UInt128> SeriesAsync(string tenant, string metric, int kind, string labels = "", int temporality = 2, string bounds = "", string help = "", string? otelName = null)
    {
        UInt128 id = SeriesRow.IdsOf(tenant, metric).First + (UInt128)Interlocked.Increment(ref _lastId);
        await Store.ExecuteAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"INSERT INTO sloengine.series VALUES ('{tenant}', '{metric}', {id}, {kind}, {temporality}, '', '{help}', '{otelName ?? metric}', map({labels.Replace(':', ',')}), [{bounds}], now(), now())"));
        return id;
    }

    /// <summary>Rows of <c>samples</c>: milliseconds and values.</summary>
    public Task SamplesAsync(UInt128 id, params (long TimeMs, double Value)[] samples) => InsertAsync(
        "samples", samples.Select(sample => string.Create(
            CultureInfo.InvariantCulture,
            $"({id}, fromUnixTimestamp64Milli({sample.TimeMs}), fromUnixTimestamp64Milli(0), {BitConverter.DoubleToInt64Bits(sample.Value)}, {SampleValue.Bits})")));

    /// <summary>A sample of 1 that is in memory alone.</summary>
    public static SampleRun NotStoredYet(UInt128 id, long timeMs)
    {
        using var points = new NumberPoints();
        using var place = new NativeWriter();
        points.Series.Append(0);
        points.TimeNanos.Append(timeMs * 1_000_000);
        points.StartNanos.Append(0);
        points.Values.Append(1);
        return SampleRun.Of(points, [id], new byte[1], place.Order);
    }

    /// <summary>Rows of a table.</summary>
    public async Task InsertAsync(string table, IEnumerable<string> rows) =>
        await Store.ExecuteAsync($"INSERT INTO sloengine.{table} VALUES {string.Join(", ", rows)}");
}

[CollectionDefinition(Name)]
public sealed class MetricStoreCollection : ICollectionFixture<MetricStore>
{
    public const string Name = "metric store";
}
