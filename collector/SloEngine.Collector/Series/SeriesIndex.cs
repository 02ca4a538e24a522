using System.Globalization;
using System.Text;
using SloEngine.Collector.Expiry;
using SloEngine.Collector.Limits;
using SloEngine.Collector.Naming;
using SloEngine.Collector.Resources;
using SloEngine.Collector.Taps;
using SloEngine.Otlp.Hashing;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.RemoteWrite;
using SloEngine.Storage.Tables;

namespace SloEngine.Collector.Series;

/// <summary>
/// Every active series: its reference, id in the store, description and tap. Lookups take no lock; registration takes one. A series that
/// stops is retired; one that comes back is registered again, and described to the store again.
/// </summary>
internal sealed class SeriesIndex
{
    /// <summary>
    /// Identities kept for each slot, and at least: of series that are sent in many forms (resources that their labels do not tell apart)
    /// all are forgotten now and then, for the retired forms cannot be told from the others.
    /// </summary>
    private const int IdentitiesPerSlot = 16;
    private const int LeastIdentities = 1_000_000;

    private const int MostDescribedAtOnce = 50_000;
    private const long MostCharactersDescribedAtOnce = 64 << 20;

    /// <summary>
    /// Within which active series are described again: the store knows of a series by its description when it last had points, and deletes those
    /// that are older than any row.
    /// </summary>
    private static readonly TimeSpan DescribedEvery = TimeSpan.FromDays(1);

    /// <summary>How often a share of them is: with each, queries forget which series a name has.</summary>
    private static readonly TimeSpan DescribedAtOnce = TimeSpan.FromHours(1);

    /// <summary>A scope is read again for each new series, for its labels.</summary>
    private const int MaxScopeBytes = 16 << 10;

    private const int MaxLabelNameLength = 1024;

    /// <summary>They are kept for each series, of which a request may have many that share none of theirs.</summary>
    private const int MaxBounds = 1024;

    /// <summary>Longer descriptions are cut: one stands once in a request and is kept for each series.</summary>
    private const int MaxHelpBytes = 1024;

    /// <summary>In place of a reference: the tenant has as many series as it may.</summary>
    public const int OverSeriesLimit = -2;

    /// <summary>In place of a reference: the series has more or longer labels than it may.</summary>
    public const int OverLabelLimit = -3;

    private readonly IdentityTable _byIdentity = new();
    private readonly Dictionary<UInt128, int> _byId = [];
    private readonly Dictionary<UInt128, int> _targets = [];
    private readonly Dictionary<string, TenantUsage> _tenants = new(StringComparer.Ordinal);
    private readonly RetiredSlots _retired = new();
    private readonly Lock _registering = new();
    private readonly CollectorOptions _options;
    private readonly ITelemetryTaps _taps;
    private readonly TimeProvider _time;
    private readonly Queue<SeriesDescriptor> _unsaved = [];
    private volatile SeriesTable _table = new(1024);
    private int _describedUpTo;
    private double _toDescribe;
    private TimeSpan _sinceDescribed;

    public SeriesIndex(CollectorOptions options, ITelemetryTaps taps, TimeProvider time)
    {
        (_options, _taps, _time) = (options, taps, time);
        taps.Changed += Retap;
    }

    /// <summary>Number of active series.</summary>
    public int Count
    {
        get
        {
            lock (_registering)
            {
                return _byId.Count;
            }
        }
    }

    /// <summary>Series by reference, as of now; every reference given out before is in it.</summary>
    public SeriesTable Table => _table;

    /// <summary>Looks a series up by the hash of what it was sent as.</summary>
    /// <param name="identity">The hash.</param>
    /// <param name="previous">The series looked up before by the same sender, or -1. What followed it the last time is looked at first: that is
    /// memory next to the one just read, where the table of all identities would be a cache miss a point.</param>
    /// <param name="series">Its reference.</param>
    public bool TryGet(UInt128 identity, int previous, out int series)
    {
        SeriesTable.Neighbour[] neighbours = _table.Neighbours;
        if ((uint)previous < (uint)neighbours.Length)
        {
            series = neighbours[previous].Next;
            if ((uint)series < (uint)neighbours.Length && neighbours[series].Identity == identity)
            {
                return true;
            }
            if (!_byIdentity.TryGetValue(identity, out series))
            {
                return false;
            }
            neighbours[previous].Next = series;
            return true;
        }
        return _byIdentity.TryGetValue(identity, out series);
    }

