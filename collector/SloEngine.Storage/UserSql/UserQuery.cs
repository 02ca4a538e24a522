using SloEngine.Storage.Results;

namespace SloEngine.Storage.UserSql;

/// <summary>
/// SQL that a user wrote. The engine's read-only mode alone is no fence: a subquery's SETTINGS lift it, the function <c>file</c> reads the
/// host's files in spite of it, and INTO OUTFILE writes them. So the text goes through the engine's own parser first; what comes back is
/// one SELECT without comments, whose syntax tree shows each table, function and setting that it names (<see cref="UserQueryPolicy"/>).
/// </summary>
public static class UserQuery
{
    private const int SyntaxError = 62;

    /// <summary>Makes a query of the text that reads the tables of one tenant and nothing else.</summary>
    /// <param name="store">The store whose parser checks the text.</param>
    /// <param name="sql">One SELECT, without FORMAT, SETTINGS and INTO OUTFILE.</param>
    /// <param name="tenant">Whose rows the query sees.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="StoreException">The text is not such a SELECT; the message says what is not allowed.</exception>
    public static async ValueTask<StoreQuery> PrepareAsync(IColumnStore store, string sql, string tenant, CancellationToken cancellation = default)
    {
        string canonical = await CanonicalAsync(store, sql, cancellation);
        string wrapped = $"SELECT * FROM (\n{canonical}\n)";
        QueryResult tree = await TreeAsync(store, wrapped, cancellation);
        var policy = new UserQueryPolicy();
        foreach (ResultBlock block in tree.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                policy.Check(block.Text(0).String(row));
            }
        }
        return new StoreQuery(wrapped) { ReadOnly = true, TableFilters = UserQueryPolicy.TenantFilters(tenant) };
    }

    /// <summary>The text as the engine would write it: one statement, no comments, so that it cannot leave the brackets around it.</summary>
    private static async ValueTask<string> CanonicalAsync(IColumnStore store, string sql, CancellationToken cancellation)
    {
        try
        {
            QueryResult formatted = await store.QueryAsync(
                new StoreQuery("SELECT formatQuery({sql:String})") { Parameters = new Dictionary<string, string> { ["sql"] = sql } }, cancellation);
            return formatted.Blocks[0].Text(0).String(0);
        }
        catch (StoreException failure)
        {
            // The engine speaks of the statement around the user's text too: that is ours, and says nothing.
            int ours = failure.Message.IndexOf(": In scope SELECT formatQuery", StringComparison.Ordinal);
            throw ours < 0 ? failure : new StoreException(failure.Code, failure.Message[..ours]);
        }
    }

    private static async ValueTask<QueryResult> TreeAsync(IColumnStore store, string wrapped, CancellationToken cancellation)
    {
        try
        {
            return await store.QueryAsync(new StoreQuery($"SELECT explain FROM (EXPLAIN AST {wrapped})"), cancellation);
        }
        catch (StoreException failure) when (failure.Code == SyntaxError)
        {
            throw new StoreException(SyntaxError, "the query is not a plain SELECT: write one SELECT (or WITH ... SELECT) without FORMAT and INTO OUTFILE");
        }
    }
}
