using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using SloEngine.Collector.Limits;
using SloEngine.Collector.Series;
using SloEngine.Collector.Taps;
using SloEngine.Collector.Tests.Ingest;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.RemoteWrite;
using SloEngine.Otlp.Tests.Building;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Collector.Tests.Series;

public sealed class SeriesIndexTests
{
    private readonly RecordingTaps _taps = new(new RecordingStore());

    [Fact]
    public void Labels_come_from_the_point_the_scope_and_the_resource()
    {
        SeriesDescriptor series = Register("default", Encode(request => request.Message(1, resource =>
        {
            resource.Message(1, attributes =>
            {
                attributes.Attribute(1, "service.name", "checkout");
                attributes.Attribute(1, "service.namespace", "shop");
                attributes.Attribute(1, "service.instance.id", "checkout-1");
                attributes.Attribute(1, "cloud.region", "eu-1");
                attributes.Attribute(1, "host.id", "not promoted");
            });
            resource.Message(2, scope =>
            {
                scope.Message(1, named =>
                {
                    named.Text(1, "meter");
                    named.Text(2, "1.2");
                });
                scope.Message(2, Sum("http.server.requests", 2, true, Number(1, "/cart")));
            });
        }))).Single(registered => registered.Metric != "target_info");

        Assert.Equal("http_server_requests_seconds_total", series.Metric);
        Assert.Equal(
            [
                "cloud_region=eu-1", "instance=checkout-1", "job=shop/checkout", "otel_scope_name=meter", "otel_scope_version=1.2",
                "path=/cart", "service_name=checkout", "service_namespace=shop",
            ],
            series.Labels.Select(label => $"{label.Key}={label.Value}"));
    }

    [Fact]
    public void Attributes_and_schema_of_a_scope_are_labels_and_tell_its_series_from_those_of_others()
    {
        SeriesDescriptor[] series = Register("default", Encode(request => request.Message(1, resource =>
        {
            Scope(resource, "", _ => { });
            Scope(resource, "https://example.org/1", _ => { });
            Scope(resource, "https://example.org/2", _ => { });
            Scope(resource, "", scope => scope.Attribute(3, "db.pool", "orders"));
            Scope(resource, "", scope =>
            {
                scope.Attribute(3, "db.pool", "users");
                // Two are named as what the scope itself says, one has no value, and one no key.
                scope.Attribute(3, "name", "other");
                scope.Attribute(3, "schema.url", "other");
                scope.Attribute(3, "empty", "");
                scope.Attribute(3, "", "nameless");
            });
            Scope(resource, "", scope =>
            {
                scope.Attribute(3, "a.b", "dot");
                scope.Attribute(3, "a-b", "dash");
            });
        })));

        Assert.Equal(
            [
                "otel_scope_name=meter path=/",
                "otel_scope_name=meter otel_scope_schema_url=https://example.org/1 path=/",
                "otel_scope_name=meter otel_scope_schema_url=https://example.org/2 path=/",
                "otel_scope_db_pool=orders otel_scope_name=meter path=/",
                "otel_scope_db_pool=users otel_scope_name=meter path=/",
                "otel_scope_a_b=dash;dot otel_scope_name=meter path=/",
            ],
            series.Select(one => string.Join(' ', one.Labels.Select(label => $"{label.Key}={label.Value}"))));
        Assert.Equal(6, series.Select(one => one.Id).Distinct().Count());
        // Series without them are those that are stored already.
        Assert.Equal(UInt128.Parse("286296287913060574618414039228121048982", CultureInfo.InvariantCulture), series[0].Id);

        static void Scope(ProtobufWriter resource, string schema, Action<ProtobufWriter> attributes) => resource.Message(2, scope =>
        {
            scope.Message(1, named =>
            {
                named.Text(1, "meter");
                attributes(named);
            });
            scope.Message(2, Gauge("load", With(("path", "/"))));
            if (schema.Length > 0)
            {
                scope.Text(3, schema);
            }
        });
    }