    /// <summary>What each tenant has, as of now.</summary>
    public List<(string Tenant, TenantUsage Usage)> Usages()
    {
        lock (_registering)
        {
            return [.. _tenants.Select(tenant => (tenant.Key, tenant.Value with { }))];
        }
    }

    /// <summary>Takes descriptions that are not in the store yet, as many as one insert should have; give them back when they could not be saved.</summary>
    public List<SeriesDescriptor> TakeUnsaved()
    {
        lock (_registering)
        {
            var taken = new List<SeriesDescriptor>(Math.Min(_unsaved.Count, MostDescribedAtOnce));
            for (long characters = 0; taken.Count < MostDescribedAtOnce && characters < MostCharactersDescribedAtOnce && _unsaved.TryDequeue(out SeriesDescriptor? descriptor); characters += descriptor.Characters)
            {
                taken.Add(descriptor);
            }
            return taken;
        }
    }

    public void GiveBack(List<SeriesDescriptor> unsaved)
    {
        lock (_registering)
        {
            unsaved.ForEach(_unsaved.Enqueue);
        }
    }

    /// <summary>Describes as many active series again as are due after some time, those that waited the longest; none while the store does not take descriptions.</summary>
    public void DescribeAgain(TimeSpan passed)
    {
        lock (_registering)
        {
            _sinceDescribed += passed;
            if (_sinceDescribed < DescribedAtOnce)
            {
                return;
            }
            SeriesTable table = _table;
            _toDescribe = _unsaved.Count >= MostDescribedAtOnce ? 0 : Math.Min(table.Count, _toDescribe + (table.Count * (_sinceDescribed / DescribedEvery)));
            _sinceDescribed = TimeSpan.Zero;
            for (; _toDescribe >= 1; _toDescribe--)
            {
                _describedUpTo = _describedUpTo + 1 < table.Count ? _describedUpTo + 1 : 0;
                if (table.Active[_describedUpTo])
                {
                    _unsaved.Enqueue(table.Descriptors[_describedUpTo]!);
                }
            }
        }
    }

    /// <summary>Parses and registers a raw series, beyond all limits when it was accepted before; see <see cref="ISeriesIndex.Register"/>.</summary>
    public int Register(string tenant, LastResource last, in RawSeries raw, out string? rejection, bool isAccepted = false)
    {
        rejection = isAccepted ? null : Oversize(tenant, raw.Name.Length, raw.Unit.Length, raw.Scope.Length, raw.SchemaUrl.Length, raw.Bounds.Length);
        if (rejection is not null)
        {
            return OverLabelLimit;
        }
        DecodedResource resource = last.Of(raw.ResourceIdentity, raw.Resource);
        string metric = SeriesLabels.Metric(raw);
        List<KeyValuePair<string, string>> labels = SeriesLabels.Of(raw, resource.Attributes, _options.PromotedResourceAttributes);
        if (metric.Length == 0)
        {
            rejection = $"the metric name '{Encoding.UTF8.GetString(raw.Name)}' has no letter or digit";
            return -1;
        }
        rejection = isAccepted ? null : Oversize(tenant, labels);
        if (rejection is not null)
        {
            return OverLabelLimit;
        }
        MetricKind kind = raw.Part is SeriesPart.Sum or SeriesPart.Count ? MetricKind.Counter : raw.Kind;
        Temporality temporality = raw.Part is SeriesPart.Sum or SeriesPart.Count ? Temporality.Cumulative : raw.Temporality;
        double[] bounds = raw.Bounds.ToArray();
        var descriptor = new SeriesDescriptor(
            SeriesRow.IdOf(tenant, metric, kind, temporality, labels, bounds), tenant, metric, Encoding.UTF8.GetString(raw.Name), kind, temporality,
            Encoding.UTF8.GetString(raw.Unit), Encoding.UTF8.GetString(raw.Description[..Math.Min(raw.Description.Length, MaxHelpBytes)]), labels, bounds, resource.Hash);
        lock (_registering)
        {
            // The resource of a known series may be a later one (a new version, another host) that its labels do not tell apart.
            return Register(raw.Identity, descriptor, () => Target(tenant, resource.Attributes, resource.Hash), isAccepted, out rejection);
        }
    }

