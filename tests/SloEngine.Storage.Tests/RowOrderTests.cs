using System.Buffers;
using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Traces;
using SloEngine.Storage.Native;
using SloEngine.Storage.Tables;

namespace SloEngine.Storage.Tests;

/// <summary>Rows are sorted before they are inserted: every column has to go with its row.</summary>
[Collection(EngineCollection.Name)]
public sealed class RowOrderTests(EngineFixture engine)
{
    private const long Time = 1_767_225_600_000_000_000;

    [Fact]
    public void Rows_are_in_the_order_of_their_keys_and_equal_ones_as_they_came()
    {
        using var order = new RowOrder();
        Gen<ulong> key = Gen.OneOf(
            Gen.Choose(0, 20).Select(static value => (ulong)value),
            ArbMap.Default.GeneratorFor<ulong>(),
            Gen.Choose(0, 3).Select(static value => ulong.MaxValue - (ulong)value),
            Gen.Choose(0, 63).Select(static shift => 1ul << shift));
        Gen<ulong[]> keys = Gen.Choose(0, 1200).SelectMany(count => key.ArrayOf(count));

        Check.One(Config.QuickThrowOnFailure, Prop.ForAll(keys.ToArbitrary(), given =>
        {
            order.Clear();
            given.CopyTo(order.Keys(given.Length));
            order.Sort();

            ulong[] sorted = [.. Enumerable.Range(0, given.Length).Select(position => given[order[position]])];
            int[] stable = [.. Enumerable.Range(0, given.Length).OrderBy(row => given[row])];
            bool isStable = Enumerable.Range(0, given.Length).Select(position => order[position]).SequenceEqual(stable);
            return sorted.SequenceEqual(given.Order()) && isStable && Enumerable.Range(0, given.Length).Select(position => order[position]).Distinct().Count() == given.Length;
        }));
    }

    [Fact]
    public void Rows_of_groups_are_together_as_they_came_or_nothing_is_set_where_their_times_do_not_ascend()
    {
        using var order = new RowOrder();
        Gen<(int Group, long Time)[]> rows = Gen.Choose(0, 9).SelectMany(static _ => Gen.Choose(0, 3), static (group, late) => (group, late)).ArrayOf().Select(static some =>
            Array.ConvertAll(some, row => (row.group, row.late == 3 ? 5L : 10L)));

        Check.One(Config.QuickThrowOnFailure.WithMaxTest(500), Prop.ForAll(rows.ToArbitrary(), given =>
        {
            order.Clear();
            bool ascends = given.GroupBy(static row => row.Group).All(static group => group.Zip(group.Skip(1)).All(static pair => pair.First.Time <= pair.Second.Time));

            bool grouped = order.TryGroup(Array.ConvertAll(given, static row => row.Group), 10, Array.ConvertAll(given, static row => row.Time));

            int[] expected = [.. Enumerable.Range(0, given.Length).OrderBy(row => given[row].Group)];
            return grouped == ascends && (grouped ? expected.SequenceEqual(Enumerable.Range(0, given.Length).Select(position => order[position])) : !order.IsSet);
        }));
    }

