using System.Globalization;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;

namespace SloEngine.Alerting.Events;

/// <summary>Which events to read.</summary>
/// <param name="Tenant">Whose.</param>
/// <param name="Start">From this time on.</param>
/// <param name="End">Up to this time.</param>
public sealed record EventFilter(string Tenant, DateTimeOffset Start, DateTimeOffset End)
{
    /// <summary>Of this service, and of the platform; null for all.</summary>
    public string? Service { get; init; }

    /// <summary>Of this kind; null for all.</summary>
    public ChangeKind? Kind { get; init; }

    /// <summary>Of this environment; null for all.</summary>
    public string? Environment { get; init; }

    /// <summary>Most events, the latest ones.</summary>
    public int Limit { get; init; } = 1000;
}

/// <summary>Events in table <c>events</c>.</summary>
public sealed class EventTable(IColumnStore store)
{
    /// <summary>Where events come from that tell which version of a service runs.</summary>
    public const string VersionSource = "service.version";

    private const string Columns = "id, time, toString(kind), toString(service), toString(environment), version, commit, title, link, toString(source), attributes, toString(tenant)";

    /// <summary>Adds events; when the task completes they survive the end of the process.</summary>
    /// <param name="events">The events.</param>
    /// <param name="token">A token seen before adds nothing; null for none.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="StoreException">The store is away.</exception>
    public async Task AddAsync(IReadOnlyList<ChangeEvent> events, string? token, CancellationToken cancellation)
    {
        using var writer = new NativeWriter();
        writer.Start("events", 13, events.Count);
        Text("tenant", one => one.Tenant);
        Text("id", one => one.Id);
        writer.Fixed<long>("time", "DateTime64(3, 'UTC')", [.. events.Select(one => one.Time.ToUnixTimeMilliseconds())]);
        Text("kind", one => Name(one.Kind));
        Text("service", one => one.Service);
        Text("environment", one => one.Environment);
        Text("version", one => one.Version);
        Text("commit", one => one.Commit);
        Text("title", one => one.Title);
        Text("link", one => one.Link);
        Text("source", one => one.Source);
        writer.Map("attributes", events.Select(one => one.Attributes));
        writer.Fixed<ulong>("revision", "UInt64", [.. events.Select(one => one.Revision)]);
        await store.InsertAsync(writer.Finish(), token, cancellation);

        void Text(string column, Func<ChangeEvent, string> value)
        {
            writer.BeginText(column);
            foreach (ChangeEvent one in events)
            {
                writer.String(value(one));
            }
        }
    }

    /// <summary>Reads events, the latest first.</summary>
    /// <exception cref="StoreException">The store is away.</exception>
    public Task<IReadOnlyList<ChangeEvent>> ReadAsync(EventFilter filter, CancellationToken cancellation)
    {
        var parameters = new Dictionary<string, string>
        {
            ["tenant"] = filter.Tenant,
            ["start"] = Milliseconds(filter.Start),
            ["end"] = Milliseconds(filter.End),
        };
        string conditions = "tenant = {tenant:String} AND time >= fromUnixTimestamp64Milli({start:Int64}) AND time <= fromUnixTimestamp64Milli({end:Int64})";
        Add("service", filter.Service, "(service = {service:String} OR service = '')");
        Add("kind", filter.Kind is { } kind ? Name(kind) : null, "kind = {kind:String}");
        Add("environment", filter.Environment, "environment = {environment:String}");
        return ReadAsync($"SELECT {Columns} FROM events FINAL WHERE {conditions} ORDER BY time DESC, id LIMIT {filter.Limit}", parameters, cancellation);

        void Add(string name, string? value, string condition)
        {
            if (value is not null)
            {
                parameters[name] = value;
                conditions += " AND " + condition;
            }
        }
    }

    /// <summary>Reads what is known of the versions of all services: the latest events of each.</summary>
    public Task<IReadOnlyList<ChangeEvent>> ReadVersionsAsync(int limit, CancellationToken cancellation) => ReadAsync(
        $"SELECT {Columns} FROM events FINAL WHERE source = '{VersionSource}' ORDER BY time DESC LIMIT {limit}", [], cancellation);

    /// <summary>A kind as it is written.</summary>
    public static string Name(ChangeKind kind) => kind.ToString().ToLowerInvariant();

    private async Task<IReadOnlyList<ChangeEvent>> ReadAsync(string sql, Dictionary<string, string> parameters, CancellationToken cancellation)
    {
        QueryResult result = await store.QueryAsync(new StoreQuery(sql) { Parameters = parameters }, cancellation);
        var events = new List<ChangeEvent>(result.Rows);
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                events.Add(new ChangeEvent
                {
                    Id = block.Text(0).String(row),
                    Time = DateTimeOffset.FromUnixTimeMilliseconds(block.Values<long>(1)[row]),
                    Kind = Enum.Parse<ChangeKind>(block.Text(2).String(row), ignoreCase: true),
                    Service = block.Text(3).String(row),
                    Environment = block.Text(4).String(row),
                    Version = block.Text(5).String(row),
                    Commit = block.Text(6).String(row),
                    Title = block.Text(7).String(row),
                    Link = block.Text(8).String(row),
                    Source = block.Text(9).String(row),
                    Attributes = block.Map(10).Of(row),
                    Tenant = block.Text(11).String(row),
                });
            }
        }
        return events;
    }

    private static string Milliseconds(DateTimeOffset time) => time.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
}
