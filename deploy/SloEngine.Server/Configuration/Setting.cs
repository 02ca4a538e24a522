using SloEngine.Collector;

namespace SloEngine.Server.Configuration;

/// <summary>One thing that can be configured: by a key in the file, an environment variable or a flag of <c>serve</c>.</summary>
/// <param name="Key">Dotted path in the configuration file.</param>
/// <param name="Flag">Flag of <c>serve</c>.</param>
/// <param name="Value">What stands behind the flag in help texts.</param>
/// <param name="Default">Default, in text; empty for none.</param>
/// <param name="Description">Help text.</param>
internal sealed record Setting(string Key, string Flag, string Value, string Default, string Description)
{
    /// <summary>Environment variable of this setting.</summary>
    public string EnvironmentVariable => "SLOENGINE_" + Key.ToUpperInvariant().Replace('.', '_');

    public static readonly Setting Roles = new("roles", "--roles", "LIST", "engine,alerting", "What this node does: engine and alerting, engine alone, or gateway; of engine nodes that share a store one is to have alerting");
    public static readonly Setting Engines = new("gateway.engines", "--engines", "LIST", "", "Engine nodes that a gateway forwards to: addresses of their OTLP/HTTP, each with a name before it where that is to stay when the address changes: a=http://10.0.0.1:4318,b=http://10.0.0.2:4318");
    public static readonly Setting ListenGrpc = new("listen.grpc", "--listen-grpc", "HOST:PORT", "127.0.0.1:4317", "Address of OTLP/gRPC, scaling signals and health");
    public static readonly Setting ListenOtlpHttp = new("listen.otlp_http", "--listen-otlp-http", "HOST:PORT", "127.0.0.1:4318", "Address of OTLP/HTTP");
    public static readonly Setting ListenHttp = new("listen.http", "--listen-http", "HOST:PORT", "127.0.0.1:7070", "Address of the UI and the HTTP APIs");
    public static readonly Setting Data = new("data", "--data", "DIR", "data", "Directory of the store; made when missing");
    public static readonly Setting Backups = new("backups", "--backups", "DIR", "", "Directory of backups, best on another disk (default: backups below the data)");
    public static readonly Setting Store = new("store.url", "--store", "URL", "", "Address of a ClickHouse server, or of `sloengine store serve`, to use in place of the embedded engine");
    public static readonly Setting StoreCluster = new("store.cluster", "--store-cluster", "NAME", "", "Cluster of the ClickHouse server: tables are replicated on its shards, and distributed tables stand in front");
    public static readonly Setting Slos = new("slos", "--slos", "DIR", "", "Directory of OpenSLO files, reloaded on change");
    public static readonly Setting SloLateness = new("slo.lateness", "--slo-lateness", "DURATION", "1d", "How late an event may come and still count for its SLO, at its time");
    public static readonly Setting SloQueryDelay = new("slo.query_delay", "--slo-query-delay", "DURATION", "1m", "How long after its end a minute is evaluated for SLOs that queries count: its telemetry has to be here by then");
    public static readonly Setting Rules = new("rules", "--rules", "DIR", "", "Directory of Prometheus rule files, reloaded on change");
    public static readonly Setting Alertmanagers = new("alertmanagers", "--alertmanagers", "URLS", "", "Alertmanagers that alerts of rules are sent to, separated by commas, such as http://alertmanager:9093");
    public static readonly Setting ExternalLabels = new("external_labels", "--external-labels", "LIST", "", "Labels that alerts of rules get, and templates know: cluster=eu, replica=a");
    public static readonly Setting RuleGroups = new("limits.rule_groups", "--rule-groups", "COUNT", "4", "Groups of rules evaluated at a time");
    public static readonly Setting RuleCatchUp = new("rules.catch_up", "--rule-catch-up", "DURATION", "6h", "How far back recording rules are caught up with after downtime; 0s: not at all, at most 7d");
    public static readonly Setting QuerySeries = new("limits.query_series", "--query-series", "COUNT", "100000", "Series that one selector of a query may match");
    public static readonly Setting QuerySamples = new("limits.query_samples", "--query-samples", "COUNT", "50000000", "Samples that one query may hold at a time");
    public static readonly Setting QueryTimeout = new("limits.query_timeout", "--query-timeout", "DURATION", "2m", "Time that one query may take");
    public static readonly Setting QueryConcurrency = new("limits.query_concurrency", "--query-concurrency", "COUNT", "20", "PromQL queries of the API evaluated at a time; others wait for their turn within their time");
    public static readonly Setting QueryCacheBytes = new("limits.query_cache_bytes", "--query-cache-bytes", "BYTES", "536870912", "Memory for packed samples that queries have read, so that the next ones find them there; 0: none");
    public static readonly Setting Scaling = new("scaling", "--scaling", "DIR", "", "Directory of scaling policies, reloaded on change");
    public static readonly Setting Receivers = new("receivers", "--receivers", "FILE", "", "File of notification receivers and routes");
    public static readonly Setting Dashboards = new("dashboards", "--dashboards", "DIR", "", "Directory of dashboards in Perses' JSON, also saved there (default: dashboards below the data)");
    public static readonly Setting ExternalUrl = new("external_url", "--external-url", "URL", "", "Address under which people reach the UI, for links in alerts (default: the UI's own address)");
    public static readonly Setting EngineLibrary = new("engine.library", "--engine-library", "FILE", "", "Path of libchdb.so (default: beside the program, or the restored npm package)");
    public static readonly Setting MaxBodyBytes = new("limits.max_body_bytes", "--max-body-bytes", "BYTES", "16777216", "Largest OTLP request, compressed and decompressed");
    public static readonly Setting MaxItemsPerRequest = new("limits.max_items_per_request", "--max-items-per-request", "COUNT", "1000000", "Points, log records or spans that one request may have");
    public static readonly Setting MemoryBudgetBytes = new("limits.memory_budget_bytes", "--memory-budget-bytes", "BYTES", "536870912", "Request bytes in flight before senders are asked to wait; as many again may arrive or wait");
    public static readonly Setting MaxConnections = new("limits.max_connections", "--max-connections", "COUNT", "10000", "Open connections of all listeners; further ones are closed at once");
    public static readonly Setting MaxActiveSeries = new("limits.max_active_series", "--max-active-series", "COUNT", "1000000", "Active series a tenant may have");
    public static readonly Setting MaxTotalSeries = new("limits.max_total_series", "--max-total-series", "COUNT", "", "Active series of all tenants together (default: as many as half of the memory holds, at 2 KiB each)");
    public static readonly Setting MaxActiveResources = new("limits.max_active_resources", "--max-active-resources", "COUNT", "100000", "Active resources of logs and spans a tenant may have, each scope of one counted, and as many KiB of them");
    public static readonly Setting BytesPerSecond = new("limits.bytes_per_second", "--bytes-per-second", "BYTES", "0", "Request bytes a second a tenant may send, decompressed; 0: no limit");
    public static readonly Setting BurstBytes = new("limits.burst_bytes", "--burst-bytes", "BYTES", "0", "Bytes a tenant may send at once after a quiet time; 0: what two seconds bring");
    public static readonly Setting MaxLabels = new("limits.max_labels", "--max-labels", "COUNT", "64", "Labels a series may have");
    public static readonly Setting MaxLabelValueLength = new("limits.max_label_value_length", "--max-label-value-length", "CHARS", "2048", "Longest value of a label");
    public static readonly Setting MaxLogLineBytes = new("limits.max_log_line_bytes", "--max-log-line-bytes", "BYTES", "262144", "Longest log line; the rest is cut off");
    public static readonly Setting MaxFuture = new("limits.max_future", "--max-future", "DURATION", "1d", "How far ahead of the clock the times of telemetry may be");
    public static readonly Setting SeriesIdle = new("limits.series_idle", "--series-idle", "DURATION", "30m", "How long a series without points stays active");
    public static readonly Setting TenantAttribute = new("tenant_attribute", "--tenant-attribute", "NAME", "", "Resource attribute of OTLP, such as tenant.id, that names the tenant; the header's stands in where it is missing");
    public static readonly Setting PromoteResourceAttributes = new("metrics.promote_resource_attributes", "--promote-resource-attributes", "NAME,...", string.Join(',', CollectorOptions.DefaultPromotedResourceAttributes), "Resource attributes of OTLP that are labels of each of the resource's series, in place of the default; the others are labels of target_info");
    public static readonly Setting Wal = new("wal.directory", "--wal", "DIR", "", "Directory of the write-ahead log, on a disk of its own where that helps (default: wal below the data)");
    public static readonly Setting WalMaxBytes = new("wal.max_bytes", "--wal-max-bytes", "BYTES", "8589934592", "Bytes that may wait in the log while the store is away, before senders are asked to retry");
    public static readonly Setting WalSegmentAge = new("wal.segment_age", "--wal-segment-age", "DURATION", "1h", "Age at which a file of the log is closed: what the store has of it is deleted soon after");
    public static readonly Setting RetentionMetrics = new("retention.metrics", "--retention-metrics", "DURATION", "30d", "How long samples, histograms and exemplars are kept");
    public static readonly Setting RetentionLogs = new("retention.logs", "--retention-logs", "DURATION", "7d", "How long logs are kept");
    public static readonly Setting RetentionTraces = new("retention.traces", "--retention-traces", "DURATION", "7d", "How long spans are kept");
    public static readonly Setting RetentionSlo = new("retention.slo", "--retention-slo", "DURATION", "400d", "How long the minutes of the SLO ledger are kept; at least 90d, the longest window");
    public static readonly Setting RetentionRollUps = new("retention.rollups", "--retention-rollups", "DURATION|off", "400d", "How long roll-ups of samples, one for five minutes, are kept; off: none are made");
    public static readonly Setting RetentionEvents = new("retention.events", "--retention-events", "DURATION", "400d", "How long events of what was changed are kept; at least 1d");
    public static readonly Setting RetentionTenants = new("retention.tenants", "--retention-tenants", "LIST", "", "Shorter retention of tenants: acme:logs=3d,traces=1d; other:metrics=14d");
    public static readonly Setting RetentionMaxBytes = new("retention.max_bytes", "--retention-max-bytes", "BYTES", "0", "Bytes on disk that telemetry may take before the oldest days are dropped; 0: no limit");
    public static readonly Setting RetentionMinFreeBytes = new("retention.min_free_bytes", "--retention-min-free-bytes", "BYTES", "1073741824", "Bytes that stay free on the disk: the oldest days are dropped before it is full");
    public static readonly Setting SelfTelemetry = new("self_telemetry", "--self-telemetry", "on|off", "on", "Whether the server's own metrics, traces and logs are stored beside everyone else's");
    public static readonly Setting LogLevel = new("log_level", "--log-level", "LEVEL", "information", "trace, debug, information, warning or error");