    /// <summary>Points as they come, out of order, over several hours, and of more series than a block has rows of each: the table's order in all cases.</summary>
    [Theory]
    [InlineData(3, 1, false)]
    [InlineData(3, 5, false)]
    [InlineData(3, 5, true)]
    [InlineData(400, 5, false)]
    [InlineData(400, 1, true)]
    public void Samples_are_in_the_order_of_their_table(int series, int hours, bool shuffled)
    {
        using var block = new MetricBlock();
        int[] places = [.. Enumerable.Range(0, 900)];
        if (shuffled)
        {
            new Random(1).Shuffle(places);
        }
        foreach (int place in places)
        {
            block.Numbers.Series.Append(place % series);
            block.Numbers.TimeNanos.Append(Time + (place * hours * 4_000L * 1_000_000));
            block.Numbers.StartNanos.Append(0);
            block.Numbers.Values.Append(place);
        }
        UInt128[] ids = [.. Enumerable.Range(0, series).Select(static one => new UInt128((ulong)(one * 7919 % 401), 1))];
        using var writer = new NativeWriter();

        using SampleRun run = MetricTables.Encode(block.Numbers, ids, writer).Samples!;

        UInt128[] idOfRow = [.. Enumerable.Range(0, run.Stretches).SelectMany(stretch => Enumerable.Repeat(run.Ids[stretch], run.Ends[stretch] - run.StartOf(stretch)))];
        (long Hour, UInt128 Id, long Time)[] written = [.. Enumerable.Range(0, 900).Select(row => (run.TimesMs[row] / 3_600_000, idOfRow[row], run.TimesMs[row]))];
        Assert.Equal(written.Order(), written);
        Assert.Equal(written.Select(static row => (row.Hour, row.Id)).Distinct().Count(), run.Stretches);
        Assert.All(Enumerable.Range(0, 900), row =>
        {
            int place = (int)run.Numbers[row];
            Assert.Equal((ids[place % series], (Time / 1_000_000) + (place * hours * 4_000L)), (idOfRow[row], run.TimesMs[row]));
        });
    }

    [Fact]
    public async Task Every_column_of_spans_goes_with_its_row()
    {
        const int Count = 1000;
        using var spans = new SpanBlock();
        for (int span = 0; span < Count; span++)
        {
            Append(spans, span);
        }
        ResourceKey[] resources = [.. Enumerable.Range(0, 4).Select(resource => new ResourceKey((UInt128)resource, "default"u8.ToArray(), Encoding.UTF8.GetBytes($"order-{resource % 3}")))];
        using var writer = new NativeWriter();
        await engine.Store.InsertAsync(EventTables.Encode(spans, resources, writer));
        Assert.True(writer.Order.IsSet);

        // The number of each span, of which every other column is made.
        string all = await Text(
            $"""
            SELECT count() FROM (SELECT *, toUInt32(substring(name, 6)) AS n FROM spans WHERE service LIKE 'order-%')
            WHERE service = concat('order-', toString((n * 7) % 4 % 3)) AND toUInt128(resource) = (n * 7) % 4 AND span_id = reinterpretAsFixedString(toUInt64(n + 1))
              AND duration = n AND trace_state = concat('state-', toString(n)) AND toUnixTimestamp64Nano(ts) = {Time} + ((n * 7919) % 1000) * 1000000000
              AND mapKeys(attributes) = arrayMap(i -> concat('key-', toString(i)), range(n % 3)) AND mapValues(attributes) = arrayMap(i -> concat(toString(n), '-', toString(i)), range(n % 3))
              AND attribute_types = repeat('s', n % 3)
              AND events.name = arrayMap(i -> concat('event-', toString(n), '-', toString(i)), range(n % 4))
              AND arrayMap(m -> mapValues(m), events.attributes) = arrayMap(i -> arrayMap(j -> concat(toString(n), '.', toString(i), '.', toString(j)), range((n + i) % 3)), range(n % 4))
              AND events.attribute_types = arrayMap(i -> repeat('i', (n + i) % 3), range(n % 4))
              AND links.trace_state = arrayMap(i -> concat('link-', toString(n)), range(n % 2)) AND length(links.attributes) = n % 2
              AND dropped_attributes_count = n AND dropped_events_count = n + 1 AND dropped_links_count = n + 2
              AND events.dropped_attributes_count = arrayMap(i -> n + i, range(n % 4))
              AND links.dropped_attributes_count = arrayMap(i -> n + 3, range(n % 2)) AND links.flags = arrayMap(i -> n + 4, range(n % 2))
            """);

        Assert.Equal(Count.ToString(CultureInfo.InvariantCulture), all);
    }

