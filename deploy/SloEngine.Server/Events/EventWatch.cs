using System.Diagnostics.Metrics;
using System.Text;
using SloEngine.Alerting.Events;
using SloEngine.Collector.Taps;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Traces;

namespace SloEngine.Server.Events;

/// <summary>
/// Finds events in telemetry as it comes in: log records that name one, spans of a deployment, versions of services. A block without any costs a search for
/// two keys in the bytes of its attributes, and a comparison a row. Guarded by the batch of the taps.
/// </summary>
internal sealed class EventWatch : IDisposable
{
    /// <summary>Most events of one batch: telemetry that is nothing but events is left alone.</summary>
    private const int MaxPerBatch = 1000;
    private const int MaxDeployments = 10_000;
    private const int MaxAttributes = 32;
    private const int MaxText = 1024;

    /// <summary>Longest version, and name of a deployment, that are remembered: longer ones are none.</summary>
    private const int MaxName = 256;

    private readonly VersionBook _versions;
    private readonly TimeProvider _time;
    private readonly HashSet<(string Tenant, string Id)> _deployments = [];
    private readonly List<ChangeEvent> _found = [];
    private readonly Meter _meter = new("SloEngine.Events");
    private readonly Counter<long> _dropped;
    private ResourceDescriptor?[] _seen = new ResourceDescriptor?[64];

    public EventWatch(VersionBook versions, TimeProvider time)
    {
        (_versions, _time) = (versions, time);
        _dropped = _meter.CreateCounter<long>("sloengine.events.dropped", "{event}", "Events in telemetry that were not kept, because there were too many at once.");
    }

    /// <summary>Reads what is known of versions.</summary>
    public static async Task<EventWatch> ReadAsync(EventTable table, TimeProvider time, CancellationToken cancellation) =>
        new(new VersionBook(await table.ReadVersionsAsync(VersionBook.MaxServices * 10, cancellation), time.GetUtcNow()), time);

    /// <summary>Whether a series tells of a service: <c>target_info</c> does, also of those that send nothing but metrics.</summary>
    public static bool LooksAt(SeriesDescriptor series) => series.Metric == "target_info";

    /// <summary>Looks at such a series when it is met.</summary>
    public void Observe(SeriesDescriptor series)
    {
        var labels = series.Labels.ToDictionary(label => label.Key, label => label.Value);
        if (labels.TryGetValue("service_version", out string? version) && IsName(version) && labels.TryGetValue("job", out string? service))
        {
            string environment = labels.GetValueOrDefault("deployment_environment_name") ?? labels.GetValueOrDefault("deployment_environment") ?? "";
            See(series.Tenant, service, environment, version, labels.GetValueOrDefault("vcs_ref_head_revision") ?? "", _time.GetUtcNow(), isRunning: false);
        }
    }

    public void Observe(SpanBlock spans, IResourceLookup resources)
    {
        Resources(spans.Resources.Values, spans.StartNanos.Values, resources);
        // Keys lie one behind the other: what is not in all of their bytes is no row's key.
        if (spans.Attributes.Keys.Data.Values.IndexOf("deployment.id"u8) < 0)
        {
            return;
        }
        for (int row = 0; row < spans.Count; row++)
        {
            if (spans.Attributes.TryGet(row, "deployment.id"u8, out ReadOnlySpan<byte> id) && id.Length is > 0 and <= MaxName)
            {
                Deployment(spans, row, Encoding.UTF8.GetString(id), resources[spans.Resources[row]]);
            }
        }
    }

    public void Observe(LogBlock logs, IResourceLookup resources)
    {
        Resources(logs.Resources.Values, logs.TimeNanos.Values, resources);
        if (logs.EventNames.Data.Count == 0 && logs.Attributes.Keys.Data.Values.IndexOf("event.name"u8) < 0)
        {
            return;
        }
        for (int row = 0; row < logs.Count; row++)
        {
            if (logs.EventName(row) is { IsEmpty: false } name && EventName.Kind(name) is { } kind)
            {
                Named(logs, row, kind, Encoding.UTF8.GetString(name), resources[logs.Resources[row]]);
            }
        }
    }

    /// <summary>Takes what was found since the last call.</summary>
    public IReadOnlyList<ChangeEvent> Take()
    {
        if (_found.Count == 0)
        {
            return [];
        }
        ChangeEvent[] taken = [.. _found];
        _found.Clear();
        return taken;
    }

    public void Dispose() => _meter.Dispose();

    private void Resources(ReadOnlySpan<int> references, ReadOnlySpan<long> nanos, IResourceLookup resources)
    {
        int last = -1;
        for (int row = 0; row < references.Length; row++)
        {
            if (references[row] != last)
            {
                last = references[row];
                Resource(last, resources[last], nanos[row]);
            }
        }
    }

    private void Resource(int slot, ResourceDescriptor resource, long nanos)
    {
        if (slot >= _seen.Length)
        {
            Array.Resize(ref _seen, Math.Max(slot + 1, _seen.Length * 2));
        }
        // Most have no version at all: those are looked at once.
        if (ReferenceEquals(_seen[slot], resource))
        {
            return;
        }
        if (!resource.Attributes.TryGetValue("service.version", out string? version) || !IsName(version))
        {
            _seen[slot] = resource;
            return;
        }
        See(resource.Tenant, resource.Service, Environment(resource.Attributes), version, resource.Attributes.GetValueOrDefault("vcs.ref.head.revision") ?? "", Time(nanos), isRunning: true);
    }

