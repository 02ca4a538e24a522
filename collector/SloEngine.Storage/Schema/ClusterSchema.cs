using System.Text.RegularExpressions;

namespace SloEngine.Storage.Schema;

/// <summary>
/// Turns the statements of a single server into those of a cluster, by rules that hold for every migration: a table becomes a replicated one on
/// each shard and a distributed one in front of it; what alters it alters the former, and makes the latter anew, which holds no rows.
/// </summary>
/// <remarks>
/// Rows go to shards by their <c>id</c>, spans by their trace, others by what they are sorted by. So rows that a merge is to put together, and
/// those of an insert that is repeated under its token, come to one shard.
/// </remarks>
internal sealed partial class ClusterSchema(StoreCluster cluster, string database)
{
    /// <summary>Repeated inserts are told apart for as long as a node may be away in the middle of one.</summary>
    private const string WindowSeconds = "replicated_deduplication_window_seconds = 604800";

    private const string Window = "non_replicated_deduplication_window";

    private readonly string _local = StoreCluster.Local(database);
    private readonly Dictionary<string, string> _shardBy = new(StringComparer.Ordinal);

    /// <summary>Every statement that makes the tables of a cluster from nothing.</summary>
    public static IEnumerable<string> Everything(StoreCluster cluster, string database, IReadOnlyList<Migration> migrations) =>
        Single(database, migrations).SelectMany(new ClusterSchema(cluster, database).Of);

    /// <summary>Every statement that makes the tables of a single server from nothing.</summary>
    public static IEnumerable<string> Single(string database, IReadOnlyList<Migration> migrations) => SchemaMigration.VersionTable(database)
        .Concat(migrations.SelectMany(migration => migration.Statements(database, Migration.CodecOfServers).Append(SchemaMigration.Record(database, migration))));

    /// <summary>What a statement becomes. Statements are to come in their order: what alters a table follows what creates it.</summary>
    /// <exception cref="NotSupportedException">There is no rule for such a statement.</exception>
    public IEnumerable<string> Of(string statement)
    {
        string sql = WithoutComments(statement);
        if (CreateDatabase().IsMatch(sql))
        {
            return [$"{sql} {cluster.OnCluster}", $"CREATE DATABASE IF NOT EXISTS {_local} {cluster.OnCluster}"];
        }
        if (CreateTable().Match(sql) is { Success: true } table)
        {
            return Create(table, sql);
        }
        if (Alter().Match(sql) is { Success: true } alter)
        {
            return Change(alter.Groups["table"].Value, alter.Groups["commands"].Value);
        }
        if (CreateView().Match(sql) is { Success: true } view)
        {
            // Each shard fills its own part of the target from its own part of the source.
            return [$"{view.Groups["create"].Value} {_local}.{view.Groups["view"].Value} {cluster.OnCluster} {Localized(view.Groups["rest"].Value)}"];
        }
        if (Insert().IsMatch(sql))
        {
            return [sql];
        }
        if (Exchange().Match(sql) is { Success: true } exchange)
        {
            // The distributed tables stand for names, and so for what was exchanged under them; of columns they have copies.
            return
            [
                $"{Localized(sql)} {cluster.OnCluster}",
                .. exchange.Groups["table"].Captures.Select(table => Distributed("CREATE OR REPLACE TABLE", table.Value)),
            ];
        }
        if (Drop().IsMatch(sql))
        {
            return [$"{sql} {cluster.OnCluster} SYNC", $"{Localized(sql)} {cluster.OnCluster} SYNC"];
        }
        throw new NotSupportedException($"there is no rule for a cluster's form of: {sql}");
    }

    private IEnumerable<string> Create(Match create, string sql)
    {
        string name = create.Groups["table"].Value;
        int columns = create.Index + create.Length - 1;
        int end = Closing(sql, columns);
        Match engine = Engine().Match(sql, end);
        if (!engine.Success)
        {
            throw new NotSupportedException($"table {name} is of no MergeTree engine, and so has no replicated form: {sql}");
        }
        int behind = engine.Index + engine.Length;
        string arguments = "";
        if (behind < sql.Length && sql[behind] == '(')
        {
            int closing = Closing(sql, behind);
            arguments = ", " + sql[(behind + 1)..closing];
            behind = closing + 1;
        }
        string columnsText = sql[columns..(end + 1)];
        string tail = sql[behind..];
        _shardBy[name] = ShardBy(name, columnsText, tail);
        yield return $"""
            CREATE TABLE IF NOT EXISTS {_local}.{name} {cluster.OnCluster}
            {columnsText}
            ENGINE = Replicated{engine.Groups["name"].Value}('/clickhouse/tables/{"{shard}"}/{_local}/{name}', '{"{replica}"}'{arguments}){Settings(tail)}
            """;
        yield return Distributed("CREATE TABLE IF NOT EXISTS", name);
    }

