using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using SloEngine.Collector.Naming;
using SloEngine.Collector.Taps;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Hashing;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.RemoteWrite;

namespace SloEngine.Collector.Series;

/// <summary>
/// Every active series: its reference, id in the store, description and tap. Lookups take no lock; registration takes one.
/// </summary>
internal sealed class SeriesIndex
{
    private readonly IdentityTable _byIdentity = new();
    private readonly Dictionary<UInt128, int> _byId = [];
    private readonly Dictionary<UInt128, int> _targets = [];
    private readonly Dictionary<string, int> _countByTenant = new(StringComparer.Ordinal);
    private readonly Lock _registering = new();
    private readonly CollectorOptions _options;
    private readonly ITelemetryTaps _taps;
    private List<SeriesDescriptor> _unsaved = [];
    private volatile SeriesTable _table = new(1024);

    public SeriesIndex(CollectorOptions options, ITelemetryTaps taps)
    {
        (_options, _taps) = (options, taps);
        taps.Changed += Retap;
    }

    /// <summary>Number of active series.</summary>
    public int Count => _table.Count;

    /// <summary>Series by reference, as of now; every reference given out before is in it.</summary>
    public SeriesTable Table => _table;

    public bool TryGet(UInt128 identity, out int series) => _byIdentity.TryGetValue(identity, out series);

    /// <summary>Takes the descriptions that are not in the store yet; give them back when they could not be saved.</summary>
    public List<SeriesDescriptor> TakeUnsaved()
    {
        lock (_registering)
        {
            List<SeriesDescriptor> taken = _unsaved;
            _unsaved = [];
            return taken;
        }
    }

    public void GiveBack(List<SeriesDescriptor> unsaved)
    {
        lock (_registering)
        {
            _unsaved.InsertRange(0, unsaved);
        }
    }

    /// <summary>Parses and registers a raw series; see <see cref="ISeriesIndex.Register"/>.</summary>
    public int Register(string tenant, in RawSeries raw, out string? rejection)
    {
        Dictionary<string, string> resource = Attributes(raw.Resource, 1);
        string metric = SeriesLabels.Metric(raw);
        List<KeyValuePair<string, string>> labels = SeriesLabels.Of(raw, resource, _options.PromotedResourceAttributes);
        rejection = metric.Length == 0 ? $"the metric name '{Encoding.UTF8.GetString(raw.Name)}' has no letter or digit" : Oversize(labels);
        if (rejection is not null)
        {
            return -1;
        }
        MetricKind kind = raw.Part is SeriesPart.Sum or SeriesPart.Count ? MetricKind.Counter : raw.Kind;
        Temporality temporality = raw.Part is SeriesPart.Sum or SeriesPart.Count ? Temporality.Cumulative : raw.Temporality;
        UInt128 resourceIdentity = SipHash128.Hash(raw.Resource, 0);
        double[] bounds = raw.Bounds.ToArray();
        var descriptor = new SeriesDescriptor(
            Id(tenant, metric, kind, temporality, bounds, labels), tenant, metric, Encoding.UTF8.GetString(raw.Name), kind, temporality,
            Encoding.UTF8.GetString(raw.Unit), Encoding.UTF8.GetString(raw.Description), labels, bounds, resourceIdentity);
        lock (_registering)
        {
            // The resource of a known series may be a later one (a new version, another host) that its labels do not tell apart.
            return Register(raw.Identity, descriptor, () => Target(tenant, resource, resourceIdentity), out rejection);
        }
    }

    /// <summary>Registers a series that came by its labels.</summary>
    public int Register(string tenant, UInt128 identity, LabelledSeries series, out string? rejection)
    {
        List<KeyValuePair<string, string>> labels = [.. series.Labels];
        rejection = Oversize(labels);
        if (rejection is not null)
        {
            return -1;
        }
        Temporality temporality = series.Kind == MetricKind.Gauge ? Temporality.Unspecified : Temporality.Cumulative;
        var process = new StringBuilder();
        foreach ((string name, string value) in labels)
        {
            if (name is "job" or "instance")
            {
                process.Append(name).Append('\0').Append(value).Append('\0');
            }
        }
        var descriptor = new SeriesDescriptor(
            Id(tenant, series.Metric, series.Kind, temporality, series.Bounds, labels), tenant, series.Metric, series.Metric, series.Kind, temporality,
            series.Unit, series.Help, labels, series.Bounds, SipHash128.Hash(Encoding.UTF8.GetBytes(process.ToString()), 0));
        lock (_registering)
        {
            return Register(identity, descriptor, static () => -1, out rejection);
        }
    }

    private int Register(UInt128 identity, SeriesDescriptor descriptor, Func<int> target, out string? rejection)
    {
        rejection = null;
        if (_byId.TryGetValue(descriptor.Id, out int series))
        {
            _table.Targets[series] = target();
        }
        else
        {
            int active = _countByTenant.GetValueOrDefault(descriptor.Tenant);
            if (active >= _options.MaxActiveSeries)
            {
                rejection = string.Create(CultureInfo.InvariantCulture, $"tenant {descriptor.Tenant} has reached its limit of {_options.MaxActiveSeries} active series");
                return -1;
            }
            _countByTenant[descriptor.Tenant] = active + 1;
            series = Add(descriptor, target());
        }
        _byIdentity[identity] = series;
        return series;
    }

