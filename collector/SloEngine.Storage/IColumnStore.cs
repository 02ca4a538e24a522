using System.Buffers;
using System.Globalization;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;

namespace SloEngine.Storage;

/// <summary>
/// The columnar store: a ClickHouse engine, in this process or elsewhere. Safe for concurrent use.
/// Every method throws <see cref="StoreException"/> with the engine's own code and message when a statement fails.
/// </summary>
public interface IColumnStore : IAsyncDisposable
{
    /// <summary>Runs a statement that returns nothing (DDL, ALTER, SYSTEM).</summary>
    ValueTask ExecuteAsync(string sql, CancellationToken cancellation = default);

    /// <summary>Runs a statement that changes rows of one table alone, so that what was read of others still holds.</summary>
    /// <param name="table">The table, without its database.</param>
    /// <param name="sql">The statement.</param>
    /// <param name="samples">Times of the samples that it may change, where the table is theirs; null for any.</param>
    /// <param name="cancellation">Gives up before the statement begins.</param>
    ValueTask ExecuteOnAsync(string table, string sql, RowTimes? samples = null, CancellationToken cancellation = default) => ExecuteAsync(sql, cancellation);

    /// <summary>
    /// Inserts a block; when the task completes the rows survive the end of this process.
    /// Returns only after the engine has committed the part. A token seen before inserts nothing.
    /// </summary>
    ValueTask InsertAsync(NativeBlock block, string? deduplicationToken = null, CancellationToken cancellation = default);

    /// <summary>Runs a query and returns its blocks decoded into columns. An empty result has no rows but may have columns.</summary>
    ValueTask<QueryResult> QueryAsync(StoreQuery query, CancellationToken cancellation = default);

    /// <summary>Runs a query and reads its blocks where they lie: they are valid only until <paramref name="read"/> returns, whose result is the result.</summary>
    async ValueTask<T> ReadAsync<T>(StoreQuery query, Func<QueryResult, T> read, CancellationToken cancellation = default) => read(await QueryAsync(query, cancellation));

    /// <summary>
    /// A number that is another one after each change of a table's rows; null where others may change them too. What was read under a version
    /// holds as long as the version does.
    /// </summary>
    long? Version(string table) => null;

    /// <summary>Which stretches of time of the samples have changed; null where others may change them too.</summary>
    SlotVersions? SampleSlots => null;

    /// <summary>Samples that belong to the table <c>samples</c> and are not in it yet; null where others read that table, too, who would miss them.</summary>
    RecentSamples? Recent => null;

    /// <summary>
    /// Has <see cref="Recent"/> put into the table, for statements that read that alone. When the engine does not take it, the table is as it is, and they read that.
    /// </summary>
    Task StoreRecentAsync(CancellationToken cancellation = default) => Recent?.StoreAsync(cancellation) ?? Task.CompletedTask;

    /// <summary>Runs a query and writes its result in one of the engine's output formats (JSON, CSVWithNames, ArrowStream, ...).</summary>
    ValueTask QueryFormattedAsync(StoreQuery query, string format, IBufferWriter<byte> output, CancellationToken cancellation = default);
}

/// <summary>
/// A query with its parameters. User text goes into <see cref="Parameters"/> only, and stands in the SQL as <c>{name:Type}</c>
/// (for example <c>{metric:String}</c>, <c>{ids:Array(UInt128)}</c>); values are in ClickHouse text format.
/// </summary>
/// <param name="Sql">The statement, without a FORMAT clause. Table names are unqualified: the database is the connection's.</param>
public sealed record StoreQuery(string Sql)
{
    /// <summary>Values of a subquery up to which they are looked for in tables' indexes.</summary>
    private const int MostIdsInIndex = 100_000;

    /// <summary>Values of the placeholders, by name.</summary>
    public IReadOnlyDictionary<string, string> Parameters { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether the engine is to refuse anything but reads. No fence for SQL that a user wrote: <see cref="UserSql.UserQuery"/> is.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Conditions that hold for every row read of a table, by <c>database.table</c>.</summary>
    public IReadOnlyDictionary<string, string> TableFilters { get; init; } = new Dictionary<string, string>();

    /// <summary>Time the engine may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Rows a result may have before the query fails; 0 for no limit.</summary>
    public long MaxResultRows { get; init; }

    /// <summary>Bytes a result may have, as the engine counts them in its columns, before the query fails; 0 for no limit.</summary>
    public long MaxResultBytes { get; init; }

    /// <summary>The statement with its limits as settings.</summary>
    internal string Statement()
    {
        var settings = new List<string> { string.Create(CultureInfo.InvariantCulture, $"max_execution_time = {Math.Max(1, (int)Math.Ceiling(Timeout.TotalSeconds))}") };
        if (MaxResultRows > 0)
        {
            settings.Add(string.Create(CultureInfo.InvariantCulture, $"max_result_rows = {MaxResultRows}"));
        }
        if (MaxResultBytes > 0)
        {
            settings.Add(string.Create(CultureInfo.InvariantCulture, $"max_result_bytes = {MaxResultBytes}"));
        }
        if (TableFilters.Count > 0)
        {
            IEnumerable<string> filters = TableFilters.Select(filter => $"'{SqlText.Quote(filter.Key)}': '{SqlText.Quote(filter.Value)}'");
            settings.Add($"additional_table_filters = {{{string.Join(", ", filters)}}}");
            // A tenant's series may be a million ids: to sort them and look for each in the index of every part takes seconds, and hundreds of megabytes.
            settings.Add(string.Create(CultureInfo.InvariantCulture, $"use_index_for_in_with_subqueries_max_values = {MostIdsInIndex}"));
        }
        if (ReadOnly)
        {
            // What is made of others is what one asks a table for: the values of samples.
            settings.Add("asterisk_include_alias_columns = 1");
            settings.Add("readonly = 1");
        }
        return $"{Sql}\nSETTINGS {string.Join(", ", settings)}";
    }
}

/// <summary>A statement that the engine refused or could not finish.</summary>
public sealed class StoreException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="code">The engine's error code (for example 60, UNKNOWN_TABLE); 0 when it gave none.</param>
    /// <param name="message">The engine's message.</param>
    public StoreException(int code, string message)
        : base(message) => Code = code;

    /// <summary>The engine's error code; 0 when it gave none.</summary>
    public int Code { get; }

    /// <summary>
    /// Whether an insert would fail again, since it was refused for what its rows are and not for how the store is (ClickHouse, ErrorCodes.cpp): CANNOT_PARSE_TEXT,
    /// SIZES_OF_COLUMNS_DOESNT_MATCH, CANNOT_READ_ALL_DATA, LOGICAL_ERROR, TYPE_MISMATCH, ARGUMENT_OUT_OF_BOUND, CANNOT_CONVERT_TYPE, INCORRECT_DATA, TOO_LARGE_ARRAY_SIZE, TOO_LARGE_STRING_SIZE,
    /// SIZES_OF_ARRAYS_DONT_MATCH, VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE, DECIMAL_OVERFLOW.
    /// </summary>
    public bool IsOfTheRows => Code is 6 or 9 or 33 or 49 or 53 or 69 or 70 or 117 or 128 or 131 or 190 or 321 or 407;
}
