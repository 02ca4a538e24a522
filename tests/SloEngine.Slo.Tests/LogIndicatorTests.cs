using System.Text;
using FsCheck;
using FsCheck.Fluent;
using SloEngine.Slo.Export;
using SloEngine.Slo.Files;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Slo.Tests;

/// <summary>Which log records count for an SLO, and how that is written.</summary>
public sealed class LogIndicatorTests
{
    private const string File = """
        apiVersion: openslo/v1
        kind: SLO
        metadata: {name: payments}
        spec:
          service: shop
          indicator:
            metadata: {name: payments}
            spec:
              ratioMetric:
                bad: {metricSource: {type: sloengine, spec: {signal: logs, service: shop, minSeverity: error, matches: 'payment (failed|declined)'}}}
                total: {metricSource: {type: sloengine, spec: {signal: logs, service: shop, contains: payment, attributes: {tenant.id: acme}}}}
          timeWindow: [{duration: 30d, isRolling: true}]
          budgetingMethod: Occurrences
          objectives: [{target: 0.99}]
        """;

    private static readonly DateTimeOffset Now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Records_count_by_service_severity_body_and_attributes_of_their_own_or_their_resource()
    {
        WindowSum sum = await CountAsync(
            Read(File),
            new Record("shop", 9, "payment accepted", Own: new() { ["tenant.id"] = "acme" }),
            new Record("shop", 17, "payment failed: no funds", Resource: new() { ["tenant.id"] = "acme" }),
            new Record("shop", 17, "payment took long", Own: new() { ["tenant.id"] = "acme" }),
            new Record("shop", 9, "payment declined", Own: new() { ["tenant.id"] = "acme" }),
            new Record("shop", 17, "payment failed", Own: new() { ["tenant.id"] = "other" }, Resource: new() { ["tenant.id"] = "acme" }),
            new Record("web", 17, "payment failed", Own: new() { ["tenant.id"] = "acme" }),
            new Record("shop", 17, "Payment failed", Own: new() { ["tenant.id"] = "acme" }));

        Assert.Equal((3, 4), (sum.Good, sum.Total));
    }

    [Fact]
    public async Task Events_are_told_by_name_and_counted_by_group()
    {
        string file = File.Replace("minSeverity: error, matches: 'payment (failed|declined)'", "eventName: checkout.aborted", StringComparison.Ordinal)
            .Replace("contains: payment, attributes: {tenant.id: acme}", "maxSeverity: fatal", StringComparison.Ordinal)
            .Replace("{name: payments}\nspec", "{name: payments, annotations: {sloengine/group-by: region}}\nspec", StringComparison.Ordinal);
        using Ledger.Ledger ledger = await LedgerOfAsync(Read(file));
        Show(ledger, new Record("shop", 9, "", "checkout.aborted", Own: new() { ["region"] = "eu" }));
        Show(ledger, new Record("shop", 9, "", "checkout.done", Own: new() { ["region"] = "eu" }));
        Show(ledger, new Record("shop", 9, "", "checkout.done", Resource: new() { ["region"] = "us" }));

        Assert.Equal((2, 3), (Of(ledger, "payments").Good, Of(ledger, "payments").Total));
        Assert.Equal((1, 2), (Of(ledger, "payments{region=\"eu\"}").Good, Of(ledger, "payments{region=\"eu\"}").Total));
        Assert.Equal((1, 1), (Of(ledger, "payments{region=\"us\"}").Good, Of(ledger, "payments{region=\"us\"}").Total));
    }

    [Theory]
    [InlineData("minSeverity: error", "minSeverity: bad", "minSeverity is 'bad', expected trace, debug, info, warn, error, fatal or a severity number from 0 to 24")]
    [InlineData("minSeverity: error", "minSeverity: error, maxSeverity: info", "minSeverity is above maxSeverity")]
    [InlineData("matches: 'payment (failed|declined)'", "matches: '(?=a)b'", "is not a pattern without look-around")]
    [InlineData("matches: 'payment (failed|declined)'", "matches: '(a'", "is not a pattern")]
    [InlineData("contains: payment", "contain: payment", "unknown key")]
    [InlineData("signal: logs, service: shop, contains", "signal: log, service: shop, contains", "signal is 'log', expected metric, spans or logs")]
    [InlineData("signal: logs, service: shop, contains: payment, attributes: {tenant.id: acme}", "signal: spans, service: shop", "are to be of one signal")]
    public void A_wrong_condition_is_refused_with_its_line_and_what_is_expected(string right, string wrong, string expected)
    {
        (IReadOnlyList<ServiceLevelObjective> slos, IReadOnlyList<SloFileError> errors) = SloFileReader.Read([("logs.yaml", File.Replace(right, wrong, StringComparison.Ordinal))]);

        Assert.Empty(slos);
        SloFileError error = Assert.Single(errors);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.InRange(error.Line, 8, 12);
    }

