using System.Globalization;
using System.Text.RegularExpressions;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Storage;
using SloEngine.Storage.Results;

namespace SloEngine.Server.Slos;

/// <summary>
/// Counts what stored spans and log records add to an SLO, minute by minute. The engine tests the conditions as the taps do, but for patterns: those are
/// tested here, on the bodies of the records that hold the others.
/// </summary>
internal sealed class RecordPast(IColumnStore store)
{
    private const long MinuteNanos = 60_000_000_000;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>How much of the time is read at once: counts are few, bodies are not.</summary>
    private static readonly TimeSpan CountsAtOnce = TimeSpan.FromDays(1);
    private static readonly TimeSpan BodiesAtOnce = TimeSpan.FromMinutes(10);

    /// <summary>A span is found by its start, and counts at its end.</summary>
    private static readonly TimeSpan LongestSpan = TimeSpan.FromDays(1);

    /// <summary>The minutes of [from, until), oldest first.</summary>
    /// <exception cref="StoreException">The store is away.</exception>
    public async Task<IReadOnlyList<LedgerIncrement>> CountAsync(ServiceLevelObjective slo, DateTimeOffset from, DateTimeOffset until, CancellationToken cancellation)
    {
        var query = new RecordQuery(slo);
        var groups = new HashSet<string>();
        var sums = new SortedDictionary<(long Minute, string Group), (double Part, double Total)>();
        TimeSpan piece = query.NeedsBody ? BodiesAtOnce : CountsAtOnce;
        foreach (long slot in await SlotsAsync(query, from, until, piece, cancellation))
        {
            DateTimeOffset start = DateTimeOffset.UnixEpoch + (piece * slot);
            QueryResult result = await store.QueryAsync(query.Of(start > from ? start : from, start + piece < until ? start + piece : until), cancellation);
            foreach (ResultBlock block in result.Blocks)
            {
                for (int row = 0; row < block.Rows; row++)
                {
                    Add(block, row);
                }
            }
        }
        return [.. sums.Select(minute => new LedgerIncrement(
            slo.LedgerKey, minute.Key.Group, DateTimeOffset.FromUnixTimeSeconds(minute.Key.Minute * 60),
            slo.Indicator.PartIsBad ? minute.Value.Total - minute.Value.Part : minute.Value.Part, minute.Value.Total))];

        void Add(ResultBlock block, int row)
        {
            string body = block.Text(2).String(row);
            if (query.TotalPattern?.IsMatch(body) == false)
            {
                return;
            }
            string group = slo.GroupOf(label => block.Text(RecordQuery.FirstLabel + slo.GroupBy.ToList().IndexOf(label)).String(row));
            if (group.Length > 0 && !groups.Contains(group) && (groups.Count >= slo.MaxGroups || !groups.Add(group)))
            {
                group = ServiceLevelObjective.OtherGroups;
            }
            double count = block.Values<ulong>(3)[row];
            bool isPart = block.Values<byte>(1)[row] != 0 && query.PartPattern?.IsMatch(body) != false;
            (double part, double total) = sums.GetValueOrDefault((block.Values<long>(0)[row], group));
            sums[(block.Values<long>(0)[row], group)] = (part + (isPart ? count : 0), total + count);
        }
    }

    /// <summary>The pieces of a time that have records, by their numbers since the epoch.</summary>
    private async Task<IEnumerable<long>> SlotsAsync(RecordQuery query, DateTimeOffset from, DateTimeOffset until, TimeSpan piece, CancellationToken cancellation)
    {
        QueryResult result = await store.QueryAsync(query.Slots(from, until, piece), cancellation);
        return result.Blocks.SelectMany(block => block.Values<long>(0).ToArray());
    }

    /// <summary>The query for the records of an SLO: minute, whether it holds the conditions of the part, its body where a pattern asks for it, the number of such, group.</summary>
    private sealed class RecordQuery
    {
        /// <summary>Column of the first label that groups are told apart by.</summary>
        public const int FirstLabel = 4;

        private readonly Dictionary<string, string> _parameters = [];
        private readonly string _sql;
        private readonly string _slots;
        private bool _needsResources;

