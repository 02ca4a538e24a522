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
    private static readonly string[] Kinds = [.. Enum.GetValues<ChangeKind>().Select(EventTable.Name)];
    private static readonly string[] Fields = ["id", "time", "kind", "service", "environment", "version", "commit", "title", "link", "attributes"];
    private static readonly DateTimeOffset Latest = new(2200, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Reads a request's body.</summary>
    /// <exception cref="EventFormatException">It is no such thing.</exception>
    public IReadOnlyList<ChangeEvent> Read(JsonElement body)
    {
        if (body.ValueKind == JsonValueKind.Object && body.TryGetProperty("events", out JsonElement list))
        {
            return Several(list, "events");
        }
        return body.ValueKind == JsonValueKind.Array ? Several(body, "") : [One(body, "")];
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
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw new EventFormatException($"{(path.Length == 0 ? "the body" : path)} is to be an object such as {{\"kind\": \"deployment\", \"service\": \"shop\", \"version\": \"1.2.3\"}}");
        }
        foreach (JsonProperty field in json.EnumerateObject())
        {
            if (!Fields.Contains(field.Name))
            {
                throw new EventFormatException($"unknown field {Name(path, field.Name)}; known are {string.Join(", ", Fields)}");
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
            : throw new EventFormatException($"{Name(path, "kind")} is {(kind.Length == 0 ? "missing" : $"'{kind}'")}, expected {string.Join(", ", Kinds)}");
    }

    private DateTimeOffset Time(JsonElement json, string path)
    {
        if (!json.TryGetProperty("time", out JsonElement given))
        {
            return now;
        }
        string text = given.ValueKind is JsonValueKind.Number or JsonValueKind.String ? given.ToString() : "";
        return text.Length > 0 && RequestTime.TryRead(text, now, out DateTimeOffset time) && time >= DateTimeOffset.UnixEpoch && time < Latest ? time
            : throw new EventFormatException($"{Name(path, "time")} is {given.GetRawText()}, expected Unix seconds or RFC 3339, such as 2026-01-31T12:00:00Z");
    }

    private static string Link(JsonElement json, string path)
    {
        string link = Text(json, path, "link");
        return link.Length == 0 || ChangeEvent.IsLink(link) ? link
            : throw new EventFormatException($"{Name(path, "link")} is '{link}', expected an address that begins with https:// or http://");
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
                attributes[attribute.Name] = Text(given, name, attribute.Name);
            }
            if (attributes.Count > MostAttributes)
            {
                throw new EventFormatException($"{name} has {attributes.Count} entries, expected up to {MostAttributes}");
            }
        }
        return attributes;
    }

    private static string Text(JsonElement json, string path, string field)
    {
        if (!json.TryGetProperty(field, out JsonElement given) || given.ValueKind == JsonValueKind.Null)
        {
            return "";
        }
        string text = given.ValueKind is JsonValueKind.String or JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False ? given.ToString()
            : throw new EventFormatException($"{Name(path, field)} is to be a text");
        return text.Length <= LongestText ? text : throw new EventFormatException($"{Name(path, field)} has {text.Length} letters, expected up to {LongestText}");
    }

    private static string Name(string path, string field) => path.Length == 0 ? field : $"{path}.{field}";
}
