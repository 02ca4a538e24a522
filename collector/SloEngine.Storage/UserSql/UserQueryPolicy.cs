using System.Collections.Frozen;
using SloEngine.Storage.Chdb;

namespace SloEngine.Storage.UserSql;

/// <summary>What a user's SELECT may name, read line by line off the engine's EXPLAIN AST.</summary>
internal sealed class UserQueryPolicy
{
    private const int AccessDenied = 497;

    private const string Database = EmbeddedColumnStore.Database;

    /// <summary>Tables whose rows name their tenant.</summary>
    private static readonly string[] TenantTables = ["series", "resources", "spans", "logs", "events", "alerts"];

    /// <summary>Tables whose rows name a series, which names its tenant.</summary>
    private static readonly string[] SeriesTables = ["samples", "samples_5m", "histograms", "exponential_histograms", "float_histograms", "exemplars"];

    /// <summary>Tables with what is nobody's to read, or is read by other ways that know whose it is: bodies of notifications, definitions of SLOs, bookkeeping.</summary>
    private static readonly FrozenSet<string> HiddenTables =
        ((string[])["notifications", "slo_definitions", "slo_corrections", "schema_version", "rollup_days", "series_unused"])
            .SelectMany(table => (string[])[table, Database + "." + table]).ToFrozenSet(StringComparer.Ordinal);

    /// <summary>End of the keys of SLOs' buckets that are of a tenant: what is measured, then whose it is.</summary>
    private const string TenantOfKey = "@[0-9a-f]{8}@([^@]+)$";

    /// <summary>The engine's own tables that tell what can be asked.</summary>
    private static readonly FrozenSet<string> SystemTables = FrozenSet.Create(
        StringComparer.Ordinal, "system.columns", "system.functions", "system.one", "system.numbers", "system.tables");

    private static readonly FrozenSet<string> TableFunctions = FrozenSet.Create(
        StringComparer.Ordinal, "numbers", "numbers_mt", "zeros", "zeros_mt", "generate_series", "generateSeries", "values");

    /// <summary>Functions that reach out of the tables (to the host's files, to other hosts, past the filters) or only spend time.</summary>
    private static readonly FrozenSet<string> RefusedFunctions = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "file", "sleep", "sleepEachRow", "catboostEvaluate", "hasColumnInTable", "joinGet", "joinGetOrNull",
        "aiClassify", "aiEmbed", "aiExtract", "aiGenerate", "aiTranslate",
        "cluster", "clusterAllReplicas", "loop", "merge", "mergeTreeIndex", "mergeTreeProjection", "remote", "remoteSecure");

    private bool _inTableExpression;

    /// <summary>Filters that leave the rows of one tenant, by table.</summary>
    public static Dictionary<string, string> TenantFilters(string tenant)
    {
        string ofTenant = $"tenant = '{SqlText.Quote(tenant)}'";
        string ofSeries = $"id IN (SELECT id FROM {Database}.series WHERE {ofTenant})";
        string ofSlo = $"if(match(slo, '{TenantOfKey}'), extract(slo, '{TenantOfKey}'), 'default') = '{SqlText.Quote(tenant)}'";
        return TenantTables.Select(table => (table, ofTenant)).Concat(SeriesTables.Select(table => (table, ofSeries)))
            .Append(("sli_buckets", ofSlo))
            .ToDictionary(filter => $"{Database}.{filter.Item1}", filter => filter.Item2);
    }

    /// <summary>Checks the next node of the tree.</summary>
    /// <exception cref="StoreException">It is not allowed.</exception>
    public void Check(string line)
    {
        string node = line.TrimStart();
        int space = node.IndexOf(' ', StringComparison.Ordinal);
        string kind = space < 0 ? node : node[..space];
        string name = space < 0 ? "" : WithoutNotes(node[(space + 1)..]);
        switch (kind)
        {
            case "Set":
                throw Refused("SETTINGS are not allowed in a query: its limits are the server's");
            case "ColumnsApplyTransformer":
                throw Refused("APPLY is not allowed in a query: call the function on each column");
            case "TableIdentifier" when !IsReadable(name):
                throw Refused($"the table {name} is not readable; readable are those of the database {Database} and {string.Join(", ", SystemTables.Order())}");
            case "Identifier" when RefusedFunctions.Contains(name) || HiddenTables.Contains(name) || IsForeign(name):
                throw Refused($"the name {name} is not allowed in a query");
            case "Function" when RefusedFunctions.Contains(name):
                throw Refused($"the function {name} is not allowed in a query: it reaches beyond the tables");
            case "Function" when _inTableExpression && !TableFunctions.Contains(name):
                throw Refused($"the table function {name} is not allowed in a query; allowed are {string.Join(", ", TableFunctions.Order())}");
            default:
                break;
        }
        _inTableExpression = kind == "TableExpression";
    }

    /// <summary>A name without a dot is a table of ours or a common table expression: the engine says which, or that it is unknown.</summary>
    private static bool IsReadable(string table) =>
        !HiddenTables.Contains(table)
        && (!table.Contains('.', StringComparison.Ordinal) || table.StartsWith(Database + ".", StringComparison.Ordinal) || SystemTables.Contains(table));

    /// <summary>A table on the right of IN stands as a plain identifier.</summary>
    private static bool IsForeign(string name) =>
        !SystemTables.Contains(name)
        && (name.StartsWith("system.", StringComparison.Ordinal) || name.StartsWith("default.", StringComparison.Ordinal)
            || name.StartsWith("information_schema.", StringComparison.OrdinalIgnoreCase));

    private static string WithoutNotes(string name)
    {
        int notes = name.IndexOf(" (", StringComparison.Ordinal);
        return notes < 0 ? name : name[..notes];
    }

    private static StoreException Refused(string message) => new(AccessDenied, message);
}
