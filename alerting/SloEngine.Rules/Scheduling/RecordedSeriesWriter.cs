using System.Text;
using SloEngine.Otlp.Hashing;
using SloEngine.PromQL.Series;
using SloEngine.Rules.Evaluation;
using SloEngine.Storage;
using SloEngine.Storage.Native;

namespace SloEngine.Rules.Scheduling;

/// <summary>Stores what rules give, as gauges: rows of <c>series</c> for those not seen before, then rows of <c>samples</c>.</summary>
internal sealed class RecordedSeriesWriter(IColumnStore store, string tenant, TimeProvider time)
{
    private const string Milliseconds = "DateTime64(3, 'UTC')";
    private const byte Gauge = 1;
    private const byte UnspecifiedTemporality = 0;
    private const int MaxKnown = 1_000_000;

    private readonly HashSet<UInt128> _known = [];

    /// <summary>Stores samples under a token: a second time they are passed over.</summary>
    public async Task WriteAsync(string token, IReadOnlyList<RuleSample> samples, CancellationToken cancellation)
    {
        if (samples.Count == 0)
        {
            return;
        }
        UInt128[] ids = [.. samples.Select(sample => Id(sample.Labels))];
        if (_known.Count > MaxKnown)
        {
            _known.Clear();
        }
        (UInt128 Id, Labels Labels)[] fresh =
            [.. samples.Select((sample, index) => (ids[index], sample.Labels)).Where(row => !_known.Contains(row.Item1)).DistinctBy(static row => row.Item1)];
        if (fresh.Length > 0)
        {
            await InsertSeriesAsync(token + "/series", fresh, cancellation);
            _known.UnionWith(fresh.Select(static row => row.Id));
        }
        using var writer = new NativeWriter();
        writer.Start("samples", 4, samples.Count);
        writer.Fixed<UInt128>("id", "UInt128", ids);
        writer.Fixed<long>("ts", Milliseconds, [.. samples.Select(static sample => sample.TimeMs)]);
        writer.Fixed<long>("start", Milliseconds).Clear();
        writer.Fixed<double>("value", "Float64", [.. samples.Select(static sample => sample.Value)]);
        await store.InsertAsync(writer.Finish(), token, cancellation);
    }

    private async Task InsertSeriesAsync(string token, (UInt128 Id, Labels Labels)[] series, CancellationToken cancellation)
    {
        using var writer = new NativeWriter();
        writer.Start("series", 12, series.Length);
        Text("tenant", _ => tenant);
        Text("metric", static labels => labels[Labels.MetricName]);
        writer.Fixed<UInt128>("id", "UInt128", [.. series.Select(static row => row.Id)]);
        writer.Fixed<byte>("kind", "UInt8").Fill(Gauge);
        writer.Fixed<byte>("temporality", "UInt8").Clear();
        Text("unit", static _ => "");
        Text("help", static _ => "Recorded by a rule");
        Text("otel_name", static labels => labels[Labels.MetricName]);
        writer.Map("labels", series.Select(static row => (IEnumerable<KeyValuePair<string, string>>)WithoutName(row.Labels).Pairs.ToArray()));
        writer.Array<double>("bounds", "Float64", new int[series.Length], []);
        uint seconds = (uint)time.GetUtcNow().ToUnixTimeSeconds();
        writer.Fixed<uint>("first_seen", "DateTime").Fill(seconds);
        writer.Fixed<uint>("last_seen", "DateTime").Fill(seconds);
        await store.InsertAsync(writer.Finish(), token, cancellation);

        void Text(string column, Func<Labels, string> value)
        {
            writer.BeginText(column);
            foreach ((_, Labels labels) in series)
            {
                writer.String(value(labels));
            }
        }
    }

    private static Labels WithoutName(Labels labels) => labels.Where(static name => name != Labels.MetricName);

    /// <summary>The id that the series has in the store, whoever writes it (docs/architecture.md, "Series").</summary>
    internal UInt128 Id(Labels labels)
    {
        var text = new StringBuilder(256);
        text.Append(tenant).Append('\0').Append(labels[Labels.MetricName]).Append('\0').Append((char)Gauge).Append((char)UnspecifiedTemporality);
        foreach ((string name, string value) in WithoutName(labels).Pairs)
        {
            text.Append('\0').Append(name).Append('\0').Append(value);
        }
        UInt128 hash = SipHash128.Hash(Encoding.UTF8.GetBytes(text.ToString()), 0);
        return SipHash128.Hash([], hash);
    }
}
