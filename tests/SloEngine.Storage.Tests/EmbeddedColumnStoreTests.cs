using System.Buffers;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Logs;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Traces;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;
using SloEngine.Storage.Tables;

namespace SloEngine.Storage.Tests;

[Collection(EngineCollection.Name)]
public sealed class EmbeddedColumnStoreTests(EngineFixture engine)
{
    private const long Time = 1_767_225_600_123_456_789;

    [Fact]
    public async Task Number_points_come_back_with_equal_values()
    {
        UInt128[] ids = [UInt128.MaxValue - 5, 7];
        using var block = new MetricBlock();
        for (int point = 0; point < 1000; point++)
        {
            block.Numbers.Series.Append(point % 2);
            block.Numbers.TimeNanos.Append(Time + (point * 1_000_000L));
            block.Numbers.StartNanos.Append(0);
            block.Numbers.Values.Append(point * 1.5);
        }
        using var writer = new NativeWriter();
        await engine.Store.InsertAsync(MetricTables.Encode(block.Numbers, ids, writer));

        QueryResult result = await engine.Store.QueryAsync(new StoreQuery("SELECT id, ts, value FROM samples WHERE id = {id:UInt128} ORDER BY ts")
        {
            Parameters = new Dictionary<string, string> { ["id"] = ids[0].ToString() },
        });

        Assert.Equal(500, result.Rows);
        ResultBlock first = result.Blocks[0];
        Assert.Equal(ids[0], first.Values<UInt128>(0)[0]);
        Assert.Equal(Time / 1_000_000, first.Values<long>(1)[0]);
        Assert.Equal(3.0, first.Values<double>(2)[1]);
    }

    [Fact]
    public async Task Histograms_come_back_with_their_buckets()
    {
        using var block = new MetricBlock();
        HistogramPoints points = block.Histograms;
        for (int point = 0; point < 3; point++)
        {
            points.Series.Append(0);
            points.TimeNanos.Append(Time + point);
            points.StartNanos.Append(Time - 1_000_000_000);
            points.Counts.Append(6);
            points.Sums.Append(1.25);
            points.Minima.Append(double.NaN);
            points.Maxima.Append(0.9);
            points.Buckets.Append([1UL, 2UL, 3UL]);
            points.BucketEnds.Append(points.Buckets.Count);
        }
        using var writer = new NativeWriter();
        await engine.Store.InsertAsync(MetricTables.Encode(points, [42], writer));

        QueryResult result = await engine.Store.QueryAsync(new StoreQuery("SELECT count, sum, min, buckets FROM histograms WHERE id = 42"));

        Assert.Equal(3, result.Rows);
        ArrayColumn buckets = result.Blocks[0].Array(3);
        (int start, int length) = buckets.Row(1);
        Assert.Equal([1UL, 2UL, 3UL], ((FixedColumn<ulong>)buckets.Items).Values.Slice(start, length).ToArray());
        Assert.True(double.IsNaN(result.Blocks[0].Values<double>(2)[0]));
    }

    [Fact]
    public async Task Exponential_histograms_come_back_whole()
    {
        using var block = new MetricBlock();
        ExponentialHistogramPoints points = block.ExponentialHistograms;
        points.Series.Append(0);
        points.TimeNanos.Append(Time);
        points.StartNanos.Append(Time - 1);
        points.Counts.Append(10);
        points.Sums.Append(3.5);
        points.Minima.Append(0.1);
        points.Maxima.Append(2);
        points.Scales.Append(3);
        points.ZeroCounts.Append(1);
        points.ZeroThresholds.Append(1e-9);
        points.PositiveOffsets.Append(-4);
        points.PositiveBuckets.Append([4UL, 5UL]);
        points.PositiveEnds.Append(2);
        points.NegativeOffsets.Append(0);
        points.NegativeEnds.Append(0);
        using var writer = new NativeWriter();
        await engine.Store.InsertAsync(MetricTables.Encode(points, [43], writer));

        ResultBlock row = (await engine.Store.QueryAsync(
            new StoreQuery("SELECT scale, positive_offset, positive, negative FROM exponential_histograms WHERE id = 43"))).Blocks[0];

        Assert.Equal(3, row.Values<int>(0)[0]);
        Assert.Equal(-4, row.Values<int>(1)[0]);
        Assert.Equal([4UL, 5UL], ((FixedColumn<ulong>)row.Array(2).Items).Values.ToArray());
        Assert.Equal((0, 0), row.Array(3).Row(0));
    }

