using System.Globalization;
using System.Text.Json;
using SloEngine.Alerting.Http;

namespace SloEngine.Alerting.Events;

/// <summary>An event that somebody tells of is not one; the message says where and what is expected.</summary>
internal sealed class EventFormatException(string message) : Exception(message);

/// <summary>Reads events as programs tell of them: one JSON object, a list of them, or such a list as <c>events</c>.</summary>
/// <param name="tenant">Whose they are.</param>
/// <param name="now">The time of those that have none.</param>
internal sealed class EventReader(string tenant, DateTimeOffset now)
{
    private const int MostEvents = 1000;
    private const int MostAttributes = 64;
    private const int LongestText = 1024;
    private const int LongestKey = 256;

    /// <summary>Letters of what was sent that a message shows.</summary>
    private const int LongestShown = 100;
    private static readonly string[] Kinds = [.. Enum.GetValues<ChangeKind>().Select(EventTable.Name)];
    private static readonly string[] Fields = ["id", "time", "kind", "service", "environment", "version", "commit", "title", "link", "attributes"];

    /// <summary>Reads a request's body.</summary>
    /// <exception cref="EventFormatException">It is no such thing.</exception>
    public IReadOnlyList<ChangeEvent> Read(JsonElement body)
    {
        try
        {
            if (body.ValueKind == JsonValueKind.Object && body.TryGetProperty("events", out JsonElement list))
            {
                return Several(list, "events");
            }
            return body.ValueKind == JsonValueKind.Array ? Several(body, "") : [One(body, "")];
        }
        catch (InvalidOperationException)
        {
            throw NoText("the body");
        }
    }

    private List<ChangeEvent> Several(JsonElement list, string path)
    {
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() is 0 or > MostEvents)
        {
            throw new EventFormatException($"{(path.Length == 0 ? "the body" : path)} is to be a list of 1 to {MostEvents} events");
        }
        return [.. list.EnumerateArray().Select((one, index) => One(one, string.Create(CultureInfo.InvariantCulture, $"{path}[{index}]")))];
    }

    private ChangeEvent One(JsonElement json, string path)
    {
        try
        {
            return Event(json, path);
        }
        catch (InvalidOperationException)
        {
            throw NoText(path.Length == 0 ? "the body" : path);
        }
    }

    private ChangeEvent Event(JsonElement json, string path)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw new EventFormatException($"{(path.Length == 0 ? "the body" : path)} is to be an object such as {{\"kind\": \"deployment\", \"service\": \"shop\", \"version\": \"1.2.3\"}}");
        }
        foreach (JsonProperty field in json.EnumerateObject())
        {
            if (!Fields.Contains(field.Name))
            {
                throw new EventFormatException($"unknown field {Name(path, Shown(field.Name))}; known are {string.Join(", ", Fields)}");
            }
        }
        var read = new ChangeEvent
        {
            Id = Text(json, path, "id"),
            Tenant = tenant,
            Time = Time(json, path),
            Kind = Kind(json, path),
            Service = Text(json, path, "service"),
            Environment = Text(json, path, "environment"),
            Version = Text(json, path, "version"),
            Commit = Text(json, path, "commit"),
            Title = Text(json, path, "title"),
            Link = Link(json, path),
            Source = "api",
            Attributes = Attributes(json, path),
            Revision = (ulong)now.UtcTicks,
        };
        // The same told twice is one event.
        return read.Id.Length > 0 ? read : read with
        {
            Id = ChangeEvent.IdOf(
                EventTable.Name(read.Kind), read.Time.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture), read.Service, read.Environment, read.Version, read.Commit,
                read.Title, read.Link),
        };
    }

    private static ChangeKind Kind(JsonElement json, string path)
    {
        string kind = Text(json, path, "kind");
        int index = Array.IndexOf(Kinds, kind);
        return index >= 0 ? (ChangeKind)index
            : throw new EventFormatException($"{Name(path, "kind")} is {(kind.Length == 0 ? "missing" : $"'{Shown(kind)}'")}, expected {string.Join(", ", Kinds)}");
    }

    private DateTimeOffset Time(JsonElement json, string path)
    {
        if (!json.TryGetProperty("time", out JsonElement given))
        {
            return now;
        }
        string text = given.ValueKind is JsonValueKind.Number or JsonValueKind.String ? given.ToString() : "";
        return text.Length > 0 && RequestTime.TryRead(text, now, out DateTimeOffset time) ? time
            : throw new EventFormatException($"{Name(path, "time")} is {Shown(given.GetRawText())}, expected {RequestTime.Expected}, such as 2026-01-31T12:00:00Z");
    }

    private static string Link(JsonElement json, string path)
    {
        string link = Text(json, path, "link");
        return link.Length == 0 || ChangeEvent.IsLink(link) ? link
            : throw new EventFormatException($"{Name(path, "link")} is '{Shown(link)}', expected an address that begins with https:// or http://");
    }

    private static Dictionary<string, string> Attributes(JsonElement json, string path)
    {
        var attributes = new Dictionary<string, string>(StringComparer.Ordinal);
        if (json.TryGetProperty("attributes", out JsonElement given))
        {
            string name = Name(path, "attributes");
            if (given.ValueKind != JsonValueKind.Object)
            {
                throw new EventFormatException($"{name} is to be an object of texts");
            }
            foreach (JsonProperty attribute in given.EnumerateObject())
            {
                string key = attribute.Name;
                if (key.Length > LongestKey)
                {
                    throw new EventFormatException($"{name}: the name {Shown(key)} has {key.Length} letters, expected up to {LongestKey}");
                }
                attributes[key] = Text(attribute.Value, Name(name, key));
                if (attributes.Count > MostAttributes)
                {
                    throw new EventFormatException($"{name} has more than {MostAttributes} entries");
                }
            }
        }
        return attributes;
    }

    private static string Text(JsonElement json, string path, string field) => json.TryGetProperty(field, out JsonElement given) ? Text(given, Name(path, field)) : "";

    private static string Text(JsonElement given, string name)
    {
        string text = given.ValueKind is JsonValueKind.String or JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null ? given.ToString()
            : throw new EventFormatException($"{name} is to be a text");
        return text.Length <= LongestText ? text : throw new EventFormatException($"{name} has {text.Length} letters, expected up to {LongestText}");
    }

    /// <summary>JSON can say what no text has, and its reader refuses only who asks for it.</summary>
    private static EventFormatException NoText(string where) => new($"{where} holds half of a surrogate pair (\\ud800 to \\udfff), expected Unicode");

    private static string Shown(string text) => text.Length <= LongestShown ? text : text[..LongestShown] + "...";

    private static string Name(string path, string field) => path.Length == 0 ? field : $"{path}.{field}";
}
