using System.Globalization;
using SloEngine.Storage.Results;
using SloEngine.Storage.UserSql;

namespace SloEngine.Storage.Tests;

/// <summary>What SQL of a user can reach: the rows of the tenant, and nothing of the host.</summary>
[Collection(EngineCollection.Name)]
public sealed class UserQueryTests(EngineFixture engine)
{
    [Theory]
    [InlineData("SELECT * FROM file('/etc/passwd', 'LineAsString')")]
    [InlineData("SELECT * FROM file('/etc/passwd', 'LineAsString') SETTINGS readonly = 0")]
    [InlineData("SELECT * FROM (SELECT * FROM file('/etc/passwd', 'LineAsString') SETTINGS readonly = 0)")]
    [InlineData("SELECT file('/etc/passwd')")]
    [InlineData("SELECT arrayMap(file, ['/etc/passwd'])")]
    [InlineData("SELECT arrayMap(path -> file(path), ['/etc/passwd'])")]
    [InlineData("WITH file AS f SELECT arrayMap(f, ['/etc/passwd'])")]
    [InlineData("SELECT * APPLY(file) FROM (SELECT '/etc/passwd')")]
    [InlineData("SELECT COLUMNS('.*') APPLY(file) FROM (SELECT '/etc/passwd')")]
    [InlineData("SELECT * APPLY(x -> file(x)) FROM (SELECT '/etc/passwd')")]
    [InlineData("SELECT * REPLACE(file('/etc/passwd') AS p) FROM (SELECT 1 AS p)")]
    [InlineData("SELECT * FROM default.`/etc/passwd`")]
    [InlineData("SELECT 1 WHERE '' IN default.`/etc/passwd`")]
    [InlineData("SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')")]
    [InlineData("SELECT * FROM remote('127.0.0.1', 'system', 'one')")]
    [InlineData("SELECT * FROM executable('x.sh', 'TSV', 'a String')")]
    [InlineData("SELECT * FROM merge('sloengine', 'logs')")]
    [InlineData("SELECT count() FROM mergeTreeIndex('sloengine', 'logs')")]
    [InlineData("SELECT 1 WHERE tuple('x') IN merge('sloengine', 'logs')")]
    [InlineData("SELECT * FROM viewExplain('EXPLAIN', '', (SELECT 1))")]
    [InlineData("EXPLAIN SELECT 1")]
    [InlineData("SELECT * FROM (EXPLAIN SELECT * FROM logs)")]
    [InlineData("SELECT * FROM notifications")]
    [InlineData("SELECT * FROM sloengine.notifications")]
    [InlineData("SELECT 1 WHERE 1 IN notifications")]
    [InlineData("SELECT query FROM system.processes")]
    [InlineData("SELECT 1 WHERE 'x' IN system.processes")]
    [InlineData("SELECT * FROM information_schema.tables")]
    [InlineData("SELECT count() FROM logs SETTINGS additional_table_filters = {}")]
    [InlineData("SELECT * FROM (SELECT count() FROM logs SETTINGS additional_table_filters = {})")]
    [InlineData("SELECT 1 WHERE 1 IN (SELECT 1 SETTINGS readonly = 0)")]
    [InlineData("WITH x AS (SELECT 1 SETTINGS readonly = 0) SELECT * FROM x")]
    [InlineData("SELECT sleep(3)")]
    [InlineData("SELECT aiGenerate('x', 'y')")]
    [InlineData("SELECT 1) SETTINGS readonly = 0 --")]
    [InlineData("SELECT 1) INTO OUTFILE '/tmp/sloengine-leak' --")]
    [InlineData("SELECT 1 INTO OUTFILE '/tmp/sloengine-leak'")]
    [InlineData("SELECT 1 FORMAT CSV")]
    [InlineData("SELECT 1; DROP TABLE logs")]
    [InlineData("INSERT INTO samples VALUES (1, now(), now(), 1)")]
    [InlineData("INSERT INTO FUNCTION file('/tmp/sloengine-leak', 'TSV') SELECT 1")]
    [InlineData("DROP TABLE samples")]
    [InlineData("KILL QUERY WHERE 1")]
    [InlineData("SYSTEM SHUTDOWN")]
    [InlineData("SET readonly = 0")]
    [InlineData("SELECT")]
    [InlineData("")]
    public async Task What_reaches_beyond_the_tenants_tables_is_refused(string sql)
    {
        await Assert.ThrowsAsync<StoreException>(async () => await RunAsync(sql, "default"));

        Assert.False(File.Exists("/tmp/sloengine-leak"));
    }

