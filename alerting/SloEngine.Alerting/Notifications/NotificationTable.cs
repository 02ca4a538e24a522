using SloEngine.Slo.Model;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;

namespace SloEngine.Alerting.Notifications;

/// <summary>Notifications in table <c>notifications</c>: the durable queue behind retries, and the log of what was sent.</summary>
internal sealed class NotificationTable(IColumnStore store, TimeProvider time)
{
    private const string Milliseconds = "DateTime64(3, 'UTC')";

    private readonly RowVersions _versions = new(store, "notifications", time);

    public async Task SaveAsync(Notification notification, CancellationToken cancellation)
    {
        ulong version = await _versions.NextAsync(cancellation);
        using var writer = new NativeWriter();
        writer.Start("notifications", 11, 1);
        Text("id", notification.Id);
        Text("fingerprint", notification.Fingerprint);
        Text("tenant", notification.Tenant);
        Text("receiver", notification.Receiver);
        Text("status", notification.Status);
        writer.Fixed<uint>("attempts", "UInt32", [(uint)notification.Attempts]);
        writer.Fixed<long>("created", Milliseconds, [notification.Created.ToUnixTimeMilliseconds()]);
        writer.Fixed<long>("updated", Milliseconds, [notification.Updated.ToUnixTimeMilliseconds()]);
        Text("error", notification.Error);
        Text("payload", notification.Payload);
        writer.Fixed<ulong>("version", "UInt64", [version]);
        await store.InsertAsync(writer.Finish(), null, cancellation);

        void Text(string column, string value)
        {
            writer.BeginText(column);
            writer.String(value);
        }
    }

    /// <summary>Notifications, newest first; only those still owed when asked so.</summary>
    public async Task<IReadOnlyList<Notification>> ReadAsync(TenantScope scope, bool owedOnly, int limit, CancellationToken cancellation)
    {
        QueryResult result = await store.QueryAsync(
            new StoreQuery($$"""
                SELECT id, fingerprint, tenant, receiver, status, attempts, created, updated, error, payload
                FROM notifications FINAL WHERE {tenant:String} IN ('', tenant) {{(owedOnly ? "AND status = 'queued'" : "")}} ORDER BY created DESC LIMIT {{limit}}
                """)
            {
                Parameters = new Dictionary<string, string> { ["tenant"] = scope.Tenant ?? "" },
            },
            cancellation);
        var all = new List<Notification>(result.Rows);
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                all.Add(new Notification(
                    block.Text(0).String(row), block.Text(1).String(row), block.Text(2).String(row), block.Text(3).String(row), block.Text(4).String(row),
                    (int)block.Values<uint>(5)[row],
                    DateTimeOffset.FromUnixTimeMilliseconds(block.Values<long>(6)[row]), DateTimeOffset.FromUnixTimeMilliseconds(block.Values<long>(7)[row]),
                    block.Text(8).String(row), block.Text(9).String(row)));
            }
        }
        return all;
    }
}
