namespace SloEngine.Otlp.Tests.Common;

/// <summary>What a burst of large bodies leaves behind.</summary>
public sealed class BodyPoolTests
{
    [Fact]
    public void At_most_60_MiB_are_kept_of_large_bodies()
    {
        byte[][] burst = Rent();
        Array.ForEach(burst, body => BodyPool.Bodies.Return(body));
        byte[][] later = Rent();
        Array.ForEach(later, body => BodyPool.Bodies.Return(body));

        Assert.InRange(later.Intersect(burst).Sum(body => (long)body.Length), 1, 60 << 20);

        // Three of each size, from 2 to 32 MiB.
        static byte[][] Rent() => [.. Enumerable.Range(21, 5).SelectMany(bits => Enumerable.Range(0, 3).Select(_ => BodyPool.Bodies.Rent(1 << bits)))];
    }
}
