using SloEngine.Slo.OpenSlo;

namespace SloEngine.Alerting.Backtests;

/// <summary>Something that went wrong, as somebody noted it down.</summary>
/// <param name="Name">Name.</param>
/// <param name="Start">When it began.</param>
/// <param name="End">When it was over.</param>
/// <param name="Slos">Ids of the SLOs that it concerns; none stand for all.</param>
public sealed record Incident(string Name, DateTimeOffset Start, DateTimeOffset End, IReadOnlyList<string> Slos)
{
    /// <summary>Reads a file: <c>incidents: [{name, start, end, slos: [...]}]</c>, times in RFC 3339.</summary>
    /// <exception cref="SloFileException">The text does not fit; file, line and column are told.</exception>
    public static IReadOnlyList<Incident> Read(string file, string text)
    {
        var incidents = new List<Incident>();
        foreach (YamlPlace document in YamlPlace.Documents(file, text))
        {
            document.OnlyKeys("incidents");
            incidents.AddRange(document.Required("incidents").Items.Select(Of));
        }
        return incidents;
    }

    /// <summary>Whether it concerns an SLO, or the SLO that this is an objective or a group of.</summary>
    public bool Concerns(string slo, string parent) => Slos.Count == 0 || Slos.Contains(slo) || Slos.Contains(parent);

    private static Incident Of(YamlPlace place)
    {
        place.OnlyKeys("name", "start", "end", "slos");
        YamlPlace end = place.Required("end");
        var incident = new Incident(
            place.Required("name").Text, Time(place.Required("start")), Time(end), [.. (place.Optional("slos")?.Items ?? []).Select(slo => slo.Text)]);
        return incident.Start < incident.End ? incident : throw end.Fail($"{end.Path} is {end.Text}, expected a time after the start");
    }

    private static DateTimeOffset Time(YamlPlace place) =>
        DateTimeOffset.TryParse(place.Text, System.Globalization.CultureInfo.InvariantCulture, System.Globalization.DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time : throw place.Fail($"{place.Path} is '{place.Text}', expected a time such as 2026-01-02T15:04:05Z");
}
