using FsCheck;
using FsCheck.Fluent;
using SloEngine.Slo.Files;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Slo.Tests;

/// <summary>Maintenance windows: when they are, and how files say so.</summary>
public sealed class ExclusionTests
{
    /// <summary>Every second minute, and how often that is asked of.</summary>
    private sealed record CountedExclusion : Exclusion
    {
        public int Asked { get; private set; }

        public override string Describe() => "every second minute";

        public override bool Covers(DateTimeOffset time)
        {
            Asked++;
            return time.Minute % 2 == 1;
        }

        public override IEnumerable<(DateTimeOffset Start, DateTimeOffset End)> Between(DateTimeOffset from, DateTimeOffset to) => throw new NotSupportedException();
    }

    [Fact]
    public async Task Exclusions_are_asked_of_each_minute_once_however_many_groups_are_counted()
    {
        DateTimeOffset start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        var exclusion = new CountedExclusion();
        ServiceLevelObjective slo = OracleTests.Slo(BudgetingMethod.Occurrences) with { GroupBy = ["pod"], Exclusions = [exclusion] };
        var store = new FlakyStore();
        store.Increments.AddRange(
            from minute in Enumerable.Range(0, 600)
            from pod in Enumerable.Range(0, 50)
            select new LedgerIncrement(slo.LedgerKey, $"pod=\"{pod}\"", start.AddMinutes(minute), 1, 1));
        using var ledger = new Ledger.Ledger(store, new SetTime { Now = start.AddHours(10) });

        await ledger.SetSlosAsync([slo], default);

        Assert.Equal(600, exclusion.Asked);
        Assert.Equal(300 * 50, ledger.Sum("slo", start.AddHours(10), TimeSpan.FromDays(1)).Total);
        Assert.Equal(300, ledger.Sum("slo{pod=\"7\"}", start.AddHours(10), TimeSpan.FromDays(1)).Total);
    }