    [Fact]
    public void What_is_written_reads_back_to_the_same_measures_for_spans_and_logs() => Check.One(Config.QuickThrowOnFailure, Prop.ForAll(Arb.From(Measures()), pair =>
    {
        ServiceLevelObjective slo = Read(File) with { Indicator = new Indicator(pair.Total is LogMeasure ? "logs" : "spans", pair.Part, pair.Total, pair.IsBad) };
        Indicator again = Read(OpenSloWriter.Write([slo])).Indicator;
        return again.Fingerprint == slo.Indicator.Fingerprint && again.Kind == slo.Indicator.Kind;
    }));

    [Fact]
    public void Conditions_on_bytes_are_those_on_text() => Check.One(Config.QuickThrowOnFailure, Prop.ForAll(
        Arb.From(Gen.Elements("", "a", "ä", "aä", "\U0001F600", new string('ä', 300), new string('a', 700)).Two()),
        Arb.From(Gen.Elements("=", "!=", "=~", "!~")),
        ((string Value, string Given) texts, string comparison) =>
        {
            var matcher = new Matcher("key", comparison, texts.Value);
            var record = new Record("", 0, "", Own: new() { ["key"] = texts.Given });
            return new AttributeCondition(matcher).Holds(record, 0) == matcher.Matches(texts.Given);
        }));

    private static Gen<(Measure Part, Measure Total, bool IsBad)> Measures()
    {
        Gen<string?> text = Gen.Elements("shop", "a b", "5", "ä: \"x\"", "true", (string?)null);
        Gen<int?> severity = Gen.Choose(-1, 12).Select(number => number < 0 ? (int?)null : number);
        Gen<IReadOnlyList<Matcher>> attributes = Gen.Elements<IReadOnlyList<Matcher>>([], [new Matcher("k", "=", "v"), new Matcher("n.m", "=", "")]);
        Gen<Measure> logs =
            from service in text
            from eventName in text
            from contains in text
            from matches in Gen.Elements("^a.*[0-9]{2}$", (string?)null)
            from least in severity
            from most in severity
            from conditions in attributes
            select (Measure)new LogMeasure(service, eventName, conditions) { BodyContains = contains, BodyMatches = matches, MinSeverity = least, MaxSeverity = most + 12 };
        Gen<Measure> spans =
            from service in text
            from name in text
            from kind in severity
            from error in Gen.Elements(true, false, (bool?)null)
            from most in severity
            from conditions in attributes
            select (Measure)new SpanMeasure(service, name, kind % 6, error, most is { } ms ? TimeSpan.FromMilliseconds(ms * 1.5) : null, conditions) { MinDuration = kind is { } least ? TimeSpan.FromMilliseconds(least) : null };
        return from isLogs in Gen.Elements(true, false)
               from part in isLogs ? logs : spans
               from total in isLogs ? logs : spans
               from isBad in Gen.Elements(true, false)
               select (part, total, isBad);
    }