    [Fact]
    public async Task Buckets_of_histograms_go_with_their_row()
    {
        const int Count = 600;
        using var block = new MetricBlock();
        HistogramPoints points = block.Histograms;
        for (int point = 0; point < Count; point++)
        {
            points.Series.Append(point % 5);
            points.TimeNanos.Append(Time + (((point * 7919L) % Count) * 1_000_000L));
            points.StartNanos.Append(Time - (point * 1_000_000L));
            points.Counts.Append((ulong)point);
            points.Sums.Append(point * 0.5);
            points.Minima.Append(point);
            points.Maxima.Append(point);
            for (int bucket = 0; bucket < point % 7; bucket++)
            {
                points.Buckets.Append((ulong)((point * 10) + bucket));
            }
            points.BucketEnds.Append(points.Buckets.Count);
        }
        UInt128[] ids = [.. Enumerable.Range(0, 5).Select(series => new UInt128((ulong)(5 - series) << 40, 4242))];
        using var writer = new NativeWriter();
        await engine.Store.InsertAsync(MetricTables.Encode(points, ids, writer));
        Assert.True(writer.Order.IsSet);

        string all = await Text(
            $"""
            SELECT count() FROM histograms WHERE bitAnd(id, 0xFFFFFFFFFFFFFFFF) = 4242 AND sum = count / 2 AND min = count AND toUnixTimestamp64Milli(start) = {Time / 1_000_000} - count
              AND toUnixTimestamp64Milli(ts) = {Time / 1_000_000} + (count * 7919) % {Count}
              AND buckets = arrayMap(i -> count * 10 + i, range(count % 7)) AND bitShiftRight(id, 104) = 5 - count % 5
            """);

        Assert.Equal(Count.ToString(CultureInfo.InvariantCulture), all);
    }

    private static void Append(SpanBlock spans, int n)
    {
        spans.Resources.Append(n * 7 % 4);
        spans.TraceIds.Append((UInt128)n);
        spans.SpanIds.Append((ulong)n + 1);
        spans.ParentSpanIds.Append(0);
        spans.TraceStates.Append(Encoding.UTF8.GetBytes($"state-{n}"));
        spans.Names.Append(Encoding.UTF8.GetBytes($"span-{n}"));
        spans.Kinds.Append(1);
        spans.StartNanos.Append(Time + (n * 7919L % 1000 * 1_000_000_000));
        spans.DurationNanos.Append(n);
        spans.StatusCodes.Append(0);
        spans.StatusMessages.Append(""u8);
        for (int entry = 0; entry < n % 3; entry++)
        {
            spans.Attributes.Add(Encoding.UTF8.GetBytes($"key-{entry}"), Encoding.UTF8.GetBytes($"{n}-{entry}"), AttributeType.Text);
        }
        spans.Attributes.EndRow();
        spans.Flags.Append(1);
        spans.DroppedAttributes.Append((uint)n);
        spans.DroppedEvents.Append((uint)n + 1);
        spans.DroppedLinks.Append((uint)n + 2);
        for (int item = 0; item < n % 4; item++)
        {
            spans.Events.TimeNanos.Append(Time);
            spans.Events.Names.Append(Encoding.UTF8.GetBytes($"event-{n}-{item}"));
            for (int entry = 0; entry < (n + item) % 3; entry++)
            {
                spans.Events.Attributes.Add(Encoding.UTF8.GetBytes($"key-{entry}"), Encoding.UTF8.GetBytes($"{n}.{item}.{entry}"), AttributeType.Integer);
            }
            spans.Events.Attributes.EndRow();
            spans.Events.DroppedAttributes.Append((uint)(n + item));
        }
        spans.EventEnds.Append(spans.Events.Count);
        if (n % 2 == 1)
        {
            spans.Links.TraceIds.Append(77);
            spans.Links.SpanIds.Append(8);
            spans.Links.TraceStates.Append(Encoding.UTF8.GetBytes($"link-{n}"));
            spans.Links.Attributes.EndRow();
            spans.Links.DroppedAttributes.Append((uint)n + 3);
            spans.Links.Flags.Append((uint)n + 4);
        }
        spans.LinkEnds.Append(spans.Links.Count);
    }

    private async Task<string> Text(string sql)
    {
        var output = new ArrayBufferWriter<byte>();
        await engine.Store.QueryFormattedAsync(new StoreQuery(sql), "TabSeparated", output);
        return Encoding.UTF8.GetString(output.WrittenSpan).Trim();
    }
}
