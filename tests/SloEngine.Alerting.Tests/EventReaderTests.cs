using System.Diagnostics;
using System.Text.Json;
using SloEngine.Alerting.Events;

namespace SloEngine.Alerting.Tests;

public sealed class EventReaderTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("""{"kind":"deploy"}""", "kind is 'deploy', expected deployment, rotation, scaling, configuration, policy, discovery, other")]
    [InlineData("""{"service":"shop"}""", "kind is missing, expected deployment")]
    [InlineData("""{"events":[{"kind":"policy"},{"kind":"policy","time":"soon"}]}""", "events[1].time is \"soon\", expected Unix seconds or RFC 3339")]
    [InlineData("""[{"kind":"policy","servce":"shop"}]""", "unknown field [0].servce; known are id, time, kind")]
    [InlineData("""{"kind":"policy","link":"javascript:alert(1)"}""", "link is 'javascript:alert(1)', expected an address that begins with https://")]
    [InlineData("""{"kind":"policy","link":"https://a.example/> [x](javascript:alert(1))"}""", "expected an address that begins with https://")]
    [InlineData("""{"kind":"policy","attributes":["a"]}""", "attributes is to be an object of texts")]
    [InlineData("""{"kind":"policy","attributes":{"a":{}}}""", "attributes.a is to be a text")]
    [InlineData("""{"kind":"policy","time":"1969-12-31T23:59:59Z"}""", "time is \"1969-12-31T23:59:59Z\", expected Unix seconds or RFC 3339, from 1970 to 2200")]
    [InlineData("""{"kind":"policy","title":"\ud800"}""", "the body holds half of a surrogate pair (\\ud800 to \\udfff), expected Unicode")]
    [InlineData("""{"events":[{"kind":"policy"},{"kind":"policy","attributes":{"\ud800":"a"}}]}""", "events[1] holds half of a surrogate pair")]
    [InlineData("""{"\ud800":"a"}""", "the body holds half of a surrogate pair")]
    [InlineData("[]", "a list of 1 to 1000 events")]
    [InlineData("7", "the body is to be an object such as")]
    public void What_is_no_event_is_refused_with_the_place_and_what_is_expected(string body, string expected)
    {
        EventFormatException refused = Assert.Throws<EventFormatException>(() => Read(body));
        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Attributes_are_bounded_in_number_and_length_and_cost_as_much_as_they_are_many()
    {
        string many = string.Join(',', Enumerable.Range(0, 200_000).Select(number => $"\"a{number}\":\"\""));
        long began = Stopwatch.GetTimestamp();
        Assert.Equal("attributes has more than 64 entries", Assert.Throws<EventFormatException>(() => Read("{\"kind\":\"policy\",\"attributes\":{" + many + "}}")).Message);
        // Looking for each of them among all took minutes.
        Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(10));
        string key = new('k', 257);
        Assert.Equal(
            $"attributes: the name {key[..100]}... has 257 letters, expected up to 256",
            Assert.Throws<EventFormatException>(() => Read("{\"kind\":\"policy\",\"attributes\":{\"" + key + "\":\"\"}}")).Message);
        Assert.Equal("last", Assert.Single(Read("""{"kind":"policy","attributes":{"a":"first","a":"last"}}""")).Attributes["a"]);
    }

    [Fact]
    public void The_same_event_told_twice_has_one_id_and_another_one_another()
    {
        const string Deployment = """{"kind":"deployment","time":"2026-01-01T10:00:00+02:00","service":"shop","version":"1.2","attributes":{"by":"ci","attempt":2}}""";
        ChangeEvent first = Assert.Single(Read(Deployment));
        ChangeEvent second = Assert.Single(Read("[" + Deployment + "]"));
        ChangeEvent other = Assert.Single(Read(Deployment.Replace("1.2", "1.3", StringComparison.Ordinal)));

        Assert.Equal(first.Id, second.Id);
        Assert.NotEqual(first.Id, other.Id);
        Assert.Equal(new DateTimeOffset(2026, 1, 1, 8, 0, 0, TimeSpan.Zero), first.Time);
        Assert.Equal("2", first.Attributes["attempt"]);
    }

    private static IReadOnlyList<ChangeEvent> Read(string body)
    {
        using JsonDocument json = JsonDocument.Parse(body);
        return new EventReader("default", Now).Read(json.RootElement);
    }
}