    [Fact]
    public async Task A_record_of_a_group_that_has_been_seen_or_of_one_too_many_allocates_nothing()
    {
        string file = File.Replace("matches: 'payment (failed|declined)'", "contains: failed", StringComparison.Ordinal)
            .Replace("contains: payment, attributes: {tenant.id: acme}", "contains: payment", StringComparison.Ordinal)
            .Replace("{name: payments}\nspec", "{name: payments, annotations: {sloengine/group-by: \"region,service\", sloengine/max-groups: 2}}\nspec", StringComparison.Ordinal);
        ServiceLevelObjective slo = Read(file);
        using Ledger.Ledger ledger = await LedgerOfAsync(slo);
        string[] regions = ["eu", "a \\ \"b\" ü", "one too many"];
        byte[] body = Encoding.UTF8.GetBytes("payment failed");
        OneAttribute[] attributes = [.. regions.Select(region => new OneAttribute("region", region))];
        Show(3);

        Assert.Equal(0, Allocations.Of(() => Show(999)));
        Assert.Equal(3000, Of(ledger, slo.Id).Total);
        string quoted = slo.GroupOf(label => label == "region" ? regions[1] : "shop");
        Assert.Equal("region=\"a \\\\ \\\"b\\\" ü\",service=\"shop\"", quoted);
        Assert.Equal(1000, Of(ledger, $"{slo.Id}{{{quoted}}}").Total);
        Assert.Equal(1000, Of(ledger, $"{slo.Id}{{{ServiceLevelObjective.OtherGroups}}}").Total);
        ServiceLevelObjective group = Assert.Single(ledger.Evaluated(slo), one => one.Group == quoted);
        Assert.Equal((regions[1], "shop"), (group.Labels["region"], group.Labels["service"]));

        void Show(int records)
        {
            using Lock.Scope batch = ledger.BeginBatch();
            for (int record = 0; record < records; record++)
            {
                var view = new LogView { Service = "shop", Severity = 17, Body = body, EventName = [], Attributes = attributes[record % attributes.Length], Row = 0 };
                ledger.Observe(view, OracleTests.Nanos(Now.AddSeconds(-30)));
            }
        }
    }

    private static async Task<WindowSum> CountAsync(ServiceLevelObjective slo, params Record[] records)
    {
        using Ledger.Ledger ledger = await LedgerOfAsync(slo);
        foreach (Record record in records)
        {
            Show(ledger, record);
        }
        return Of(ledger, slo.Id);
    }

    private static async Task<Ledger.Ledger> LedgerOfAsync(ServiceLevelObjective slo)
    {
        var ledger = new Ledger.Ledger(new NoStore(), new FixedTime(Now));
        await ledger.SetSlosAsync([slo], default);
        Assert.True(ledger.ListensToLogs);
        return ledger;
    }

    private static void Show(Ledger.Ledger ledger, Record record)
    {
        using Lock.Scope batch = ledger.BeginBatch();
        var view = new LogView
        {
            Service = record.Service,
            Severity = record.Severity,
            Body = Encoding.UTF8.GetBytes(record.Body),
            EventName = Encoding.UTF8.GetBytes(record.EventName),
            Attributes = record,
            Row = 0,
        };
        ledger.Observe(view, (Now.AddSeconds(-30) - DateTimeOffset.UnixEpoch).Ticks * 100);
    }

    private static WindowSum Of(Ledger.Ledger ledger, string id) => ledger.Sum(id, Now, TimeSpan.FromHours(1));

    private static ServiceLevelObjective Read(string file)
    {
        (IReadOnlyList<ServiceLevelObjective> slos, IReadOnlyList<SloFileError> errors) = SloFileReader.Read([("logs.yaml", file)]);
        Assert.Empty(errors);
        return Assert.Single(slos);
    }

    private sealed record Record(
        string Service, int Severity, string Body, string EventName = "", Dictionary<string, string>? Own = null, Dictionary<string, string>? Resource = null) : IRecordAttributes
    {
        public bool TryGetOwn(int row, ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value)
        {
            bool isThere = (Own ?? []).TryGetValue(Encoding.UTF8.GetString(key), out string? text);
            value = Encoding.UTF8.GetBytes(text ?? "");
            return isThere;
        }

        public bool TryGetOfResource(int row, string key, out string value) => (Resource ?? []).TryGetValue(key, out value!);
    }

    private sealed class OneAttribute(string key, string value) : IRecordAttributes
    {
        private readonly byte[] _key = Encoding.UTF8.GetBytes(key);
        private readonly byte[] _value = Encoding.UTF8.GetBytes(value);

        public bool TryGetOwn(int row, ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value)
        {
            value = _value;
            return key.SequenceEqual(_key);
        }

        public bool TryGetOfResource(int row, string key, out string value)
        {
            value = "";
            return false;
        }
    }

    private sealed class FixedTime(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
