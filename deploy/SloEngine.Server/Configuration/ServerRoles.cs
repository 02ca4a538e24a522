using SloEngine.Collector.Gateway;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Server.Configuration;

/// <summary>What a node does.</summary>
[Flags]
internal enum ServerRoles
{
    None = 0,
    /// <summary>Takes telemetry in, stores it, counts it for SLOs, answers queries.</summary>
    Engine = 1,
    /// <summary>Evaluates alerts and rules, and notifies.</summary>
    Alerting = 2,
    /// <summary>Takes telemetry in and forwards it to engine nodes.</summary>
    Gateway = 4,
}

/// <summary>Reads the roles of a node, and the engine nodes of a gateway.</summary>
internal static class ServerRolesText
{
    private const string ExpectedRoles = "engine,alerting, or engine, or gateway";

    private static readonly (string Name, ServerRoles Role)[] Names = [("engine", ServerRoles.Engine), ("alerting", ServerRoles.Alerting), ("gateway", ServerRoles.Gateway)];

    /// <exception cref="ConfigurationException">They are no roles, or do not go together.</exception>
    public static ServerRoles Parse(SettingText value)
    {
        var roles = ServerRoles.None;
        foreach (string name in Items(value))
        {
            ServerRoles role = Names.FirstOrDefault(known => known.Name == name).Role;
            roles |= role != ServerRoles.None
                ? role
                : throw new ConfigurationException(
                    $"{Setting.Roles.Key} ({value.Origin}): there is no role '{name}'; did you mean {NearestKey.Of(name, Names.Select(known => known.Name))}?");
        }
        return roles is ServerRoles.Engine or (ServerRoles.Engine | ServerRoles.Alerting) or ServerRoles.Gateway
            ? roles : throw ServerOptions.Bad(Setting.Roles, value, ExpectedRoles);
    }

    /// <exception cref="ConfigurationException">They are no addresses, or there are none for a gateway, or some for another role.</exception>
    public static IReadOnlyList<GatewayNode> Engines(SettingText value, ServerRoles roles)
    {
        var nodes = new List<GatewayNode>();
        foreach (string item in Items(value))
        {
            int equals = item.IndexOf('=', StringComparison.Ordinal);
            string address = item[(equals + 1)..];
            if (!Uri.TryCreate(address, UriKind.Absolute, out Uri? url) || url.Scheme is not ("http" or "https") || url.PathAndQuery != "/" || equals == 0)
            {
                throw ServerOptions.Bad(
                    Setting.Engines, new SettingText(item, value.Origin), "the http or https URL of a node's OTLP/HTTP, such as http://10.0.0.1:4318 or a=http://10.0.0.1:4318");
            }
            string? user = url.UserInfo.Length == 0 ? null : Uri.UnescapeDataString(url.UserInfo);
            url = new UriBuilder(url) { UserName = "", Password = "" }.Uri;
            string name = equals < 0 ? url.Authority : item[..equals];
            if (nodes.Exists(node => node.Name == name || node.Url == url))
            {
                throw ServerOptions.Bad(Setting.Engines, new SettingText(item, value.Origin), "each name and each address once");
            }
            nodes.Add(new GatewayNode(name, url) { UserInfo = user });
        }
        return (roles == ServerRoles.Gateway, nodes.Count) switch
        {
            (true, 0) => throw ServerOptions.Bad(Setting.Engines, value, "at least one engine node, since this node is a gateway"),
            (true, > GatewayOptions.MaxNodes) => throw ServerOptions.Bad(Setting.Engines, value, $"at most {GatewayOptions.MaxNodes} engine nodes"),
            (false, > 0) => throw ServerOptions.Bad(Setting.Engines, value, "nothing, since this node is no gateway (--roles gateway makes it one)"),
            _ => nodes,
        };
    }

    private static string[] Items(SettingText value) => value.Text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