    [Fact]
    public void A_schema_whose_address_is_longer_than_a_label_may_be_is_refused()
    {
        var index = new SeriesIndex(new CollectorOptions { Limits = new TenantLimits { MaxLabelValueLength = 20 } }, _taps, TimeProvider.System);

        DecodeResult result = Decode(index, "default", Encode(request => request.Message(1, resource => resource.Message(2, scope =>
        {
            scope.Message(2, Gauge("load", With(("path", "/"))));
            scope.Text(3, "https://example.org/long");
        }))));

        Assert.Equal((1, 0), (result.Rejected, index.Count));
        Assert.EndsWith("the address of the scope's schema has 24 bytes; the limit is 20", result.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public void All_tenants_together_have_no_more_series_than_the_server_holds_whatever_their_own_limits()
    {
        var index = new SeriesIndex(new CollectorOptions { MaxTotalSeries = 3 }, _taps, TimeProvider.System);

        int[] series = [.. Enumerable.Range(0, 5).Select(tenant => Register($"tenant-{tenant}", "m", out _))];

        Assert.Equal([SeriesIndex.OverSeriesLimit, SeriesIndex.OverSeriesLimit], series[3..]);
        Assert.Equal(3, index.Count);
        Assert.Equal(SeriesIndex.OverSeriesLimit, Register("tenant-0", "other", out string? rejection));
        Assert.Equal("the server has reached its limit of 3 active series of all tenants", rejection);
        Assert.Equal(series[0], Register("tenant-0", "m", out _));

        int Register(string tenant, string metric, out string? rejection) =>
            index.Register(tenant, (UInt128)HashCode.Combine(tenant, metric), new LabelledSeries(metric, MetricKind.Gauge, "", "", [], []), out rejection);
    }

    [Fact]
    public void The_order_of_attributes_makes_no_other_series()
    {
        SeriesDescriptor[] series = Register("default", Request(
            Gauge("load", With(("b", "2"), ("a", "1"))), Gauge("load", With(("a", "1"), ("b", "2")))));

        Assert.Single(series);
    }

    [Fact]
    public void Attributes_that_collide_are_joined_in_the_order_of_their_keys()
    {
        SeriesDescriptor[] series = Register("default", Request(
            Gauge("load", With(("a.b", "dot"), ("a-b", "dash"))), Gauge("load", With(("a-b", "dash"), ("a.b", "dot")))));

        Assert.Equal("dash;dot", Assert.Single(series).Labels.Single(label => label.Key == "a_b").Value);
    }

    [Fact]
    public void An_attribute_named_as_the_metric_name_label_does_not_rename_the_metric()
    {
        SeriesDescriptor series = Assert.Single(Register("default", Request(Gauge("load", With(("__name__", "other"), ("a", "1"))))));

        Assert.Equal("load_seconds", series.Metric);
        Assert.DoesNotContain(series.Labels, label => label.Key == "__name__");
    }

    [Fact]
    public void An_attribute_without_a_key_is_no_label()
    {
        SeriesDescriptor series = Assert.Single(Register("default", Request(Gauge("load", With(("", "nameless"), ("a", "1"))))));

        Assert.DoesNotContain(series.Labels, label => label.Key.Length == 0);
    }

    [Fact]
    public void Tenants_share_no_series()
    {
        SeriesDescriptor one = Register("one", Request(Gauge("load", Number(1))))[0];
        SeriesDescriptor two = Register("two", Request(Gauge("load", Number(1))))[0];

        Assert.NotEqual(one.Id, two.Id);
    }

    [Fact]
    public void Bounds_kind_and_temporality_tell_series_apart()
    {
        SeriesDescriptor[] series = Register("default", Request(
            OtlpBuilder.Histogram("latency", Buckets([1], 1, 2)), OtlpBuilder.Histogram("latency", Buckets([2], 1, 2)),
            Sum("jobs", 1, true, Number(1)), Sum("jobs", 2, true, Number(1)), Gauge("jobs", Number(1))));

        Assert.Equal(5, series.Select(one => one.Id).Distinct().Count());
    }

    [Fact]
    public void An_attribute_of_a_point_is_not_hidden_by_a_promoted_one_of_its_resource()
    {
        SeriesDescriptor[] series = Register("default", Encode(metrics => metrics.Message(1, resource =>
        {
            resource.Message(1, attributes => attributes.Attribute(1, "tenant.id", "platform"));
            resource.Message(2, scope => scope.Message(2, Gauge("load", With(("tenant.id", "acme")), With(("tenant.id", "globex")), With(("path", "/")))));
        })));

        Assert.Equal(["acme", "globex", "platform"], series.Where(static one => one.Metric.StartsWith("load", StringComparison.Ordinal)).Select(static one => one.Labels.Single(static label => label.Key == "tenant_id").Value).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_summary_becomes_quantiles_a_sum_and_a_count()
    {
        SeriesDescriptor[] series = Register("default", RichMetrics());

        Assert.Equal("0.5", series.Single(one => one.Metric == "pause_seconds").Labels.Single(label => label.Key == "quantile").Value);
        Assert.Equal(MetricKind.Counter, series.Single(one => one.Metric == "pause_seconds_sum").Kind);
        Assert.Equal(MetricKind.Counter, series.Single(one => one.Metric == "pause_seconds_count").Kind);
    }

    [Theory]
    [InlineData(3, 100, "the series has 4 labels; the limit is 3")]
    [InlineData(10, 5, "label a has 6 characters; the limit is 5")]
    public void A_series_with_too_much_on_it_is_rejected_by_name(int maxLabels, int maxLength, string reason)
    {
        var index = new SeriesIndex(new CollectorOptions { Limits = new TenantLimits { MaxLabels = maxLabels, MaxLabelValueLength = maxLength } }, _taps, TimeProvider.System);

        DecodeResult result = Decode(index, "default", Request(Gauge("load", With(("a", "123456")))));

        Assert.Equal((0, 1), (result.Accepted, result.Rejected));
        Assert.Contains(reason, result.ErrorMessage, StringComparison.Ordinal);
        Assert.Equal(0, index.Count);
    }

    [Theory]
    [InlineData("label", "the name of label xxxxxxxxxx")]
    [InlineData("label", "... has 1025 characters; the limit is 1024")]
    [InlineData("bounds", "the histogram has 1025 bounds; the limit is 1024")]
    public void What_each_series_keeps_is_limited_by_the_length_of_names_and_the_number_of_bounds(string what, string reason)
    {
        var index = new SeriesIndex(new CollectorOptions(), _taps, TimeProvider.System);
        Action<ProtobufWriter> metric = what == "label"
            ? Gauge("load", With((new string('x', 1025), "1")))
            : Histogram("latency", Buckets([.. Enumerable.Range(0, 1025).Select(static bound => (double)bound)], new ulong[1026]));

        DecodeResult result = Decode(index, "default", Request(metric));

        Assert.Equal((0, 1), (result.Accepted, result.Rejected));
        Assert.Contains(reason, result.ErrorMessage, StringComparison.Ordinal);
        Assert.InRange(result.ErrorMessage!.Length, 1, 300);
        Assert.Equal(0, index.Count);
    }

    [Fact]
    public void A_series_of_remote_write_has_no_longer_name_than_one_of_OTLP_and_its_help_is_cut()
    {
        var index = new SeriesIndex(new CollectorOptions(), _taps, TimeProvider.System);
        var series = new LabelledSeries(new string('x', 2049), MetricKind.Gauge, "", "", [], []);

        Assert.Equal(SeriesIndex.OverLabelLimit, index.Register("default", 1, series, out string? reason));
        Assert.Equal("the metric name has 2049 bytes; the limit is 2048", reason);
        Assert.True(index.Register("default", 2, series with { Metric = "load", Help = new string('h', 5000) }, out _) >= 0);
        Assert.Equal(1024, Assert.Single(index.TakeUnsaved()).Help.Length);
    }

    [Fact]
    public void Series_are_described_in_inserts_of_bounded_size_and_none_is_left_out()
    {
        var index = new SeriesIndex(new CollectorOptions(), _taps, TimeProvider.System);
        const int Count = 1200;
        for (int number = 0; number < Count; number++)
        {
            KeyValuePair<string, string>[] labels = [.. Enumerable.Range(0, 60).Select(label => KeyValuePair.Create($"label{label}", new string((char)('a' + (number % 26)), 2000))), KeyValuePair.Create("number", $"{number}")];
            index.Register("default", (UInt128)number + 1, new LabelledSeries("load", MetricKind.Gauge, "", "", labels, []), out _);
        }

        var taken = new List<int>();
        while (index.TakeUnsaved() is { Count: > 0 } some)
        {
            taken.Add(some.Count);
        }

        Assert.Equal(Count, taken.Sum());
        Assert.InRange(taken[0] * 120_000L, 1, (64 << 20) + 200_000);
    }

    [Fact]
    public void Readers_find_every_reference_in_the_table_while_it_grows()
    {
        var index = new SeriesIndex(new CollectorOptions(), _taps, TimeProvider.System);

        Parallel.For(0, 8, worker =>
        {
            using var block = new MetricBlock();
            var decoder = new MetricsDecoder(new TenantSeries("default", index), 7);
            for (int request = 0; request < 40; request++)
            {
                block.Clear();
                decoder.Decode(Request(Gauge("load", [.. Enumerable.Range(request * 25, 50).Select(point => Number(point, $"/{(point * 7) + (worker % 2)}"))])), block);
                SeriesTable table = index.Table;
                for (int row = 0; row < block.Count; row++)
                {
                    int series = block.Numbers.Series[row];
                    Assert.Equal(table.Descriptors[series]!.Id, table.Ids[series]);
                    Assert.NotNull(table.Taps[series]);
                }
            }
        });

        Assert.Equal(index.Count, index.Table.Ids.Take(index.Count).Distinct().Count());
        Assert.Equal(index.Count, index.TakeUnsaved().Count);
    }

    [Fact]
    public void Equal_series_have_one_id_and_others_have_others()
    {
        Gen<(string, string)[]> labels = Gen.ArrayOf(Gen.Elements("a", "b", "c").Zip(Gen.Elements("1", "2", "")))
            .Select(pairs => pairs.Select(pair => (pair.Item1, pair.Item2)).DistinctBy(pair => pair.Item1).ToArray());
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll(labels.Zip(labels).ToArbitrary(), pair =>
        {
            UInt128 left = Register("default", Request(Gauge("load", With(pair.Item1))))[0].Id;
            UInt128 right = Register("default", Request(Gauge("load", With(pair.Item2))))[0].Id;
            return (left == right) == Canonical(pair.Item1).SequenceEqual(Canonical(pair.Item2));
        }));
    }

    [Fact]
    public void Whatever_order_a_sender_takes_and_whatever_has_retired_each_identity_finds_its_own_series()
    {
        Gen<int[]> lookups = Gen.OneOf(
            Gen.Choose(0, 40).ArrayOf(),
            Gen.Choose(0, 40).Select(static start => Enumerable.Range(start, 40).Select(static series => series % 41).ToArray()));

        Check.One(Config.QuickThrowOnFailure, Prop.ForAll(lookups.ArrayOf().ToArbitrary(), requests =>
        {
            var clock = new Expiry.ManualClock();
            var index = new SeriesIndex(new CollectorOptions(), _taps, clock);
            var sender = new TenantSeries("default", index);
            foreach ((int number, int[] request) in requests.Index())
            {
                sender.Begin();
                foreach (int series in request)
                {
                    UInt128 identity = (UInt128)series + 1;
                    if (!sender.TryGet(identity, out int found))
                    {
                        found = sender.Register(identity, new LabelledSeries("m", MetricKind.Gauge, "", "", [new("n", $"{series}")], []), out _);
                    }
                    if (index.Table.Descriptors[found]!.Labels[0].Value != $"{series}" || !index.Table.Active[found])
                    {
                        return false;
                    }
                }
                clock.Pass(TimeSpan.FromSeconds(1));
                if (number % 3 == 2)
                {
                    index.RetireIdle(clock.GetTimestamp() - TimeSpan.FromSeconds(2).Ticks);
                    index.FreeRetired();
                    index.FreeRetired();
                }
            }
            return true;
        }));
    }

    [Fact]
    public void All_series_are_described_again_within_a_day_and_not_more_often_than_every_hour()
    {
        var index = new SeriesIndex(new CollectorOptions(), _taps, TimeProvider.System);
        Decode(index, "default", Request(Gauge("load", [.. Enumerable.Range(0, 1440).Select(point => Number(point, $"/{point}"))])));
        index.TakeUnsaved();
        var described = new HashSet<UInt128>();
        int times = 0;

        for (int minute = 0; minute < 24 * 60; minute++)
        {
            index.DescribeAgain(TimeSpan.FromMinutes(1));
            List<SeriesDescriptor> again = index.TakeUnsaved();
            described.UnionWith(again.Select(series => series.Id));
            times += again.Count > 0 ? 1 : 0;
        }

        Assert.Equal((1440, 24), (described.Count, times));
    }

    private static IEnumerable<(string, string)> Canonical((string Key, string Value)[] labels) =>
        labels.Where(label => label.Value.Length > 0).Order();

    private SeriesDescriptor[] Register(string tenant, byte[] request)
    {
        var index = new SeriesIndex(new CollectorOptions(), _taps, TimeProvider.System);
        DecodeResult result = Decode(index, tenant, request);
        Assert.Null(result.ErrorMessage);
        return [.. index.TakeUnsaved()];
    }

    private static DecodeResult Decode(SeriesIndex index, string tenant, byte[] request)
    {
        using var block = new MetricBlock();
        return new MetricsDecoder(new TenantSeries(tenant, index), 7).Decode(request, block);
    }

    private static Action<ProtobufWriter> With(params (string Key, string Value)[] attributes) => point =>
    {
        foreach ((string key, string value) in attributes)
        {
            point.Attribute(7, key, value);
        }
        point.Fixed64(3, Time);
        point.Double(4, 1);
    };
}
