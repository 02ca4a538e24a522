using System.Globalization;
using System.Net;
using SloEngine.Collector.Gateway;
using SloEngine.Collector.Limits;
using SloEngine.Collector.Pipelines;
using SloEngine.PromQL.Syntax;
using SloEngine.Query;
using SloEngine.Rules.Scheduling;
using SloEngine.Server.Authentication;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.OpenSlo;
using SloEngine.Slo.Queries;
using SloEngine.Storage.Retention;
using SloEngine.Storage.Schema;

namespace SloEngine.Server.Configuration;

/// <summary>The configuration of <c>serve</c>, parsed and checked: flags win over the environment, which wins over the file.</summary>
internal sealed record ServerOptions
{
    /// <summary>What a series with its labels takes in the index: 1 KiB with few labels.</summary>
    private const int BytesPerSeries = 2 << 10;

    /// <summary>What is stored leaves the log by whole segments of 64 MiB: beside one of those, one is filled, and a commit comes.</summary>
    private const long LeastWalBytes = 192 << 20;

    public required ServerRoles Roles { get; init; }

    /// <summary>Where a gateway forwards to; empty for engines.</summary>
    public IReadOnlyList<GatewayNode> Engines { get; init; } = [];

    public required IPEndPoint ListenGrpc { get; init; }

    public required IPEndPoint ListenOtlpHttp { get; init; }

    public required IPEndPoint ListenHttp { get; init; }

    public required string Data { get; init; }

    public required string Backups { get; init; }

    /// <summary>The store's address; null for the embedded engine.</summary>
    public Uri? Store { get; init; }

    /// <summary>The cluster that the store is a server of; null for a single server.</summary>
    public StoreCluster? StoreCluster { get; init; }

    public string? Slos { get; init; }

    public LedgerOptions Ledger { get; init; } = LedgerOptions.Default;

    /// <summary>How SLOs are counted that only queries can tell.</summary>
    public QueryCounterOptions Queries { get; init; } = new();

    public string? Rules { get; init; }

    /// <summary>Alertmanagers that alerts of rules are sent to.</summary>
    public IReadOnlyList<Uri> Alertmanagers { get; init; } = [];

    /// <summary>Labels that alerts of rules get, and templates know.</summary>
    public IReadOnlyDictionary<string, string> ExternalLabels { get; init; } = new Dictionary<string, string>();

    /// <summary>Groups of rules evaluated at a time.</summary>
    public int RuleGroups { get; init; }

    /// <summary>How far back recording rules are caught up with after downtime.</summary>
    public TimeSpan RuleCatchUp { get; init; }

    /// <summary>Limits of queries.</summary>
    public QueryOptions QueryLimits { get; init; } = new();

    public string? Scaling { get; init; }

    public string? Receivers { get; init; }

    public string? Dashboards { get; init; }

    public Uri? ExternalUrl { get; init; }

    public string? EngineLibrary { get; init; }

    public int MaxBodyBytes { get; init; }

    public int MaxItemsPerRequest { get; init; }

    public long MemoryBudgetBytes { get; init; }

    public int MaxConnections { get; init; }

    /// <summary>Limits of the tenants that have none of their own.</summary>
    public TenantLimits Limits { get; init; } = new();

    /// <summary>Active series of all tenants together.</summary>
    public int MaxTotalSeries { get; init; }

    /// <summary>How far ahead of the clock the times of telemetry may be.</summary>
    public TimeSpan MaxFuture { get; init; }

    /// <summary>Tenants with limits of their own.</summary>
    public IReadOnlyDictionary<string, TenantLimits> Tenants { get; init; } = new Dictionary<string, TenantLimits>();

    public TimeSpan SeriesIdle { get; init; }

    /// <summary>Resource attribute that names the tenant; null for none.</summary>
    public string? TenantAttribute { get; init; }

    /// <summary>Resource attributes that become labels of each series.</summary>
    public required IReadOnlyList<string> PromotedResourceAttributes { get; init; }

    public PipelineOptions Pipelines { get; init; } = new();

    /// <summary>Who may do what; null for everybody everything.</summary>
    public CredentialSet? Credentials { get; init; }

    public required string Wal { get; init; }

    public long WalMaxBytes { get; init; }

    /// <summary>Age at which a segment of the log is closed.</summary>
    public TimeSpan WalSegmentAge { get; init; }

    public RetentionOptions Retention { get; init; } = new();

    public bool SelfTelemetry { get; init; }

    public LogLevel LogLevel { get; init; }