    /// <summary>Registers a series that came by its labels, beyond all limits when it was accepted before.</summary>
    public int Register(string tenant, UInt128 identity, LabelledSeries series, out string? rejection, bool isAccepted = false)
    {
        List<KeyValuePair<string, string>> labels = [.. series.Labels];
        rejection = isAccepted ? null
            : Oversize(tenant, Encoding.UTF8.GetByteCount(series.Metric), Encoding.UTF8.GetByteCount(series.Unit), scope: 0, schema: 0, series.Bounds.Length) ?? Oversize(tenant, labels);
        if (rejection is not null)
        {
            return OverLabelLimit;
        }
        Temporality temporality = series.Kind is MetricKind.Gauge or MetricKind.FloatHistogram ? Temporality.Unspecified : Temporality.Cumulative;
        var process = new StringBuilder();
        foreach ((string name, string value) in labels)
        {
            if (name is "job" or "instance")
            {
                process.Append(name).Append('\0').Append(value).Append('\0');
            }
        }
        var descriptor = new SeriesDescriptor(
            SeriesRow.IdOf(tenant, series.Metric, series.Kind, temporality, labels, series.Bounds), tenant, series.Metric, series.Metric, series.Kind, temporality,
            series.Unit, series.Help[..Math.Min(series.Help.Length, MaxHelpBytes)], labels, series.Bounds, SipHash128.Hash(Encoding.UTF8.GetBytes(process.ToString()), 0));
        lock (_registering)
        {
            return Register(identity, descriptor, static () => -1, isAccepted, out rejection);
        }
    }

    /// <summary>Takes the series that had no point since a moment out of the lookups.</summary>
    public void RetireIdle(long seenBefore)
    {
        lock (_registering)
        {
            SeriesTable table = _table;
            for (int series = 0; series < table.Count; series++)
            {
                // A target lives as long as one of its series; its own points come with theirs.
                int target = table.Targets[series];
                if (table.Active[series] && target >= 0)
                {
                    table.LastSeen[target] = Math.Max(table.LastSeen[target], table.LastSeen[series]);
                }
            }
            bool any = false;
            for (int series = 0; series < table.Count; series++)
            {
                if (table.Active[series] && table.LastSeen[series] < seenBefore)
                {
                    Retire(table, series);
                    any = true;
                }
            }
            if (any)
            {
                ForgetRetired(table);
            }
            foreach ((string tenant, TenantUsage usage) in _tenants)
            {
                if (usage.Active == 0)
                {
                    _tenants.Remove(tenant);
                }
            }
        }
    }

    /// <summary>Frees the slots that nothing refers to any more; to be called after each turn of the leases.</summary>
    public void FreeRetired()
    {
        lock (_registering)
        {
            foreach (int series in _retired.Turn())
            {
                if (_table.Taps[series] is not null)
                {
                    _taps.Forget(_table.Descriptors[series]!);
                }
                _table.Free(series);
            }
        }
    }

    private void Retire(SeriesTable table, int series)
    {
        SeriesDescriptor descriptor = table.Descriptors[series]!;
        table.Active[series] = false;
        table.Neighbours[series].Identity = default;
        _byId.Remove(descriptor.Id);
        _retired.Retire(descriptor.Id, series);
        _tenants[descriptor.Tenant].Active--;
    }

    private void ForgetRetired(SeriesTable table)
    {
        _byIdentity.RemoveAll((_, series) => !table.Active[series]);
        foreach ((UInt128 key, int target) in _targets)
        {
            if (target < 0 || !table.Active[target])
            {
                _targets.Remove(key);
            }
        }
    }