    /// <summary>Every setting, in the order of the help text.</summary>
    public static readonly IReadOnlyList<Setting> All =
    [
        Roles, Engines, ListenGrpc, ListenOtlpHttp, ListenHttp, Data, Store, StoreCluster, Backups, Slos, SloLateness, SloQueryDelay, Rules, Alertmanagers, ExternalLabels, Scaling, Receivers, Dashboards,
        ExternalUrl, EngineLibrary,
        MaxBodyBytes, MaxItemsPerRequest, MemoryBudgetBytes, MaxConnections, MaxActiveSeries, MaxTotalSeries, MaxActiveResources, BytesPerSecond, BurstBytes, MaxLabels, MaxLabelValueLength, MaxLogLineBytes,
        MaxFuture, SeriesIdle, TenantAttribute, PromoteResourceAttributes, RuleGroups, RuleCatchUp, QuerySeries, QuerySamples, QueryTimeout, QueryConcurrency, QueryCacheBytes, Wal, WalMaxBytes, WalSegmentAge,
        RetentionMetrics, RetentionLogs, RetentionTraces, RetentionSlo, RetentionRollUps, RetentionEvents, RetentionTenants, RetentionMaxBytes, RetentionMinFreeBytes, SelfTelemetry, LogLevel,
    ];
}

/// <summary>The text of a setting and where it came from, for error messages.</summary>
/// <param name="Text">The value as written.</param>
/// <param name="Origin">For example <c>sloengine.yaml:3:9</c>, <c>environment SLOENGINE_DATA</c> or <c>flag --data</c>.</param>
internal readonly record struct SettingText(string Text, string Origin);

/// <summary>A setting that cannot be used as it stands; the message says which, where and what is expected.</summary>
internal sealed class ConfigurationException(string message) : Exception(message);