    private IEnumerable<string> Change(string table, string commands)
    {
        yield return $"ALTER TABLE {_local}.{table} {cluster.OnCluster} {Localized(Settings(commands))}";
        if (!OnlyStorage().IsMatch(commands))
        {
            yield return Distributed("CREATE OR REPLACE TABLE", table);
        }
    }

    private string Distributed(string create, string table) => $"""
        {create} {database}.{table} {cluster.OnCluster} AS {_local}.{table}
        ENGINE = Distributed('{SqlText.Quote(cluster.Name)}', '{_local}', '{table}', {_shardBy[table]})
        """;

    private static string ShardBy(string table, string columns, string tail)
    {
        if (table == "spans")
        {
            return "sipHash64(trace_id)";
        }
        if (IdColumn().IsMatch(columns))
        {
            return "sipHash64(id)";
        }
        Match order = OrderBy().Match(tail);
        int open = order.Index + order.Length;
        return open < tail.Length && tail[open] == '(' ? "sipHash64" + tail[open..(Closing(tail, open) + 1)] : $"sipHash64({Word().Match(tail, open).Value})";
    }

    private string Localized(string sql) => sql.Replace(database + ".", _local + ".");

    private static string Settings(string sql) => WindowSetting().Replace(sql, $"replicated_deduplication_window = ${{rows}}, {WindowSeconds}");

    /// <summary>Where the bracket closes that opens at a position.</summary>
    private static int Closing(string sql, int open)
    {
        int depth = 0;
        bool quoted = false;
        for (int position = open; position < sql.Length; position++)
        {
            quoted ^= sql[position] == '\'';
            depth += quoted ? 0 : sql[position] switch { '(' => 1, ')' => -1, _ => 0 };
            if (depth == 0)
            {
                return position;
            }
        }
        throw new NotSupportedException($"a bracket that is not closed: {sql}");
    }

    private static string WithoutComments(string sql) => Comment().Replace(sql, match => match.Value[0] == '\'' ? match.Value : "").Trim();

    /// <summary>A text, which is kept, or a comment.</summary>
    [GeneratedRegex(@"'(?:[^'\\]|\\.|'')*'|[ \t]*--[^\n]*")]
    private static partial Regex Comment();

    [GeneratedRegex(@"^CREATE DATABASE IF NOT EXISTS \w+$")]
    private static partial Regex CreateDatabase();

    [GeneratedRegex(@"^CREATE TABLE(?: IF NOT EXISTS)? \w+\.(?<table>\w+)\s*\(")]
    private static partial Regex CreateTable();

    [GeneratedRegex(@"ENGINE\s*=\s*(?<name>\w*MergeTree)\b")]
    private static partial Regex Engine();

    [GeneratedRegex(@"^ALTER TABLE \w+\.(?<table>\w+)\s+(?<commands>.*)$", RegexOptions.Singleline)]
    private static partial Regex Alter();

    [GeneratedRegex(@"^(?<create>CREATE MATERIALIZED VIEW(?: IF NOT EXISTS)?) \w+\.(?<view>\w+)\s+(?<rest>TO \w+\.\w+.*)$", RegexOptions.Singleline)]
    private static partial Regex CreateView();

    [GeneratedRegex(@"^EXCHANGE TABLES \w+\.(?<table>\w+) AND \w+\.(?<table>\w+)$")]
    private static partial Regex Exchange();

    [GeneratedRegex(@"^DROP TABLE IF EXISTS \w+\.\w+$")]
    private static partial Regex Drop();

    [GeneratedRegex(@"^INSERT INTO \w+\.\w+\b")]
    private static partial Regex Insert();

    /// <summary>Changes that a distributed table has no part in.</summary>
    [GeneratedRegex(@"^(MODIFY SETTING|RESET SETTING|MODIFY TTL|REMOVE TTL|UPDATE|DELETE|(ADD|DROP|MATERIALIZE|CLEAR) (INDEX|PROJECTION|STATISTICS))\b")]
    private static partial Regex OnlyStorage();

    [GeneratedRegex(@"(?:\(|,|\n)\s*`?id`?\s+(?:UInt128|String|UUID)\b")]
    private static partial Regex IdColumn();

    [GeneratedRegex(@"ORDER BY\s*")]
    private static partial Regex OrderBy();

    [GeneratedRegex(@"\G`?\w+`?")]
    private static partial Regex Word();

    [GeneratedRegex(Window + @"\s*=\s*(?<rows>\d+)")]
    private static partial Regex WindowSetting();
}