    /// <summary>The target_info series of a resource, or -1 when it says no more than job and instance.</summary>
    private int Target(string tenant, Dictionary<string, string> resource, UInt128 resourceIdentity)
    {
        UInt128 key = SipHash128.Hash(Encoding.UTF8.GetBytes(tenant), resourceIdentity);
        if (_targets.TryGetValue(key, out int target))
        {
            return target;
        }
        List<KeyValuePair<string, string>> labels = SeriesLabels.Target(resource);
        target = -1;
        if (labels.Exists(label => label.Key is not ("job" or "instance")) && labels.Exists(label => label.Key is "job" or "instance"))
        {
            target = Add(
                new SeriesDescriptor(
                    Id(tenant, "target_info", MetricKind.Gauge, Temporality.Unspecified, [], labels), tenant, "target_info", "target_info",
                    MetricKind.Gauge, Temporality.Unspecified, "", "Target metadata", labels, [], resourceIdentity),
                target: -1);
        }
        _targets[key] = target;
        return target;
    }

    private int Add(SeriesDescriptor descriptor, int target)
    {
        if (_byId.TryGetValue(descriptor.Id, out int known))
        {
            return known;
        }
        SeriesTable table = _table.WithRoom();
        int series = table.Add(descriptor, _taps.TapFor(descriptor), target);
        _table = table;
        _byId.Add(descriptor.Id, series);
        _unsaved.Add(descriptor);
        return series;
    }

    private void Retap()
    {
        lock (_registering)
        {
            // No flush may come between what an old tap has counted and the new one that goes on from there.
            using Lock.Scope batch = _taps.BeginBatch();
            SeriesTable table = _table;
            for (int series = 0; series < table.Count; series++)
            {
                table.Taps[series] = _taps.TapFor(table.Descriptors[series]);
            }
        }
    }

    private string? Oversize(List<KeyValuePair<string, string>> labels)
    {
        if (labels.Count > _options.MaxLabels)
        {
            return string.Create(CultureInfo.InvariantCulture, $"the series has {labels.Count} labels; the limit is {_options.MaxLabels}");
        }
        foreach ((string name, string value) in labels)
        {
            if (value.Length > _options.MaxLabelValueLength)
            {
                return string.Create(CultureInfo.InvariantCulture, $"label {name} has {value.Length} characters; the limit is {_options.MaxLabelValueLength}");
            }
        }
        return null;
    }

    /// <summary>Id in the store: equal for equal series in every process and at every time.</summary>
    private static UInt128 Id(
        string tenant, string metric, MetricKind kind, Temporality temporality, double[] bounds, List<KeyValuePair<string, string>> labels)
    {
        var text = new StringBuilder(256);
        text.Append(tenant).Append('\0').Append(metric).Append('\0').Append((char)kind).Append((char)temporality);
        foreach ((string name, string value) in labels)
        {
            text.Append('\0').Append(name).Append('\0').Append(value);
        }
        UInt128 hash = SipHash128.Hash(Encoding.UTF8.GetBytes(text.ToString()), 0);
        return SipHash128.Hash(MemoryMarshal.AsBytes(bounds.AsSpan()), hash);
    }

    private static Dictionary<string, string> Attributes(ReadOnlySpan<byte> message, int field)
    {
        using AttributesColumn column = AttributeSet.Decode(message, field);
        var attributes = new Dictionary<string, string>(StringComparer.Ordinal);
        for (int entry = 0; entry < column.Keys.Count; entry++)
        {
            attributes[Encoding.UTF8.GetString(column.Keys[entry])] = Encoding.UTF8.GetString(column.Values[entry]);
        }
        return attributes;
    }
}

/// <summary>Series by reference. Arrays only grow, by copy, so that a reader needs no lock.</summary>
internal sealed class SeriesTable(int capacity)
{
    public int Count { get; private set; }

    public UInt128[] Ids { get; } = new UInt128[capacity];

    public SeriesDescriptor[] Descriptors { get; } = new SeriesDescriptor[capacity];

    public ISeriesTap?[] Taps { get; } = new ISeriesTap?[capacity];

    /// <summary>For each series, its resource's target_info series, or -1.</summary>
    public int[] Targets { get; } = new int[capacity];

    public SeriesTable WithRoom()
    {
        if (Count < Ids.Length)
        {
            return this;
        }
        var larger = new SeriesTable(Ids.Length * 2) { Count = Count };
        Ids.CopyTo(larger.Ids, 0);
        Descriptors.CopyTo(larger.Descriptors, 0);
        Taps.CopyTo(larger.Taps, 0);
        Targets.CopyTo(larger.Targets, 0);
        return larger;
    }

    public int Add(SeriesDescriptor descriptor, ISeriesTap? tap, int target)
    {
        int series = Count;
        Ids[series] = descriptor.Id;
        Descriptors[series] = descriptor;
        Taps[series] = tap;
        Targets[series] = target;
        Count = series + 1;
        return series;
    }
}

/// <summary>The index as one tenant's decoders see it.</summary>
internal sealed class TenantSeries(string tenant, SeriesIndex index) : ISeriesIndex, ILabelledSeriesIndex
{
    public bool TryGet(UInt128 identity, out int series) => index.TryGet(identity, out series);

    public int Register(UInt128 identity, LabelledSeries series, out string? rejection) => index.Register(tenant, identity, series, out rejection);

    public int Register(in RawSeries series, out string? rejection) => index.Register(tenant, series, out rejection);
}