    /// <summary>Whether the simulated platform runs beside the server.</summary>
    public bool Demo { get; init; }

    /// <summary>Resolves every setting and checks all of them.</summary>
    /// <param name="flags">Texts given by flags.</param>
    /// <param name="configurationFile">Path of the configuration file, or null.</param>
    /// <param name="environment">Reads an environment variable.</param>
    /// <exception cref="ConfigurationException">A value is not usable.</exception>
    public static ServerOptions Resolve(
        IReadOnlyDictionary<Setting, string> flags, string? configurationFile, Func<string, string?> environment)
    {
        SettingsFile file = configurationFile is null ? new SettingsFile() : SettingsFile.Read(configurationFile);

        SettingText Text(Setting setting)
        {
            if (flags.TryGetValue(setting, out string? flag))
            {
                return new SettingText(flag, "flag " + setting.Flag);
            }
            if (environment(setting.EnvironmentVariable) is { Length: > 0 } variable)
            {
                return new SettingText(variable, "environment " + setting.EnvironmentVariable);
            }
            return file.Settings.TryGetValue(setting, out SettingText written) ? written : new SettingText(setting.Default, "default");
        }

        string data = Path.GetFullPath(Text(Setting.Data).Text);
        string backups = Text(Setting.Backups).Text;
        ServerRoles roles = ServerRolesText.Parse(Text(Setting.Roles));
        return new ServerOptions
        {
            Roles = roles,
            Engines = ServerRolesText.Engines(Text(Setting.Engines), roles),
            ListenGrpc = Address(Setting.ListenGrpc, Text(Setting.ListenGrpc)),
            ListenOtlpHttp = Address(Setting.ListenOtlpHttp, Text(Setting.ListenOtlpHttp)),
            ListenHttp = Address(Setting.ListenHttp, Text(Setting.ListenHttp)),
            Data = data,
            Backups = backups.Length == 0 ? Path.Combine(data, "backups") : Path.GetFullPath(backups),
            Store = Url(Setting.Store, Text(Setting.Store)),
            StoreCluster = Cluster(Text(Setting.StoreCluster), Text(Setting.Store)),
            Slos = ExistingDirectory(Setting.Slos, Text(Setting.Slos)),
            Queries = new QueryCounterOptions { Delay = Duration(Setting.SloQueryDelay, Text(Setting.SloQueryDelay), TimeSpan.Zero) },
            Ledger = new LedgerOptions(Duration(Setting.SloLateness, Text(Setting.SloLateness), TimeSpan.FromMinutes(1))),
            Rules = ExistingDirectory(Setting.Rules, Text(Setting.Rules)),
            Alertmanagers = Urls(Setting.Alertmanagers, Text(Setting.Alertmanagers)),
            ExternalLabels = Labels(Setting.ExternalLabels, Text(Setting.ExternalLabels)),
            RuleGroups = (int)Number(Setting.RuleGroups, Text(Setting.RuleGroups), 1, 1000),
            RuleCatchUp = Duration(Setting.RuleCatchUp, Text(Setting.RuleCatchUp), TimeSpan.Zero, RuleSchedulerOptions.LongestCatchUp),
            QueryLimits = new QueryOptions
            {
                MaxSeries = (int)Number(Setting.QuerySeries, Text(Setting.QuerySeries), 1, 100_000_000),
                MaxSamples = Number(Setting.QuerySamples, Text(Setting.QuerySamples), 1, 100_000_000_000),
                Timeout = Duration(Setting.QueryTimeout, Text(Setting.QueryTimeout), TimeSpan.FromSeconds(1)),
                MaxConcurrency = (int)Number(Setting.QueryConcurrency, Text(Setting.QueryConcurrency), 1, 10_000),
                SampleCacheBytes = Number(Setting.QueryCacheBytes, Text(Setting.QueryCacheBytes), 0, 1L << 40),
            },
            Scaling = ExistingDirectory(Setting.Scaling, Text(Setting.Scaling)),
            Receivers = ExistingFile(Setting.Receivers, Text(Setting.Receivers)),
            Dashboards = ExistingDirectory(Setting.Dashboards, Text(Setting.Dashboards)),
            ExternalUrl = Url(Setting.ExternalUrl, Text(Setting.ExternalUrl)),
            EngineLibrary = ExistingFile(Setting.EngineLibrary, Text(Setting.EngineLibrary)),
            MaxBodyBytes = (int)Number(Setting.MaxBodyBytes, Text(Setting.MaxBodyBytes), 1024, 64 << 20),
            MaxItemsPerRequest = (int)Number(Setting.MaxItemsPerRequest, Text(Setting.MaxItemsPerRequest), 1000, 5_000_000),
            MemoryBudgetBytes = Number(Setting.MemoryBudgetBytes, Text(Setting.MemoryBudgetBytes), 1 << 20, 1L << 40),
            MaxConnections = (int)Number(Setting.MaxConnections, Text(Setting.MaxConnections), 1, 1_000_000),
            Limits = TenantLimitsText.Read(Text),
            Tenants = file.Tenants.ToDictionary(
                tenant => tenant.Key, tenant => TenantLimitsText.Read(setting => tenant.Value.TryGetValue(setting, out SettingText own) ? own : Text(setting))),
            MaxTotalSeries = Text(Setting.MaxTotalSeries) is { Text.Length: > 0 } total
                ? (int)Number(Setting.MaxTotalSeries, total, 1, int.MaxValue) : (int)Math.Min(int.MaxValue, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2 / BytesPerSeries),
            MaxFuture = Duration(Setting.MaxFuture, Text(Setting.MaxFuture), TimeSpan.FromMinutes(1), TimeSpan.FromDays(30)),
            SeriesIdle = Duration(Setting.SeriesIdle, Text(Setting.SeriesIdle), TimeSpan.FromMinutes(1)),
            TenantAttribute = Text(Setting.TenantAttribute).Text is { Length: > 0 } attribute ? attribute : null,
            PromotedResourceAttributes = PromotedAttributesText.Parse(Text(Setting.PromoteResourceAttributes)),
            Pipelines = Section(file.Pipelines, section => PipelinesText.Read(section, environment)) ?? new PipelineOptions(),
            Credentials = Section(file.Authentication, section => CredentialsText.Read(section, environment)),
            Wal = Text(Setting.Wal).Text is { Length: > 0 } wal ? Path.GetFullPath(wal) : Path.Combine(Path.GetFullPath(Text(Setting.Data).Text), "wal"),
            WalSegmentAge = Duration(Setting.WalSegmentAge, Text(Setting.WalSegmentAge), TimeSpan.FromMinutes(1)),
            WalMaxBytes = Number(Setting.WalMaxBytes, Text(Setting.WalMaxBytes), LeastWalBytes, 1L << 50),
            Retention = TenantRetentionText.Parse(Text(Setting.RetentionTenants), new RetentionOptions
            {
                Metrics = Duration(Setting.RetentionMetrics, Text(Setting.RetentionMetrics), TimeSpan.FromHours(1)),
                Logs = Duration(Setting.RetentionLogs, Text(Setting.RetentionLogs), TimeSpan.FromHours(1)),
                Traces = Duration(Setting.RetentionTraces, Text(Setting.RetentionTraces), TimeSpan.FromHours(1)),
                Slo = Duration(Setting.RetentionSlo, Text(Setting.RetentionSlo), TimeSpan.FromDays(90)),
                RollUps = DurationOrOff(Setting.RetentionRollUps, Text(Setting.RetentionRollUps), TimeSpan.FromDays(1)),
                Events = Duration(Setting.RetentionEvents, Text(Setting.RetentionEvents), TimeSpan.FromDays(1)),
                MaxBytes = Number(Setting.RetentionMaxBytes, Text(Setting.RetentionMaxBytes), 0, long.MaxValue),
                MinFreeBytes = Number(Setting.RetentionMinFreeBytes, Text(Setting.RetentionMinFreeBytes), 0, long.MaxValue),
            }),
            SelfTelemetry = Choice(Setting.SelfTelemetry, Text(Setting.SelfTelemetry), ("on", true), ("off", false)),
            LogLevel = Choice(
                Setting.LogLevel,
                Text(Setting.LogLevel),
                ("trace", LogLevel.Trace),
                ("debug", LogLevel.Debug),
                ("information", LogLevel.Information),
                ("warning", LogLevel.Warning),
                ("error", LogLevel.Error)),
        };
    }

