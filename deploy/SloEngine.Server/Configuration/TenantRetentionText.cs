using SloEngine.PromQL.Syntax;
using SloEngine.Storage.Retention;
using SloEngine.Storage.Tables;

namespace SloEngine.Server.Configuration;

/// <summary>Reads <c>retention.tenants</c>: <c>acme:logs=3d,traces=1d; other:metrics=14d</c>.</summary>
internal static class TenantRetentionText
{
    private const StringSplitOptions Split = StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries;

    /// <summary>The options with the tenants of the text.</summary>
    /// <exception cref="ConfigurationException">The text does not read, or a tenant is to be kept for longer than its signal.</exception>
    public static RetentionOptions Parse(SettingText value, RetentionOptions options)
    {
        var tenants = new List<TenantRetention>();
        foreach (string entry in value.Text.Split(';', Split))
        {
            int colon = entry.LastIndexOf(':');
            if (colon < 1)
            {
                throw Bad(value, $"'{entry}' does not fit; expected TENANT:SIGNAL=DURATION,...");
            }
            foreach (string part in entry[(colon + 1)..].Split(',', Split))
            {
                tenants.Add(One(value, entry[..colon].Trim(), part, options));
            }
        }
        return tenants.Count == 0 ? options : options with { Tenants = tenants };
    }

    private static TenantRetention One(SettingText value, string tenant, string part, RetentionOptions options)
    {
        string[] sides = part.Split('=', Split);
        (StoreSignal signal, TimeSpan most) = sides[0] switch
        {
            "metrics" => (StoreSignal.Metrics, options.Metrics),
            "logs" => (StoreSignal.Logs, options.Logs),
            "traces" => (StoreSignal.Traces, options.Traces),
            string other => throw Bad(value, $"'{other}' of {tenant} is no signal; expected metrics, logs or traces"),
        };
        if (sides.Length != 2 || !PromQLParser.TryParseDuration(sides[1], out long milliseconds) || milliseconds < TimeSpan.FromHours(1).TotalMilliseconds)
        {
            throw Bad(value, $"'{part}' of {tenant} does not fit; expected a duration such as {sides[0]}=36h, at least 1h");
        }
        TimeSpan keep = TimeSpan.FromMilliseconds(milliseconds);
        return keep <= most ? new TenantRetention(tenant, signal, keep)
            : throw Bad(value, $"'{part}' of {tenant} is longer than retention.{sides[0]}, after which whole days are dropped");
    }

    private static ConfigurationException Bad(SettingText value, string what) => new($"{Setting.RetentionTenants.Key} ({value.Origin}): {what}");
}