    private int Register(UInt128 identity, SeriesDescriptor descriptor, Func<int> target, bool isAccepted, out string? rejection)
    {
        if (!TryAdd(descriptor, isAccepted, out int series))
        {
            Usage(descriptor.Tenant).RejectedByCount++;
            rejection = _byId.Count >= _options.MaxTotalSeries
                ? string.Create(CultureInfo.InvariantCulture, $"the server has reached its limit of {_options.MaxTotalSeries} active series of all tenants")
                : string.Create(CultureInfo.InvariantCulture, $"tenant {descriptor.Tenant} has reached its limit of {_options.LimitsOf(descriptor.Tenant).MaxActiveSeries} active series");
            return OverSeriesLimit;
        }
        rejection = null;
        _table.LastSeen[series] = _time.GetTimestamp();
        // Beforehand: adding the target may have the table grow.
        int described = target();
        _table.Targets[series] = described;
        if (_byIdentity.Count >= Math.Max(LeastIdentities, (long)_table.Count * IdentitiesPerSlot))
        {
            _byIdentity.Clear();
        }
        _byIdentity[identity] = series;
        _table.Neighbours[series].Identity = identity;
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
            var descriptor = new SeriesDescriptor(
                SeriesRow.IdOf(tenant, "target_info", MetricKind.Gauge, Temporality.Unspecified, labels, []), tenant, "target_info", "target_info",
                MetricKind.Gauge, Temporality.Unspecified, "", "Target metadata", labels, [], resourceIdentity);
            if (!TryAdd(descriptor, isAccepted: false, out target))
            {
                return -1;
            }
            _table.LastSeen[target] = _time.GetTimestamp();
        }
        _targets[key] = target;
        return target;
    }

    /// <summary>Finds or adds a series; false when its tenant, or the server, may have no more.</summary>
    private bool TryAdd(SeriesDescriptor descriptor, bool isAccepted, out int series)
    {
        if (_byId.TryGetValue(descriptor.Id, out series))
        {
            return true;
        }
        TenantUsage usage = Usage(descriptor.Tenant);
        if (!isAccepted && (usage.Active >= _options.LimitsOf(descriptor.Tenant).MaxActiveSeries || _byId.Count >= _options.MaxTotalSeries))
        {
            series = -1;
            return false;
        }
        usage.Active++;
        if (_retired.TryRevive(descriptor.Id, out series))
        {
            // Points in flight may still go to its tap, which therefore stays the one it has.
            _table.Targets[series] = -1;
            _table.Active[series] = true;
        }
        else
        {
            if (!_retired.TryReuse(out series))
            {
                _table = _table.WithRoom();
                series = _table.Extend();
            }
            _table.Set(series, descriptor, _taps.TapFor(descriptor), _time.GetTimestamp());
        }
        _byId.Add(descriptor.Id, series);
        _unsaved.Enqueue(descriptor);
        return true;
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
                if (table.Descriptors[series] is { } descriptor)
                {
                    table.Taps[series] = _taps.TapFor(descriptor);
                }
            }
        }
    }

    /// <summary>What stands once in a request and would be read, or kept, for each of its series.</summary>
    /// <summary>Why a metric is larger than it may be; null where it is not. Lengths are bytes.</summary>
    private string? Oversize(string tenant, int name, int unit, int scope, int schema, int bounds)
    {
        int most = _options.LimitsOf(tenant).MaxLabelValueLength;
        string? reason =
            name > most ? TooLong("the metric name", name, most)
            : unit > most ? TooLong("the unit", unit, most)
            : scope > MaxScopeBytes ? TooLong("the scope", scope, MaxScopeBytes)
            : schema > most ? TooLong("the address of the scope's schema", schema, most)
            : bounds > MaxBounds ? string.Create(CultureInfo.InvariantCulture, $"the histogram has {bounds} bounds; the limit is {MaxBounds}")
            : null;
        return Counted(tenant, reason);

        static string TooLong(string what, int length, int most) => string.Create(CultureInfo.InvariantCulture, $"{what} has {length} bytes; the limit is {most}");
    }

    private string? Oversize(string tenant, List<KeyValuePair<string, string>> labels)
    {
        TenantLimits limits = _options.LimitsOf(tenant);
        string? reason = labels.Count > limits.MaxLabels
            ? string.Create(CultureInfo.InvariantCulture, $"the series has {labels.Count} labels; the limit is {limits.MaxLabels}") : null;
        foreach ((string name, string value) in labels)
        {
            if (name.Length > MaxLabelNameLength)
            {
                reason ??= string.Create(CultureInfo.InvariantCulture, $"the name of label {name.AsSpan(0, 100)}... has {name.Length} characters; the limit is {MaxLabelNameLength}");
            }
            if (value.Length > limits.MaxLabelValueLength)
            {
                reason ??= string.Create(CultureInfo.InvariantCulture, $"label {name} has {value.Length} characters; the limit is {limits.MaxLabelValueLength}");
            }
        }
        return Counted(tenant, reason);
    }

    /// <summary>Counts a rejection, if it is one.</summary>
    private string? Counted(string tenant, string? reason)
    {
        if (reason is not null)
        {
            lock (_registering)
            {
                Usage(tenant).RejectedByLabels++;
            }
        }
        return reason;
    }

    private TenantUsage Usage(string tenant)
    {
        if (!_tenants.TryGetValue(tenant, out TenantUsage? usage))
        {
            _tenants.Add(tenant, usage = new TenantUsage());
        }
        return usage;
    }
}