    [Theory]
    // Sundays at half past two: on the last of March that time is skipped, on the last of October it comes twice.
    [InlineData("30 2 * * SUN", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z")]
    [InlineData("30 2 * * SUN", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z")]
    [InlineData("0 3 * * 0", "America/New_York", "2026-07-04T12:00:00Z", "2026-07-05T07:00:00Z")]
    [InlineData("0 3 * * 7", "America/New_York", "2026-12-05T12:00:00Z", "2026-12-06T08:00:00Z")]
    [InlineData("15 22 1 */3 *", "UTC", "2026-02-02T00:00:00Z", "2026-04-01T22:15:00Z")]
    // Either day is enough when both are given.
    [InlineData("0 0 13 * FRI", "UTC", "2026-03-07T00:00:00Z", "2026-03-13T00:00:00Z")]
    [InlineData("0 0 13 * FRI", "UTC", "2026-03-14T00:00:00Z", "2026-03-20T00:00:00Z")]
    [InlineData("*/20 9-10,17 * JAN-FEB MON-FRI", "UTC", "2026-02-27T17:41:00Z", "2027-01-01T09:00:00Z")]
    public void A_schedule_begins_at_the_next_local_time_that_its_expression_names(string cron, string zone, string after, string next)
    {
        var exclusion = new ScheduledExclusion(CronSchedule.Parse(cron), TimeZoneInfo.FindSystemTimeZoneById(zone), TimeSpan.FromMinutes(1));

        Assert.Equal(Time(next), exclusion.Between(Time(after), Time(after).AddYears(1)).First().Start);
    }

    [Fact]
    public void A_schedule_covers_what_a_walk_through_the_local_calendar_finds() => Check.One(Config.QuickThrowOnFailure, Prop.ForAll(
        Arb.From(
            from zone in Gen.Elements("Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo")
            from hour in Gen.Choose(0, 23)
            from minute in Gen.Choose(0, 59)
            from weekday in Gen.Choose(0, 6)
            from length in Gen.Choose(1, 3000)
            from at in Gen.Choose(0, 365 * 1440)
            select (zone, hour, minute, weekday, length, at)),
        given =>
        {
            TimeZoneInfo zone = TimeZoneInfo.FindSystemTimeZoneById(given.zone);
            var exclusion = new ScheduledExclusion(CronSchedule.Parse($"{given.minute} {given.hour} * * {given.weekday}"), zone, TimeSpan.FromMinutes(given.length));
            DateTimeOffset time = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).AddMinutes(given.at);

            // A start is the first minute that shows the local time, or a later one on a day that skips it.
            bool covered = false;
            for (int back = given.length - 1; back >= 0; back--)
            {
                DateTimeOffset start = time.AddMinutes(-back);
                DateTime local = TimeZoneInfo.ConvertTime(start, zone).DateTime;
                DateTime before = TimeZoneInfo.ConvertTime(start.AddMinutes(-1), zone).DateTime;
                var named = new DateTime(local.Year, local.Month, local.Day, given.hour, given.minute, 0);
                bool isFirst = before < named && local >= named && !ShownBefore(start, named, zone);
                covered |= (int)named.DayOfWeek == given.weekday && isFirst;
            }
            Assert.Equal(covered, exclusion.Covers(time));
        }));

    /// <summary>Whether a local time was reached before the clock was set back.</summary>
    private static bool ShownBefore(DateTimeOffset start, DateTime named, TimeZoneInfo zone) =>
        Enumerable.Range(1, 180).Any(minutes => TimeZoneInfo.ConvertTime(start.AddMinutes(-minutes), zone).DateTime >= named);

    [Fact]
    public void Every_form_is_read_from_every_format_that_has_annotations_and_windows_stand_beside_those_that_have_none()
    {
        SloFiles files = SloFileReader.ReadAll(
        [
            ("openslo.yaml", """
                apiVersion: openslo/v1
                kind: SLO
                metadata:
                  name: web
                  annotations:
                    sloengine/exclusions: |
                      - {from: 2026-01-04T03:00:00+01:00, to: 2026-01-04T04:30:00Z, reason: database}
                      - {every: 2w, from: 2026-01-04 03:00, timeZone: Europe/Berlin, duration: 2h}
                spec:
                  service: shop
                  indicator: {metadata: {name: web}, spec: {ratioMetric: {good: {metricSource: {spec: {query: a}}}, total: {metricSource: {spec: {query: b}}}}}}
                  objectives: [{target: 0.99}]
                """),
            ("sloth.yaml", """
                version: prometheus/v1
                service: shop
                slos:
                - {name: api, objective: 99, sli: {events: {error_query: 'rate(a[{{.window}}])', total_query: 'rate(b[{{.window}}])'}}, alerting: {page_alert: {disable: true}, ticket_alert: {disable: true}}}
                """),
            ("sloth-resource.yaml", """
                apiVersion: sloth.slok.dev/v1
                kind: PrometheusServiceLevel
                metadata: {name: x, annotations: {sloengine/exclusions: '[{cron: "0 3 * * SUN", timeZone: UTC, duration: 1h}]'}}
                spec:
                  service: other
                  slos:
                  - {name: api, objective: 99, sli: {events: {errorQuery: 'rate(a[{{.window}}])', totalQuery: 'rate(b[{{.window}}])'}}, alerting: {pageAlert: {disable: true}, ticketAlert: {disable: true}}}
                """),
            ("pyrra.yaml", """
                apiVersion: pyrra.dev/v1alpha1
                kind: ServiceLevelObjective
                metadata: {name: pyrra, annotations: {sloengine/exclusions: '[{from: 2026-01-04 03:00, to: 2026-01-04 04:00, timeZone: Asia/Kathmandu}]'}}
                spec: {target: "99", window: 4w, indicator: {ratio: {errors: {metric: 'a{code="5"}'}, total: {metric: a}}}}
                """),
            ("maintenance.yaml", """
                apiVersion: sloengine/v1
                kind: MaintenanceWindow
                metadata: {name: nights}
                spec:
                  slos: [py*]
                  services: [shop]
                  exclusions: [{cron: "0 22 * * MON-FRI", timeZone: Europe/Berlin, duration: 8h, reason: nightly}]
                """),
        ]);

        Assert.Empty(files.Errors);
        Dictionary<string, Exclusion[]> of = files.Slos.ToDictionary(slo => slo.Id, slo => slo.Exclusions.ToArray());
        var nights = new ScheduledExclusion(CronSchedule.Parse("0 22 * * MON-FRI"), TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin"), TimeSpan.FromHours(8)) { Reason = "nightly" };
        Assert.Equal(
            [
                new OneOffExclusion(Time("2026-01-04T02:00:00Z"), Time("2026-01-04T04:30:00Z")) { Reason = "database" },
                new RecurringExclusion(
                    new CalendarWindow(CalendarUnit.Week, 2, new DateTime(2026, 1, 4, 3, 0, 0), TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin")), TimeSpan.FromHours(2)),
                nights,
            ],
            of["web"]);
        Assert.Equal(
            [
                "2026-01-04 02:00:00Z to 2026-01-04 04:30:00Z (database)", "every 2 weeks from 2026-01-04 03:00 Europe/Berlin, for 2h",
                "\"0 22 * * MON-FRI\" Europe/Berlin, for 8h (nightly)",
            ],
            Export.SloExplanation.Of(files.Slos.Single(slo => slo.Id == "web")).Single().Exclusions);
        Assert.Equal([nights], of["shop-api"]);
        Assert.Equal([new ScheduledExclusion(CronSchedule.Parse("0 3 * * SUN"), TimeZoneInfo.Utc, TimeSpan.FromHours(1))], of["other-api"]);
        Assert.Equal([new OneOffExclusion(Time("2026-01-03T21:15:00Z"), Time("2026-01-03T22:15:00Z")), nights], of["pyrra"]);
    }

    [Theory]
    [InlineData("{from: 2026-01-04 03:00, to: 2026-01-04T04:00:00Z}", "[0].from is '2026-01-04 03:00', expected a time with its offset")]
    [InlineData("{from: 2026-01-04T03:00:00Z, to: 2026-01-04T03:00:00Z}", "[0].to is 2026-01-04T03:00:00Z, expected a time after from")]
    [InlineData("{from: 2026-01-04T03:00:30Z, to: 2026-01-04T04:00:00Z}", "[0].from is 2026-01-04T03:00:30Z, expected a whole minute")]
    [InlineData("{from: 2026-01-04T03:00:00Z}", "[0].to is missing")]
    [InlineData("{cron: '0 3 * *', timeZone: UTC, duration: 1h}", "[0].cron: '0 3 * *' has 4 fields, expected five")]
    [InlineData("{cron: '0 24 * * *', timeZone: UTC, duration: 1h}", "[0].cron: the hour is '24', expected *, numbers from 0 to 23")]
    [InlineData("{cron: '0 3 * * XYZ', timeZone: UTC, duration: 1h}", "[0].cron: the day of the week is 'XYZ', expected *, numbers from 0 to 7, SUN to SAT")]
    [InlineData("{cron: '0 3 * * *', timeZone: Mars/Base, duration: 1h}", "[0].timeZone is 'Mars/Base', expected a name of the IANA time zone database")]
    [InlineData("{cron: '0 3 * * *', timeZone: UTC, duration: 8d}", "[0].duration is 8d, expected whole minutes, up to 7d")]
    [InlineData("{cron: '0 3 * * *', timeZone: UTC}", "[0].duration is missing")]
    [InlineData("{cron: '0 3 * * *', every: 1w, timeZone: UTC, duration: 1h}", "[0] has both every and cron")]
    [InlineData("{every: 1w, from: 2026-01-04 03:00, timeZone: UTC, to: 2026-01-05, duration: 1h}", "[0].to does not belong here")]
    [InlineData("{untill: 1w}", "unknown key spec.exclusions[0].untill")]
    public void What_does_not_read_is_told_with_its_line(string exclusion, string message)
    {
        (_, IReadOnlyList<SloFileError> native) = SloFileReader.Read([("slo.yaml", $$"""
            apiVersion: sloengine/v1
            kind: SLO
            metadata: {name: web}
            spec:
              service: shop
              indicator: {good: a, total: b}
              objectives: [{target: 0.99}]
              exclusions:
              - {{exclusion}}
            """)]);
        SloFileError error = Assert.Single(native);
        Assert.Equal(("slo.yaml", 9), (error.File, error.Line));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);

        // In an annotation the line is that of the file, too.
        (_, IReadOnlyList<SloFileError> annotated) = SloFileReader.Read([("slo.yaml", $$"""
            apiVersion: pyrra.dev/v1alpha1
            kind: ServiceLevelObjective
            metadata:
              name: pyrra
              annotations:
                sloengine/exclusions: |
                  - {{exclusion}}
            spec: {target: "99", window: 4w, indicator: {ratio: {errors: {metric: 'a{code="5"}'}, total: {metric: a} } } }
            """)]);
        Assert.Equal(("slo.yaml", 7), (Assert.Single(annotated).File, annotated[0].Line));
    }

    private static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