    [Theory]
    [InlineData("SELECT 1 AS a -- a comment\n", 1)]
    [InlineData("SELECT number FROM numbers(3);", 3)]
    [InlineData("WITH x AS (SELECT number AS n FROM numbers(5)) SELECT n FROM x WHERE n IN (SELECT number FROM numbers(2)) ORDER BY n", 2)]
    [InlineData("SELECT 'it''s\\n' AS text, arrayMap(x -> x + 1, [1, 2]) AS list, format('{} {}', 'a', 'b') AS f", 1)]
    [InlineData("SELECT service, count() FROM spans AS s LEFT JOIN resources AS r ON r.id = s.resource GROUP BY service UNION ALL SELECT 'x', 1", 1)]
    [InlineData("SELECT name FROM system.tables WHERE database = 'sloengine' AND name = 'logs'", 1)]
    [InlineData("SELECT * EXCEPT b FROM (SELECT 1 AS a, 2 AS b)", 1)]
    public async Task A_select_over_the_tables_is_answered(string sql, int rows) => Assert.Equal(rows, (await RunAsync(sql, "default")).Rows);

    [Theory]
    [InlineData("SELECT count() FROM series WHERE metric = 'tenants'")]
    [InlineData("SELECT count() FROM sloengine.series AS s WHERE s.metric = 'tenants'")]
    [InlineData("SELECT countIf(metric = 'tenants') FROM series FINAL")]
    [InlineData("SELECT count() FROM samples WHERE id IN (91, 92)")]
    [InlineData("SELECT count() FROM numbers(100) WHERE (toUInt128(number), 7) IN (SELECT id, value FROM samples WHERE id IN (91, 92))")]
    [InlineData("WITH x AS (SELECT id FROM samples WHERE id IN (91, 92)) SELECT count() FROM x AS a, x AS b")]
    [InlineData("SELECT count() FROM exemplars WHERE id IN (91, 92)")]
    [InlineData("SELECT count() FROM samples AS p JOIN series AS s ON s.id = p.id WHERE s.metric = 'tenants'")]
    public async Task Only_rows_of_the_tenant_are_seen(string sql)
    {
        foreach ((string tenant, int id) in new[] { ("left", 91), ("ri'ght", 92) })
        {
            await engine.Store.ExecuteAsync(string.Create(
                CultureInfo.InvariantCulture, $"INSERT INTO sloengine.series (tenant, metric, id) VALUES ('{SqlText.Quote(tenant)}', 'tenants', {id})"));
            await engine.Store.ExecuteAsync(string.Create(
                CultureInfo.InvariantCulture, $"INSERT INTO sloengine.samples (id, ts, number) SELECT {id}, now(), 7 WHERE (SELECT count() FROM sloengine.samples WHERE id = {id}) = 0"));
            await engine.Store.ExecuteAsync(string.Create(
                CultureInfo.InvariantCulture, $"INSERT INTO sloengine.exemplars (id, ts, value) SELECT {id}, now(), 7 WHERE (SELECT count() FROM sloengine.exemplars WHERE id = {id}) = 0"));
        }

        Assert.Equal(1UL, await CountAsync(sql, "left"));
        Assert.Equal(1UL, await CountAsync(sql, "ri'ght"));
        Assert.Equal(0UL, await CountAsync(sql, "nobody"));
    }

    [Fact]
    public async Task All_columns_of_samples_have_their_values_among_them()
    {
        await engine.Store.ExecuteAsync("INSERT INTO sloengine.series (tenant, metric, id) VALUES ('asterisk', 'm', 93)");
        await engine.Store.ExecuteAsync("INSERT INTO sloengine.samples (id, ts, number, scale) VALUES (93, now(), 1225, 2)");

        QueryResult all = await RunAsync("SELECT * FROM samples", "asterisk");

        Assert.Equal(12.25, all.Blocks[0].Values<double>(5)[0]);
    }

    [Fact]
    public async Task A_syntax_error_speaks_of_the_users_text_alone()
    {
        StoreException failure = await Assert.ThrowsAsync<StoreException>(async () => await RunAsync("SELECT 1 FRM logs x", "default"));

        Assert.Contains("position", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("formatQuery", failure.Message, StringComparison.Ordinal);
    }

    private async Task<ulong> CountAsync(string sql, string tenant) => (await RunAsync(sql, tenant)).Blocks[0].Values<ulong>(0)[0];

    private async Task<QueryResult> RunAsync(string sql, string tenant) =>
        await engine.Store.QueryAsync(await UserQuery.PrepareAsync(engine.Store, sql, tenant));
}