    [Fact]
    public async Task Spans_come_back_with_attributes_events_and_links()
    {
        using var spans = new SpanBlock();
        for (int span = 0; span < 2; span++)
        {
            spans.Resources.Append(0);
            spans.TraceIds.Append((UInt128)0xABCD);
            spans.SpanIds.Append((ulong)span + 1);
            spans.ParentSpanIds.Append((ulong)span);
            spans.TraceStates.Append("k=v"u8);
            spans.Names.Append("GET /"u8);
            spans.Kinds.Append(2);
            spans.StartNanos.Append(Time);
            spans.DurationNanos.Append(1234);
            spans.StatusCodes.Append(2);
            spans.StatusMessages.Append("boom"u8);
            spans.Attributes.Add("http.status"u8, "500"u8, AttributeType.Integer);
            spans.Attributes.Add("x"u8, "y"u8, AttributeType.Text);
            spans.Attributes.EndRow();
            spans.Flags.Append(1);
            spans.DroppedAttributes.Append(3);
            spans.DroppedEvents.Append(4);
            spans.DroppedLinks.Append(uint.MaxValue);
            if (span == 1)
            {
                spans.Events.TimeNanos.Append(Time + 5);
                spans.Events.Names.Append("exception"u8);
                spans.Events.Attributes.Add("exception.type"u8, "E"u8, AttributeType.Text);
                spans.Events.Attributes.EndRow();
                spans.Events.DroppedAttributes.Append(5);
                spans.Links.TraceIds.Append(77);
                spans.Links.SpanIds.Append(8);
                spans.Links.TraceStates.Append(""u8);
                spans.Links.Attributes.EndRow();
                spans.Links.DroppedAttributes.Append(6);
                spans.Links.Flags.Append(0x301);
            }
            spans.EventEnds.Append(spans.Events.Count);
            spans.LinkEnds.Append(spans.Links.Count);
        }
        using var writer = new NativeWriter();
        ResourceKey[] resources = [new(9, "default"u8.ToArray(), "span-test"u8.ToArray())];
        await engine.Store.InsertAsync(EventTables.Encode(spans, resources, writer));

        ResultBlock rows = (await engine.Store.QueryAsync(new StoreQuery(
            "SELECT service, name, attributes, attribute_types, events.name, events.attributes, links.trace_id, ts, trace_id, "
            + "[dropped_attributes_count, dropped_events_count, dropped_links_count], events.dropped_attributes_count, links.dropped_attributes_count, links.flags "
            + "FROM spans WHERE service = 'span-test' ORDER BY span_id"))).Blocks[0];

        Assert.Equal(2, rows.Rows);
        Assert.Equal("span-test", rows.Text(0).String(1));
        MapColumn attributes = rows.Map(2);
        (int start, int length) = attributes.Row(1);
        Assert.Equal(2, length);
        Assert.Equal("http.status", attributes.Keys.String(start));
        Assert.Equal("500", attributes.Values.String(start));
        Assert.Equal("is", rows.Text(3).String(1));
        Assert.Equal((0, 0), rows.Array(4).Row(0));
        Assert.Equal("exception", ((BytesResultColumn)rows.Array(4).Items).String(0));
        Assert.Equal("E", ((MapColumn)rows.Array(5).Items).Values.String(0));
        Assert.Equal(77, ((BytesResultColumn)rows.Array(6).Items).Bytes(0)[0]);
        Assert.Equal(Time, rows.Values<long>(7)[0]);
        Assert.Equal([0xCD, 0xAB], rows.Text(8).Bytes(0)[..2].ToArray());
        Assert.Equal([3u, 4, uint.MaxValue], Items(9, 1));
        Assert.Equal([5u], Items(10, 1));
        Assert.Equal([6u], Items(11, 1));
        Assert.Equal([0x301u], Items(12, 1));
        Assert.Empty(Items(12, 0));

        uint[] Items(int column, int row)
        {
            (int first, int count) = rows.Array(column).Row(row);
            return ((FixedColumn<uint>)rows.Array(column).Items).Values.Slice(first, count).ToArray();
        }
    }

    [Fact]
    public async Task Logs_come_back_with_body_and_attributes()
    {
        using var logs = new LogBlock();
        logs.Resources.Append(0);
        logs.TimeNanos.Append(Time);
        logs.ObservedNanos.Append(Time + 1);
        logs.Severities.Append(17);
        logs.SeverityTexts.Append("ERROR"u8);
        logs.Bodies.Append("it's \t broken \\ \0 ok ü"u8);
        logs.BodyTypes.Append((byte)AttributeType.Text);
        logs.EventNames.Append(""u8);
        logs.Attributes.EndRow();
        logs.TraceIds.Append(0);
        logs.SpanIds.Append(0);
        logs.Flags.Append(0);
        logs.DroppedAttributes.Append(2);
        using var writer = new NativeWriter();
        ResourceKey[] resources = [new(9, "default"u8.ToArray(), "log-test"u8.ToArray())];
        await engine.Store.InsertAsync(EventTables.Encode(logs, resources, writer));

        ResultBlock row = (await engine.Store.QueryAsync(new StoreQuery("SELECT body, body_type, severity, dropped_attributes_count FROM logs WHERE service = 'log-test'"))).Blocks[0];

        Assert.Equal("it's \t broken \\ \0 ok ü", row.Text(0).String(0));
        Assert.Equal("s", row.Text(1).String(0));
        Assert.Equal(17, row.Values<byte>(2)[0]);
        Assert.Equal(2u, row.Values<uint>(3)[0]);
    }

