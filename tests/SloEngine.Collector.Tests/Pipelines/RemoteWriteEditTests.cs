using System.Runtime.CompilerServices;
using System.Text;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Pipelines;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.RemoteWrite;
using SloEngine.Otlp.Tests.Building;
using static SloEngine.Otlp.Tests.Building.OtlpBuilder;

namespace SloEngine.Collector.Tests.Pipelines;

/// <summary>Edits of remote write's labels, seen by the decoder that takes them; both versions say the same.</summary>
public sealed class RemoteWriteEditTests
{
    private static readonly (string Name, string Value)[] Checkout =
        [("__name__", "checkouts_total"), ("job", "shop"), ("path", "/a"), ("token", "Bearer abcdef0123456789abcdef"), ("user", "jane")];

    private static readonly (string Name, string Value)[] Probe = [("__name__", "probe_success"), ("job", "probe"), ("path", "/healthz")];

    private readonly Dictionary<string, int> _counts = [];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Labels_are_dropped_renamed_hashed_and_redacted_in_the_order_of_the_steps_and_nothing_of_what_went_is_left_in_the_request(bool isVersion2)
    {
        byte[] salt = "0123456789abcdef"u8.ToArray();
        byte[] request = Write(isVersion2, Checkout, Probe);

        (List<LabelledSeries> series, string edited) = Decode(
            isVersion2, request, new RenameStep("rename", [("path"u8.ToArray(), "route"u8.ToArray())]), new HashStep("hash", new KeySet(["user"]), salt),
            new DropStep("drop", new KeySet(["job"])), new RedactStep("redact", new Redactor(RedactionPatterns.All, [])));

        string hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData([.. salt, .. "jane"u8]));
        Assert.Equal(["checkouts_total", "probe_success"], series.Select(one => one.Metric));
        Assert.Equal([new("route", "/a"), new("token", "Bearer [redacted:bearer]"), new("user", hash)], series[0].Labels);
        Assert.Equal([new("route", "/healthz")], series[1].Labels);
        Assert.Equal(("{order}", "Orders of \"jane\"."), isVersion2 ? (series[0].Unit, series[0].Help) : ("{order}", "Orders of \"jane\"."));
        Assert.DoesNotContain("abcdef0123456789", edited, StringComparison.Ordinal);
        Assert.DoesNotContain("trace-of-jane", edited, StringComparison.Ordinal);
        Assert.Equal((2, 2, 3, 1), (_counts["rename"], _counts["hash"], _counts["drop"], _counts["redact"]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_filter_drops_the_series_that_fit_all_of_its_conditions_by_name_label_and_service_or_job(bool isVersion2)
    {
        byte[] request = Write(isVersion2, Checkout, Probe, [("__name__", "up"), ("job", "probe"), ("service_name", "web")]);

        string[] Left(TelemetryFilter filter) => [.. Decode(isVersion2, request, new FilterStep("filter", filter)).Series.Select(one => one.Metric)];

        Assert.Equal(["checkouts_total", "up"], Left(new TelemetryFilter { Names = new KeySet(["probe_*"]) }));
        Assert.Equal(["checkouts_total", "up"], Left(new TelemetryFilter { Services = new KeySet(["probe"]) }));
        Assert.Equal(["checkouts_total", "probe_success"], Left(new TelemetryFilter { Services = new KeySet(["web"]) }));
        Assert.Equal(["checkouts_total", "up"], Left(new TelemetryFilter { Attributes = [("path"u8.ToArray(), new KeySet(["/healthz"]))] }));
        Assert.Equal(3, Left(new TelemetryFilter { Names = new KeySet(["up"]), Attributes = [("path"u8.ToArray(), new KeySet(["*"]))] }).Length);
        Assert.Equal(4, _counts["filter"]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_label_that_is_renamed_takes_the_place_of_another_names_that_swap_swap_and_the_metric_keeps_its_name(bool isVersion2)
    {
        byte[] request = Write(isVersion2, [("__name__", "m"), ("new", "was there"), ("old", "comes")]);

        Assert.Equal([new("new", "comes")], Decode(isVersion2, request, Rename(("old", "new"))).Series[0].Labels);
        Assert.Equal([new("new", "comes"), new("old", "was there")], Decode(isVersion2, request, Rename(("old", "new"), ("new", "old"))).Series[0].Labels);
        Assert.Equal(2, Decode(isVersion2, request, Rename(("__name__", "new"))).Series[0].Labels.Count);
        (List<LabelledSeries> series, _) = Decode(isVersion2, request, new DropStep("all", new KeySet(["*"])), Rename(("__name__", "x")), new HashStep("h", new KeySet(["*"]), []));
        Assert.Equal(("m", 0), (series[0].Metric, series[0].Labels.Count));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Series_are_edited_without_an_allocation_for_each(bool isVersion2)
    {
        const int Series = 2_000;
        byte[] request = Write(isVersion2, [.. Enumerable.Repeat(Checkout, Series)]);
        var edits = new RequestEdits(
            isVersion2 ? RequestKind.RemoteWrite2 : RequestKind.RemoteWrite1,
            [
                Rename(("path", "route"), ("user", "customer")), new HashStep("h", new KeySet(["customer"]), "salt"u8.ToArray()), new DropStep("d", new KeySet(["token"])),
                new FilterStep("f", new TelemetryFilter { Attributes = [("route"u8.ToArray(), new KeySet(["/b"]))] }),
            ],
            static (_, _) => { });
        edits.Apply(request);

        Assert.InRange(Allocations.Of(() => edits.Apply(request)), 0, Series);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void A_request_that_was_edited_or_refused_is_not_held(bool isVersion2, bool isRefused)
    {
        var edits = new RequestEdits(
            isVersion2 ? RequestKind.RemoteWrite2 : RequestKind.RemoteWrite1, [new HashStep("h", new KeySet(["user"]), []), new DropStep("d", new KeySet(["token"]))], static (_, _) => { });

        WeakReference request = Edited();
        GC.Collect();

        Assert.False(request.IsAlive);
        GC.KeepAlive(edits);

        [MethodImpl(MethodImplOptions.NoInlining)]
        WeakReference Edited()
        {
            byte[] whole = Write(isVersion2, Checkout, Probe);
            byte[] sent = isRefused ? whole[..^1] : whole;
            if (isRefused)
            {
                Assert.Throws<OtlpFormatException>(() => { edits.Apply(sent); });
            }
            else
            {
                edits.Apply(sent);
            }
            return new WeakReference(sent);
        }
    }

    [Fact]
    public void A_symbol_that_is_referred_to_without_end_is_refused_before_it_takes_time()
    {
        byte[] request = Encode(write =>
        {
            write.Text(4, "");
            write.Text(4, new string('x', 100_000));
            byte[] references = [.. Enumerable.Repeat((byte)1, 2 * 100_000)];
            write.Message(5, series => series.Bytes(1, references));
        });

        OtlpFormatException refused = Assert.Throws<OtlpFormatException>(() => Decode(true, request, new RedactStep("r", new Redactor(RedactionPatterns.All, []))));
        Assert.Contains("take too much room for its size", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Requests_that_are_broken_are_refused_as_the_decoder_refuses_them_and_never_otherwise()
    {
        int refused = 0;
        for (int seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            bool isVersion2 = seed % 2 == 0;
            byte[] request = Write(isVersion2, Checkout, Probe);
            for (int change = random.Next(1, 4); change > 0; change--)
            {
                request[random.Next(request.Length)] = (byte)random.Next(256);
            }
            try
            {
                Decode(isVersion2, request, Rename(("path", "route")), new DropStep("d", new KeySet(["j*"])), new RedactStep("r", new Redactor(RedactionPatterns.All, [])));
            }
            catch (OtlpFormatException)
            {
                refused++;
            }
        }
        Assert.InRange(refused, 2_000, 19_000);
    }

    private static RenameStep Rename(params (string From, string To)[] names) =>
        new("rename", [.. names.Select(name => (Encoding.UTF8.GetBytes(name.From), Encoding.UTF8.GetBytes(name.To)))]);

    private (List<LabelledSeries> Series, string Edited) Decode(bool isVersion2, byte[] request, params PipelineStep[] steps)
    {
        ReadOnlyMemory<byte> edited = new RequestEdits(
            isVersion2 ? RequestKind.RemoteWrite2 : RequestKind.RemoteWrite1, steps, (step, count) => _counts[step.Name] = _counts.GetValueOrDefault(step.Name) + count).Apply(request);
        var index = new Index();
        using var block = new MetricBlock();
        var decoder = new RemoteWriteDecoder(index, 7);
        DecodeResult result = isVersion2 ? decoder.Decode2(edited.Span, block) : decoder.Decode(edited.Span, block);
        Assert.Equal(result.Accepted, block.Count);
        return (index.Registered, Encoding.Latin1.GetString(edited.Span));
    }

    /// <summary>A sample, and an exemplar with a token and a user, of each series.</summary>
    private static byte[] Write(bool isVersion2, params (string Name, string Value)[][] all)
    {
        var symbols = new List<string> { "" };
        byte Symbol(string text)
        {
            if (!symbols.Contains(text))
            {
                symbols.Add(text);
            }
            return (byte)symbols.IndexOf(text);
        }
        void Labels(ProtobufWriter message, IEnumerable<(string Name, string Value)> labels)
        {
            if (isVersion2)
            {
                message.Bytes(1, [.. labels.SelectMany(label => (byte[])[Symbol(label.Name), Symbol(label.Value)])]);
                return;
            }
            foreach ((string name, string value) in labels)
            {
                message.Message(1, label =>
                {
                    label.Text(1, name);
                    label.Text(2, value);
                });
            }
        }
        return Encode(write =>
        {
            foreach ((string Name, string Value)[] labels in all)
            {
                write.Message(isVersion2 ? 5 : 1, series =>
                {
                    Labels(series, labels);
                    series.Message(2, sample =>
                    {
                        sample.Double(1, 7);
                        sample.Varint(2, 1_700_000_000_000);
                    });
                    if (labels.Any(label => label.Name == "user"))
                    {
                        series.Message(isVersion2 ? 4 : 3, exemplar =>
                        {
                            Labels(exemplar, [("user", "jane"), ("job", "trace-of-jane")]);
                            exemplar.Double(2, 1);
                            exemplar.Varint(3, 1_700_000_000_000);
                        });
                    }
                    if (isVersion2)
                    {
                        series.Message(5, metadata =>
                        {
                            metadata.Varint(1, 1);
                            metadata.Varint(3, Symbol("Orders of \"jane\"."));
                            metadata.Varint(4, Symbol("{order}"));
                        });
                    }
                });
            }
            foreach (string symbol in isVersion2 ? symbols : [])
            {
                write.Text(4, symbol);
            }
        });
    }

    private sealed class Index : ILabelledSeriesIndex
    {
        private readonly Dictionary<UInt128, int> _known = [];

        public List<LabelledSeries> Registered { get; } = [];

        public bool TryGet(UInt128 identity, out int series) => _known.TryGetValue(identity, out series);

        public int Register(UInt128 identity, LabelledSeries series, out string? rejection)
        {
            rejection = null;
            Registered.Add(series);
            return _known[identity] = Registered.Count - 1;
        }
    }
}