        public RecordQuery(ServiceLevelObjective slo)
        {
            bool isOfSpans = slo.Indicator.Total is SpanMeasure;
            TotalPattern = Pattern(slo.Indicator.Total);
            PartPattern = Pattern(slo.Indicator.Part);
            List<string> total = Conditions(slo.Indicator.Total);
            if (slo.Tenant is { } tenant)
            {
                total.Add($"tenant = {Parameter(tenant)}");
            }
            List<string> part = Conditions(slo.Indicator.Part);
            string labels = string.Concat(slo.GroupBy.Select((label, index) => $", {(label == "service" ? "toString(service)" : Attribute(label))} AS g{index}"));
            string nanos = isOfSpans ? "(toUnixTimestamp64Nano(ts) + toInt64(duration))" : "toUnixTimestamp64Nano(ts)";
            string earliest = isOfSpans ? $"{{start:Int64}} - {(long)LongestSpan.TotalMilliseconds}" : "{start:Int64}";
            string table = isOfSpans ? "spans" : "logs";
            string join = _needsResources
                ? $" LEFT JOIN (SELECT id, any(resources.attributes) AS resource_attributes FROM resources GROUP BY id) AS described ON described.id = {table}.resource" : "";
            string records = $$"""
                FROM {{table}}{{join}} WHERE ts >= fromUnixTimestamp64Milli({{earliest}}) AND ts < fromUnixTimestamp64Milli({end:Int64})
                AND {{nanos}} >= {start:Int64} * 1000000 AND {{nanos}} < {end:Int64} * 1000000 AND {{All(total)}}
                """;
            _sql = $"""
                SELECT intDiv({nanos}, {MinuteNanos}) AS minute, toUInt8({All(part)}) AS part, {(NeedsBody ? "body" : "''")} AS text, count(){labels} {records}
                GROUP BY minute, part, text{string.Concat(slo.GroupBy.Select((_, index) => $", g{index}"))}
                """;
            _slots = $"SELECT DISTINCT intDiv({nanos}, {{piece:Int64}}) AS slot {records} ORDER BY slot";
        }

        public Regex? TotalPattern { get; }

        public Regex? PartPattern { get; }

        public bool NeedsBody => TotalPattern is not null || PartPattern is not null;

        public StoreQuery Of(DateTimeOffset start, DateTimeOffset end) => Query(_sql, start, end);

        public StoreQuery Slots(DateTimeOffset start, DateTimeOffset end, TimeSpan piece) =>
            Query(_slots, start, end, ("piece", piece.Ticks * 100));

        private StoreQuery Query(string sql, DateTimeOffset start, DateTimeOffset end, params ReadOnlySpan<(string Name, long Value)> more)
        {
            var parameters = new Dictionary<string, string>(_parameters);
            foreach ((string name, long value) in (ReadOnlySpan<(string, long)>)[("start", start.ToUnixTimeMilliseconds()), ("end", end.ToUnixTimeMilliseconds()), .. more])
            {
                parameters[name] = value.ToString(CultureInfo.InvariantCulture);
            }
            return new StoreQuery(sql) { Parameters = parameters, Timeout = Patience };
        }

        private List<string> Conditions(Measure measure)
        {
            var conditions = new List<string>();
            void Add(string condition, object? value)
            {
                if (value is not null)
                {
                    conditions.Add(condition + (value as string ?? string.Create(CultureInfo.InvariantCulture, $"{value}")));
                }
            }
            switch (measure)
            {
                case LogMeasure logs:
                    Add("service = ", Parameter(logs.Service));
                    Add("severity >= ", logs.MinSeverity);
                    Add("severity <= ", logs.MaxSeverity);
                    Add("if(event_name != '', event_name, attributes['event.name']) = ", Parameter(logs.EventName));
                    Add("0 < ", logs.BodyContains is { Length: > 0 } text ? $"position(body, {Parameter(text)})" : null);
                    conditions.AddRange(logs.Attributes.Select(Condition));
                    break;
                case SpanMeasure spans:
                    Add("service = ", Parameter(spans.Service));
                    Add("name = ", Parameter(spans.Name));
                    Add("kind = ", spans.Kind);
                    Add("status_code ", spans.IsError switch { true => "= 2", false => "!= 2", _ => null });
                    Add("duration <= ", spans.MaxDuration?.Ticks * 100);
                    Add("duration > ", spans.MinDuration?.Ticks * 100);
                    conditions.AddRange(spans.Attributes.Select(Condition));
                    break;
            }
            return conditions;
        }

        private string Condition(Matcher matcher) => matcher.Comparison switch
        {
            "=" or "!=" => $"{Attribute(matcher.Label)} {matcher.Comparison} {Parameter(matcher.Value)}",
            _ => throw new NotSupportedException($"{matcher}: attributes of records are compared by = and != alone"),
        };

        /// <summary>A record's own attribute, else its resource's; empty for none.</summary>
        private string Attribute(string name)
        {
            _needsResources = true;
            string key = Parameter(name)!;
            return $"if(mapContains(attributes, {key}), attributes[{key}], resource_attributes[{key}])";
        }

        private string? Parameter(string? value)
        {
            if (value is null)
            {
                return null;
            }
            string name = $"p{_parameters.Count}";
            _parameters.Add(name, value);
            return $"{{{name}:String}}";
        }

        private static string All(List<string> conditions) => conditions.Count == 0 ? "1" : string.Join(" AND ", conditions);

        private static Regex? Pattern(Measure measure) => measure is LogMeasure { BodyMatches: { } pattern }
            ? new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant) : null;
    }
}
