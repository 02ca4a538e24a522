using SloEngine.Slo.Model;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;

namespace SloEngine.Alerting.Alerts;

/// <summary>Alerts in table <c>alerts</c>: the newest version of an episode wins.</summary>
internal sealed class AlertTable(IColumnStore store, TimeProvider time)
{
    private const string Milliseconds = "DateTime64(3, 'UTC')";

    private readonly RowVersions _versions = new(store, "alerts", time);

    public async Task SaveAsync(IReadOnlyList<Alert> alerts, CancellationToken cancellation)
    {
        ulong version = await _versions.NextAsync(cancellation);
        using var writer = new NativeWriter();
        writer.Start("alerts", 13, alerts.Count);
        Text("fingerprint", alert => alert.Fingerprint);
        Text("slo", alert => alert.Slo);
        Text("tenant", alert => alert.Tenant);
        Text("policy", alert => alert.Policy);
        Text("severity", alert => alert.Severity);
        Text("state", alert => alert.State.ToString().ToLowerInvariant());
        writer.Map("labels", alerts.Select(alert => alert.Labels));
        writer.Map("annotations", alerts.Select(alert => alert.Annotations));
        writer.Fixed<long>("active_since", Milliseconds, [.. alerts.Select(alert => alert.ActiveSince.ToUnixTimeMilliseconds())]);
        writer.Fixed<long>("fired_at", Milliseconds, [.. alerts.Select(alert => alert.FiredAt?.ToUnixTimeMilliseconds() ?? 0)]);
        writer.Fixed<long>("resolved_at", Milliseconds, [.. alerts.Select(alert => alert.ResolvedAt?.ToUnixTimeMilliseconds() ?? 0)]);
        writer.Fixed<double>("value", "Float64", [.. alerts.Select(alert => alert.Value)]);
        writer.Fixed<ulong>("version", "UInt64").Fill(version);
        await store.InsertAsync(writer.Finish(), null, cancellation);

        void Text(string column, Func<Alert, string> value)
        {
            writer.BeginText(column);
            foreach (Alert alert in alerts)
            {
                writer.String(value(alert));
            }
        }
    }

    /// <summary>Episodes, newest first.</summary>
    public async Task<IReadOnlyList<Alert>> ReadAsync(TenantScope scope, string slo, int limit, CancellationToken cancellation)
    {
        QueryResult result = await store.QueryAsync(
            new StoreQuery($$"""
                SELECT slo, policy, severity, state, labels, annotations, active_since, fired_at, resolved_at, value, tenant
                FROM alerts FINAL WHERE {slo:String} IN ('', slo) AND {tenant:String} IN ('', tenant) ORDER BY active_since DESC LIMIT {{limit}}
                """)
            {
                Parameters = new Dictionary<string, string> { ["slo"] = slo, ["tenant"] = scope.Tenant ?? "" },
            },
            cancellation);
        var alerts = new List<Alert>(result.Rows);
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                alerts.Add(new Alert
                {
                    Slo = block.Text(0).String(row),
                    Policy = block.Text(1).String(row),
                    Severity = block.Text(2).String(row),
                    State = Enum.Parse<AlertState>(block.Text(3).String(row), ignoreCase: true),
                    Labels = block.Map(4).Of(row),
                    Annotations = block.Map(5).Of(row),
                    ActiveSince = DateTimeOffset.FromUnixTimeMilliseconds(block.Values<long>(6)[row]),
                    FiredAt = Time(block.Values<long>(7)[row]),
                    ResolvedAt = Time(block.Values<long>(8)[row]),
                    Value = block.Values<double>(9)[row],
                    Tenant = block.Text(10).String(row),
                });
            }
        }
        return alerts;
    }

    private static DateTimeOffset? Time(long milliseconds) => milliseconds == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
}
