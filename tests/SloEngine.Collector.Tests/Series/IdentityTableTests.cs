using FsCheck;
using FsCheck.Fluent;
using SloEngine.Collector.Series;

namespace SloEngine.Collector.Tests.Series;

public sealed class IdentityTableTests
{
    [Fact]
    public void It_holds_what_a_dictionary_holds_after_any_additions_changes_and_removals()
    {
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(200), Prop.ForAll<(byte Key, bool Remove, short Value)[]>(steps =>
        {
            var table = new IdentityTable();
            var expected = new Dictionary<UInt128, int>();
            foreach ((byte key, bool remove, short value) in steps)
            {
                // Keys that collide in their low bits.
                var identity = new UInt128(key, (ulong)(key % 4) << 40);
                if (remove)
                {
                    Assert.Equal(expected.Remove(identity), table.Remove(identity));
                }
                else
                {
                    expected[identity] = table[identity] = value;
                }
            }
            return expected.Count == table.Count
                && Enumerable.Range(0, 256).All(key =>
                {
                    var identity = new UInt128((ulong)key, (ulong)(key % 4) << 40);
                    bool found = table.TryGetValue(identity, out int value);
                    return found == expected.TryGetValue(identity, out int wanted) && (!found || value == wanted);
                });
        }));
    }

    [Fact]
    public async Task Readers_beside_a_writer_find_every_identity_added_before_with_its_own_value()
    {
        const int Identities = 300_000;
        var table = new IdentityTable();
        int added = 0;
        Task[] readers = [.. Enumerable.Range(0, 3).Select(reader => Task.Run(() =>
        {
            var random = new Random(reader);
            int known;
            while ((known = Volatile.Read(ref added)) < Identities)
            {
                int key = known == 0 ? 0 : random.Next(known);
                if (key < known && key % 3 != 0)
                {
                    Assert.True(table.TryGetValue(Identity(key), out int value));
                    Assert.Equal(key, value);
                }
                Assert.False(table.TryGetValue(Identity(Identities + key), out _));
            }
        }))];
        for (int key = 0; key < Identities; key++)
        {
            table[Identity(key)] = key;
            if (key % 3 == 0)
            {
                Assert.True(table.Remove(Identity(key)));
            }
            Volatile.Write(ref added, key + 1);
        }
        await Task.WhenAll(readers);

        Assert.Equal(Identities - (Identities / 3), table.Count);
    }

    private static UInt128 Identity(int key) => new((ulong)key * 0x9E3779B97F4A7C15, (ulong)key * 0xC2B2AE3D27D4EB4F);
}