    private static T? Section<T>(YamlPlace? section, Func<YamlPlace, T> read)
        where T : class
    {
        try
        {
            return section is null ? null : read(section);
        }
        catch (SloFileException wrong)
        {
            throw new ConfigurationException(wrong.Message);
        }
    }

    private static IPEndPoint Address(Setting setting, SettingText value)
    {
        string text = value.Text.StartsWith("localhost:", StringComparison.OrdinalIgnoreCase) ? "127.0.0.1" + value.Text[9..] : value.Text;
        int colon = text.LastIndexOf(':');
        if (colon > 0 && int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out _)
            && IPEndPoint.TryParse(text, out IPEndPoint? endpoint))
        {
            return endpoint;
        }
        throw Bad(setting, value, "an IP address and a port, such as 127.0.0.1:4317 or [::1]:4317 (port 0: any free one)");
    }

    private static string? ExistingDirectory(Setting setting, SettingText value)
    {
        if (value.Text.Length == 0)
        {
            return null;
        }
        string path = Path.GetFullPath(value.Text);
        return Directory.Exists(path) ? path : throw Bad(setting, value, "a directory that exists");
    }

    private static string? ExistingFile(Setting setting, SettingText value)
    {
        if (value.Text.Length == 0)
        {
            return null;
        }
        string path = Path.GetFullPath(value.Text);
        return File.Exists(path) ? path : throw Bad(setting, value, "a file that exists");
    }

    private static Uri? Url(Setting setting, SettingText value)
    {
        if (value.Text.Length == 0)
        {
            return null;
        }
        return Uri.TryCreate(value.Text, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https"
            ? url
            : throw Bad(setting, value, "an http or https URL");
    }

    private static List<Uri> Urls(Setting setting, SettingText value) =>
    [
        .. value.Text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(part => Url(setting, value with { Text = part })!),
    ];

    private static Dictionary<string, string> Labels(Setting setting, SettingText value)
    {
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string part in value.Text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            string[] sides = part.Split('=', 2, StringSplitOptions.TrimEntries);
            bool isName = sides[0].Length > 0 && !char.IsAsciiDigit(sides[0][0]) && sides[0].All(static letter => char.IsAsciiLetterOrDigit(letter) || letter == '_');
            if (sides.Length != 2 || !isName || sides[1].Length == 0 || !labels.TryAdd(sides[0], sides[1]))
            {
                throw Bad(setting, value with { Text = part }, "NAME=VALUE, each name once, of letters, digits and underscores");
            }
        }
        return labels;
    }

    private static StoreCluster? Cluster(SettingText name, SettingText store)
    {
        if (name.Text.Length > 0 && store.Text.Length == 0)
        {
            throw new ConfigurationException($"{Setting.StoreCluster.Key} ({name.Origin}): the embedded engine is no server of a cluster; {Setting.Store.Key} is to be the address of one");
        }
        return name.Text.Length == 0 ? null : new StoreCluster(name.Text);
    }

    private static long Number(Setting setting, SettingText value, long least, long most)
    {
        return long.TryParse(value.Text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number >= least && number <= most
            ? number
            : throw Bad(setting, value, string.Create(CultureInfo.InvariantCulture, $"a whole number from {least} to {most}"));
    }

    private static TimeSpan Duration(Setting setting, SettingText value, TimeSpan least, TimeSpan? most = null)
    {
        if (PromQLParser.TryParseDuration(value.Text, out long milliseconds) && milliseconds >= least.TotalMilliseconds && !(milliseconds > most?.TotalMilliseconds))
        {
            return TimeSpan.FromMilliseconds(milliseconds);
        }
        string atLeast = string.Create(CultureInfo.InvariantCulture, $"at least {(least < TimeSpan.FromHours(1) ? $"{least.TotalMinutes:0}m" : $"{least.TotalHours:0}h")}");
        throw Bad(setting, value, string.Create(CultureInfo.InvariantCulture, $"a duration such as 36h, 30d or 1y, {atLeast}{(most is { } limit ? $" and at most {limit.TotalDays:0}d" : "")}"));
    }

    private static TimeSpan? DurationOrOff(Setting setting, SettingText value, TimeSpan least) =>
        string.Equals(value.Text, "off", StringComparison.OrdinalIgnoreCase) ? null : Duration(setting, value, least);

    private static T Choice<T>(Setting setting, SettingText value, params ReadOnlySpan<(string Name, T Value)> choices)
    {
        foreach ((string name, T choice) in choices)
        {
            if (string.Equals(name, value.Text, StringComparison.OrdinalIgnoreCase))
            {
                return choice;
            }
        }
        var names = new List<string>();
        foreach ((string name, _) in choices)
        {
            names.Add(name);
        }
        throw Bad(setting, value, "one of " + string.Join(", ", names));
    }

    internal static ConfigurationException Bad(Setting setting, SettingText value, string expected) =>
        new($"{setting.Key} ({value.Origin}): '{value.Text}' does not fit; expected {expected}");
}