    private void See(string tenant, string service, string environment, string version, string commit, DateTimeOffset time, bool isRunning)
    {
        if (_versions.See(tenant, service, environment, version, time) is not { } news || (news == Sighting.Return && !isRunning))
        {
            return;
        }
        bool isNew = news == Sighting.NewService;
        Add(new ChangeEvent
        {
            // Several nodes, or one after a crash, that see the same make one event of it.
            Id = ChangeEvent.IdOf(EventTable.VersionSource, service, environment, version, news == Sighting.Return ? $"{time.ToUnixTimeMilliseconds()}" : ""),
            Tenant = tenant,
            Time = time,
            Kind = isNew ? ChangeKind.Discovery : ChangeKind.Deployment,
            Service = Cut(service),
            Environment = Cut(environment),
            Version = version,
            Commit = Cut(commit),
            Title = Cut(isNew ? $"{service} seen for the first time, version {version}" : $"{service} {version}{(news == Sighting.Return ? " is back" : "")}"),
            Source = EventTable.VersionSource,
            Revision = ChangeEvent.EarliestWins(time),
        });
    }

    private void Deployment(SpanBlock spans, int row, string id, ResourceDescriptor resource)
    {
        if (_deployments.Count >= MaxDeployments)
        {
            _deployments.Clear();
        }
        if (!_deployments.Add((resource.Tenant, id)))
        {
            return;
        }
        Dictionary<string, string> attributes = Attributes(spans.Attributes, row);
        Add(Described(attributes, resource) with
        {
            Id = ChangeEvent.IdOf("deployment.id", id),
            Time = Time(spans.StartNanos[row]),
            Title = Cut(attributes.GetValueOrDefault("deployment.name") ?? Encoding.UTF8.GetString(spans.Names[row])),
            Source = "span",
            Revision = ChangeEvent.EarliestWins(Time(spans.StartNanos[row])),
        });
    }

    private void Named(LogBlock logs, int row, ChangeKind kind, string name, ResourceDescriptor resource)
    {
        Dictionary<string, string> attributes = Attributes(logs.Attributes, row);
        DateTimeOffset time = Time(logs.TimeNanos[row]);
        string body = Cut(Encoding.UTF8.GetString(logs.Bodies[row]));
        attributes["event.name"] = name;
        ChangeEvent described = Described(attributes, resource);
        Add(described with
        {
            Id = ChangeEvent.IdOf("log", name, $"{logs.TimeNanos[row]}", described.Service, described.Environment, body),
            Time = time,
            Kind = kind,
            Title = body.Length > 0 ? body : name,
            Source = "log",
            Revision = ChangeEvent.EarliestWins(time),
        });
    }

    /// <summary>What attributes and resource tell of an event, by OpenTelemetry's semantic conventions (deployment, service, vcs, cicd).</summary>
    private static ChangeEvent Described(Dictionary<string, string> attributes, ResourceDescriptor resource)
    {
        string First(params ReadOnlySpan<string> keys)
        {
            foreach (string key in keys)
            {
                if (attributes.TryGetValue(key, out string? value) || resource.Attributes.TryGetValue(key, out value))
                {
                    return Cut(value);
                }
            }
            return "";
        }

        string link = First("cicd.pipeline.run.url.full", "url.full");
        return new ChangeEvent
        {
            Id = "",
            Tenant = resource.Tenant,
            Time = default,
            Kind = ChangeKind.Deployment,
            Service = attributes.GetValueOrDefault("service.name") is { Length: > 0 } named ? Cut(named) : resource.Service,
            Environment = First("deployment.environment.name", "deployment.environment"),
            Version = First("deployment.version", "service.version"),
            Commit = First("vcs.ref.head.revision"),
            Link = ChangeEvent.IsLink(link) ? link : "",
            Source = "",
            Attributes = attributes,
        };
    }

    private void Add(ChangeEvent one)
    {
        if (_found.Count >= MaxPerBatch)
        {
            _dropped.Add(1);
            return;
        }
        _found.Add(one);
    }

    private static string Environment(IReadOnlyDictionary<string, string> attributes) =>
        attributes.GetValueOrDefault("deployment.environment.name") ?? attributes.GetValueOrDefault("deployment.environment") ?? "";

    private static Dictionary<string, string> Attributes(AttributesColumn column, int row)
    {
        (int start, int length) = column.Row(row);
        var attributes = new Dictionary<string, string>(StringComparer.Ordinal);
        for (int entry = start; entry < start + Math.Min(length, MaxAttributes); entry++)
        {
            attributes[Cut(Encoding.UTF8.GetString(column.Keys[entry]))] = Cut(Encoding.UTF8.GetString(column.Values[entry]));
        }
        return attributes;
    }

    private static bool IsName(string text) => text.Length is > 0 and <= MaxName;

    private static string Cut(string text) => text.Length <= MaxText ? text : text[..MaxText];

    private static DateTimeOffset Time(long nanos) => DateTimeOffset.UnixEpoch.AddTicks(nanos / 100);
}
