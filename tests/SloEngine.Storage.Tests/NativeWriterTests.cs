using System.Text;
using FsCheck;
using FsCheck.Fluent;
using SloEngine.Otlp.Columns;
using SloEngine.Storage.Chdb;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;

namespace SloEngine.Storage.Tests;

/// <summary>Blocks are what the engine reads, and have a bound in size, beyond which it is told.</summary>
[Collection(EngineCollection.Name)]
public sealed class NativeWriterTests(EngineFixture engine)
{
    private const string Table = "shared_texts";

    [Fact]
    public void A_block_beyond_the_largest_array_is_refused_with_its_table_and_size()
    {
        using var writer = new NativeWriter();
        writer.Start("samples", 1, 200_000_000);

        InvalidOperationException refused = Assert.Throws<InvalidOperationException>(() => { writer.Fixed<UInt128>("id", "UInt128"); });

        Assert.Contains("samples: a block of 200000000 rows takes 32000000", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>Rows name their texts in one, two or four bytes, by how many different ones there are.</summary>
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(256, 256)]
    [InlineData(300, 257)]
    [InlineData(65_536, 65_536)]
    [InlineData(70_000, 65_537)]
    public async Task Texts_that_rows_share_come_back_whatever_their_number(int rows, int texts)
    {
        using var writer = new NativeWriter();
        string[][] keys = [.. Enumerable.Range(0, rows).Select(row => (string[])[$"text {row % texts}"])];

        // The writer keeps its memory: a second block is not to have anything of the first.
        await AssertStoredAsync(writer, keys, inOrder: true);
        await AssertStoredAsync(writer, [.. keys.Take(100).Reverse()], inOrder: false);
    }

    [Fact]
    public void Attributes_of_any_rows_come_back_in_any_order() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(60),
        Prop.ForAll(Gen.ArrayOf(Gen.ArrayOf(Key())).ToArbitrary(), ArbMap.Default.ArbFor<bool>(), (rows, inOrder) =>
        {
            using var writer = new NativeWriter();
            AssertStoredAsync(writer, rows, inOrder).GetAwaiter().GetResult();
        }));

    private static Gen<string> Key() => Gen.OneOf(
        Gen.Elements("http.method", "http.route", "http.response.status_code", "", "url", "a key of more than sixteen bytes", "größe"),
        Gen.Choose(0, 400).Select(static number => $"key {number}"));

    /// <summary>Stores rows whose attributes have some keys, the row's number as text, and wants them back.</summary>
    private async Task AssertStoredAsync(NativeWriter writer, string[][] rows, bool inOrder)
    {
        string[][] distinct = Array.ConvertAll(rows, static keys => keys.Distinct(StringComparer.Ordinal).ToArray());
        await engine.Store.ExecuteAsync(
            $"CREATE OR REPLACE TABLE {EmbeddedColumnStore.Database}.{Table} (n UInt32, name LowCardinality(String), attributes Map(LowCardinality(String), String), types LowCardinality(String)) ENGINE = Memory");
        using var names = new BytesColumn();
        using var attributes = new AttributesColumn();
        for (int row = 0; row < distinct.Length; row++)
        {
            names.Append(Encoding.UTF8.GetBytes(distinct[row].FirstOrDefault("none")));
            foreach (string key in distinct[row])
            {
                attributes.Add(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes($"{row}"), row % 3 == 0 ? AttributeType.Text : AttributeType.Integer);
            }
            attributes.EndRow();
        }
        writer.Start(Table, 4, rows.Length);
        if (!inOrder)
        {
            Span<ulong> order = writer.Order.Keys(rows.Length);
            for (int row = 0; row < rows.Length; row++)
            {
                order[row] = (ulong)(row * 7919 % 101);
            }
            writer.Order.Sort();
        }
        writer.Fixed<uint>("n", "UInt32", [.. Enumerable.Range(0, rows.Length).Select(static row => (uint)row)]);
        writer.LowCardinality("name", names);
        writer.Attributes("attributes", "types", attributes);
        await engine.Store.InsertAsync(writer.Finish());

        QueryResult result = await engine.Store.QueryAsync(new StoreQuery(
            $"SELECT n, toString(name), arrayStringConcat(arrayMap((k, v) -> concat(k, '=', v), mapKeys(attributes), mapValues(attributes)), ';'), toString(types) FROM {Table} ORDER BY n"));

        Assert.Equal(rows.Length, result.Rows);
        int read = 0;
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++, read++)
            {
                string[] keys = distinct[read];
                Assert.Equal((uint)read, block.Values<uint>(0)[row]);
                Assert.Equal(keys.FirstOrDefault("none"), block.Text(1).String(row));
                Assert.Equal(string.Join(';', keys.Select(key => $"{key}={read}")), block.Text(2).String(row));
                Assert.Equal(new string(read % 3 == 0 ? 's' : 'i', keys.Length), block.Text(3).String(row));
            }
        }
    }
}
