using YamlDotNet.Core;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace SloEngine.Alerting.Notifications;

/// <summary>A receiver: a webhook that takes Alertmanager's JSON.</summary>
/// <param name="Name">Name, for routes and the notification log.</param>
/// <param name="Url">Where notifications are posted.</param>
public sealed record Receiver(string Name, Uri Url);

/// <summary>Receivers, and which severity goes to which.</summary>
public sealed record ReceiverConfiguration(IReadOnlyList<Receiver> Receivers, IReadOnlyDictionary<string, string> Routes)
{
    /// <summary>Nobody is told.</summary>
    public static readonly ReceiverConfiguration None = new([], new Dictionary<string, string>());

    /// <summary>Receiver of a severity: the one that its route names, else the first.</summary>
    public Receiver? For(string severity) => Routes.TryGetValue(severity, out string? name)
        ? Receivers.FirstOrDefault(receiver => receiver.Name == name) : Receivers.Count > 0 ? Receivers[0] : null;

    /// <summary>Reads a file such as <c>receivers: [{name: oncall, webhook: https://...}]</c> with <c>routes: {page: oncall}</c>.</summary>
    /// <exception cref="FormatException">The file does not fit; the message says where and what is expected.</exception>
    public static ReceiverConfiguration Read(string path)
    {
        IDeserializer deserializer = new DeserializerBuilder().WithNamingConvention(UnderscoredNamingConvention.Instance).Build();
        ReceiversFile file;
        try
        {
            file = deserializer.Deserialize<ReceiversFile?>(File.ReadAllText(path)) ?? new ReceiversFile();
        }
        catch (YamlException failure)
        {
            throw new FormatException($"{path}:{failure.Start.Line}:{failure.Start.Column}: {failure.InnerException?.Message ?? failure.Message}");
        }
        var receivers = new List<Receiver>();
        foreach (ReceiverEntry entry in file.Receivers)
        {
            if (entry.Name.Length == 0 || !Uri.TryCreate(entry.Webhook, UriKind.Absolute, out Uri? url) || url.Scheme is not ("http" or "https"))
            {
                throw new FormatException($"{path}: receiver '{entry.Name}' needs a name and a webhook with an http or https URL");
            }
            receivers.Add(new Receiver(entry.Name, url));
        }
        foreach ((string severity, string name) in file.Routes)
        {
            if (severity is not ("page" or "ticket") || !receivers.Exists(receiver => receiver.Name == name))
            {
                throw new FormatException($"{path}: route '{severity}: {name}' does not fit; expected page or ticket, and one of {string.Join(", ", receivers.Select(receiver => receiver.Name))}");
            }
        }
        return new ReceiverConfiguration(receivers, file.Routes);
    }

    private sealed class ReceiversFile
    {
        public List<ReceiverEntry> Receivers { get; set; } = [];

        public Dictionary<string, string> Routes { get; set; } = [];
    }

    private sealed class ReceiverEntry
    {
        public string Name { get; set; } = "";

        public string Webhook { get; set; } = "";
    }
}