    [Fact]
    public void Any_text_survives_as_a_parameter()
    {
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(60), Prop.ForAll<NonNull<string>>(text =>
        {
            // Lone surrogates are no text in UTF-8.
            string value = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.Get));
            ResultBlock row = engine.Store.QueryAsync(new StoreQuery("SELECT {v:String}, {a:Array(String)}")
            {
                Parameters = new Dictionary<string, string> { ["v"] = value, ["a"] = SqlText.Array([value, "'); DROP TABLE logs; --"]) },
            }).AsTask().GetAwaiter().GetResult().Blocks[0];
            return row.Text(0).String(0) == value && ((BytesResultColumn)row.Array(1).Items).String(0) == value;
        }));
    }

    [Fact]
    public async Task A_failing_statement_gives_the_engines_code_and_message()
    {
        StoreException failure = await Assert.ThrowsAsync<StoreException>(async () => await engine.Store.QueryAsync(new StoreQuery("SELECT * FROM no_such_table")));

        Assert.Equal(60, failure.Code);
        Assert.Contains("no_such_table", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_result_over_the_row_limit_is_refused()
    {
        await Assert.ThrowsAsync<StoreException>(async () =>
            await engine.Store.QueryAsync(new StoreQuery("SELECT number FROM numbers(1000)") { MaxResultRows = 10 }));
    }

    [Fact]
    public async Task An_insert_may_be_of_more_than_a_hundred_days()
    {
        using var writer = new NativeWriter();
        using var points = new NumberPoints();
        for (int day = 0; day < 150; day++)
        {
            points.Series.Append(0);
            points.TimeNanos.Append(Time - (day * 86_400L * 1_000_000_000));
            points.StartNanos.Append(0);
            points.Values.Append(day);
        }

        await engine.Store.InsertAsync(MetricTables.Encode(points, [4712], writer));

        QueryResult stored = await engine.Store.QueryAsync(new StoreQuery("SELECT uniqExact(toDate(ts)) FROM samples WHERE id = 4712"));
        Assert.Equal(150UL, stored.Blocks[0].Values<ulong>(0)[0]);
    }

    [Fact]
    public async Task A_token_seen_before_inserts_nothing()
    {
        using var writer = new NativeWriter();
        using var block = new MetricBlock();
        block.Numbers.Series.Append(0);
        block.Numbers.TimeNanos.Append(Time);
        block.Numbers.StartNanos.Append(0);
        block.Numbers.Values.Append(1);
        NativeBlock encoded = MetricTables.Encode(block.Numbers, [4711], writer);

        await engine.Store.InsertAsync(encoded, "token-1");
        await engine.Store.InsertAsync(encoded, "token-1");
        await engine.Store.InsertAsync(encoded, "token-2");

        QueryResult count = await engine.Store.QueryAsync(new StoreQuery("SELECT count() FROM samples WHERE id = 4711"));
        Assert.Equal(2UL, count.Blocks[0].Values<ulong>(0)[0]);
    }

    [Fact]
    public async Task Formatted_output_is_what_the_engine_writes()
    {
        var output = new ArrayBufferWriter<byte>();

        await engine.Store.QueryFormattedAsync(new StoreQuery("SELECT 1 AS a, 'x' AS b"), "CSVWithNames", output);

        Assert.Equal("\"a\",\"b\"\n1,\"x\"\n", Encoding.UTF8.GetString(output.WrittenSpan));
    }

    [Fact]
    public async Task Inserts_and_reads_run_side_by_side()
    {
        Task[] work = [.. Enumerable.Range(0, 40).Select(async index =>
        {
            if (index % 2 == 0)
            {
                using var writer = new NativeWriter();
                using var block = new MetricBlock();
                for (int point = 0; point < 100; point++)
                {
                    block.Numbers.Series.Append(0);
                    block.Numbers.TimeNanos.Append(Time + point);
                    block.Numbers.StartNanos.Append(0);
                    block.Numbers.Values.Append(point);
                }
                await engine.Store.InsertAsync(MetricTables.Encode(block.Numbers, [90_000], writer));
            }
            else
            {
                await engine.Store.QueryAsync(new StoreQuery("SELECT count() FROM samples"));
            }
        })];
        await Task.WhenAll(work);

        QueryResult count = await engine.Store.QueryAsync(new StoreQuery("SELECT count() FROM samples WHERE id = 90000"));
        Assert.Equal(2000UL, count.Blocks[0].Values<ulong>(0)[0]);
    }
}
