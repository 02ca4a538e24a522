using System.Globalization;
using SloEngine.Alerting.Http;
using SloEngine.Slo.Files;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;

namespace SloEngine.Alerting.Definitions;

/// <summary>Saved SLOs in table <c>slo_definitions</c>, every version of them.</summary>
public sealed class SloDefinitionTable(IColumnStore store)
{
    private const string Columns = "id, version, removed, text, author, credential, created";

    /// <summary>The latest version of each SLO, removals too, by id.</summary>
    public Task<IReadOnlyList<SloVersion>> ReadLatestAsync(CancellationToken cancellation) =>
        ReadAsync($"SELECT {Columns} FROM slo_definitions ORDER BY id, version DESC LIMIT 1 BY id", [], cancellation);

    /// <summary>Those of the latest versions that are no removals.</summary>
    public static IReadOnlyList<SavedSlo> InUse(IEnumerable<SloVersion> latest) =>
        [.. latest.Where(version => !version.IsRemoved).Select(version => new SavedSlo(version.Id, version.Version, version.Text))];

    /// <summary>How many versions there are, of all SLOs.</summary>
    public async Task<ulong> CountAsync(CancellationToken cancellation) =>
        (await store.QueryAsync(new StoreQuery("SELECT count() FROM slo_definitions"), cancellation)).Blocks.First(block => block.Rows > 0).Values<ulong>(0)[0];

    /// <summary>The versions of an SLO, the latest first.</summary>
    public Task<IReadOnlyList<SloVersion>> ReadVersionsAsync(string id, CancellationToken cancellation) =>
        ReadAsync($"SELECT {Columns} FROM slo_definitions WHERE id = {{id:String}} ORDER BY version DESC", new() { ["id"] = id }, cancellation);

    /// <summary>The latest version of an SLO; null when there is none.</summary>
    /// <param name="id">The SLO.</param>
    /// <param name="isDefined">Whether it is to be the latest that is no removal.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public Task<SloVersion?> ReadLatestAsync(string id, bool isDefined, CancellationToken cancellation) =>
        ReadOneAsync($"id = {{id:String}}{(isDefined ? " AND removed = 0" : "")}", new() { ["id"] = id }, cancellation);

    /// <summary>A version of an SLO; null when there is none of that number.</summary>
    public Task<SloVersion?> ReadVersionAsync(string id, long version, CancellationToken cancellation) =>
        ReadOneAsync("id = {id:String} AND version = {version:Int64}", new() { ["id"] = id, ["version"] = version.ToString(CultureInfo.InvariantCulture) }, cancellation);

    /// <summary>Adds a version; false when somebody else has added one of that number.</summary>
    public async Task<bool> AddAsync(SloVersion version, CancellationToken cancellation)
    {
        string change = Guid.NewGuid().ToString("N");
        using var writer = new NativeWriter();
        writer.Start("slo_definitions", 8, 1);
        Text("id", version.Id);
        writer.Fixed<uint>("version", "UInt32", [version.Version]);
        Text("change", change);
        writer.Fixed<byte>("removed", "UInt8", [version.IsRemoved ? (byte)1 : (byte)0]);
        Text("text", version.Text);
        Text("author", version.Editor.Author);
        Text("credential", version.Editor.Credential);
        writer.Fixed<long>("created", "DateTime64(3, 'UTC')", [version.Created.ToUnixTimeMilliseconds()]);
        // Of two inserts under one token the store keeps the first.
        await store.InsertAsync(writer.Finish(), $"slo/{version.Id}/{version.Version}", cancellation);
        QueryResult kept = await store.QueryAsync(
            new StoreQuery("SELECT change FROM slo_definitions WHERE id = {id:String} AND version = {version:UInt32}")
            {
                Parameters = new Dictionary<string, string> { ["id"] = version.Id, ["version"] = $"{version.Version}" },
            },
            cancellation);
        return kept.Rows == 1 && kept.Blocks.First(block => block.Rows > 0).Text(0).String(0) == change;

        void Text(string column, string value)
        {
            writer.BeginText(column);
            writer.String(value);
        }
    }

    private async Task<SloVersion?> ReadOneAsync(string condition, Dictionary<string, string> parameters, CancellationToken cancellation) =>
        await ReadAsync($"SELECT {Columns} FROM slo_definitions WHERE {condition} ORDER BY version DESC LIMIT 1", parameters, cancellation) is [var found, ..] ? found : null;

    private async Task<IReadOnlyList<SloVersion>> ReadAsync(string sql, Dictionary<string, string> parameters, CancellationToken cancellation)
    {
        QueryResult result = await store.QueryAsync(new StoreQuery(sql) { Parameters = parameters }, cancellation);
        var versions = new List<SloVersion>(result.Rows);
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                versions.Add(new SloVersion(
                    block.Text(0).String(row), block.Values<uint>(1)[row], block.Values<byte>(2)[row] == 1, block.Text(3).String(row),
                    new Editor(block.Text(4).String(row), block.Text(5).String(row)), DateTimeOffset.FromUnixTimeMilliseconds(block.Values<long>(6)[row])));
            }
        }
        return versions;
    }
}
