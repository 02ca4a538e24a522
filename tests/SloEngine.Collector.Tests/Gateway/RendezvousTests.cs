using SloEngine.Collector.Gateway;
using SloEngine.Otlp.Hashing;

namespace SloEngine.Collector.Tests.Gateway;

public sealed class RendezvousTests
{
    private static readonly UInt128[] Identities = [.. Enumerable.Range(0, 20_000).Select(number => SipHash128.Hash(BitConverter.GetBytes(number), UInt128.Zero))];

    [Fact]
    public void A_node_that_is_added_takes_its_share_and_moves_nothing_else()
    {
        string[] before = ["a", "b", "c"];
        string[] after = ["d", "a", "b", "c"];
        var (three, four) = (new Rendezvous(before), new Rendezvous(after));

        foreach (IGrouping<string, UInt128> owned in Identities.GroupBy(identity => after[four.Owner(identity)]))
        {
            Assert.InRange(owned.Count(), Identities.Length / 4 * 0.9, Identities.Length / 4 * 1.1);
            Assert.All(owned, identity => Assert.True(owned.Key == "d" || owned.Key == before[three.Owner(identity)]));
        }
    }

    [Fact]
    public void Gateways_that_know_the_nodes_in_another_order_agree()
    {
        string[] one = ["10.0.0.1:4318", "10.0.0.2:4318", "10.0.0.3:4318"];
        string[] other = [one[2], one[0], one[1]];

        Assert.All(Identities, identity => Assert.Equal(one[new Rendezvous(one).Owner(identity)], other[new Rendezvous(other).Owner(identity)]));
    }
}
