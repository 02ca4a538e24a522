using System.Diagnostics;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.Tests.Fuzz;

/// <summary>
/// A million damaged requests: each is decoded or refused by <see cref="OtlpFormatException"/> and nothing else, in bounded time and memory, and
/// a refused one leaves the block exactly as it was.
/// </summary>
public sealed class MutationTests
{
    private const int MutationsPerFormat = 100_000;

    /// <summary>
    /// Column bytes for each byte of a request: an empty log record takes two bytes on the wire and 70 in the columns, which is the most there is.
    /// </summary>
    private const int MostGrowth = 35;

    /// <summary>Empty buckets of histograms, which a small request may ask for as well.</summary>
    private const int GrowthAllowance = 900_000;

    private static readonly TimeSpan TooLong = TimeSpan.FromSeconds(10);

    public static TheoryData<string> Formats =>
    [
        "metrics", "logs", "traces", "metrics in JSON", "logs in JSON", "traces in JSON", "remote write 1.0", "remote write 2.0", "Loki", "Loki in JSON",
    ];

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task Damage_shows_as_a_format_error_or_not_at_all(string format)
    {
        var run = new Run(format);
        var work = Task.Factory.StartNew(run.All, TaskCreationOptions.LongRunning);
        while (await Task.WhenAny(work, Task.Delay(1_000)) != work)
        {
            Assert.True(run.Current < TooLong, $"{format}, seed {run.Seed}: still decoding after {run.Current}");
        }
        await work;
        Assert.InRange(run.Refused, MutationsPerFormat / 10, MutationsPerFormat * 99 / 100);
    }

    private sealed class Run(string format)
    {
        private long _began;

        public int Seed { get; private set; }

        public int Refused { get; private set; }

        public TimeSpan Current => Volatile.Read(ref _began) is > 0 and var began ? Stopwatch.GetElapsedTime(began) : TimeSpan.Zero;

        public void All()
        {
            byte[][] payloads = Payloads.Of(format);
            var mutator = new Mutator(payloads, format.EndsWith("JSON", StringComparison.Ordinal));
            using var target = new FuzzTarget(format);
            foreach (byte[] payload in payloads.Take(5))
            {
                target.Decode(payload, payload.Length);
            }
            UInt128 contents = target.Contents();
            byte[] buffer = new byte[16 << 10];
            for (Seed = 0; Seed < MutationsPerFormat; Seed++)
            {
                ReadOnlySpan<byte> request = mutator.Mutate(new Random(Seed), buffer);
                long size = target.Size;
                (bool refused, long grown) = One(target, buffer, request.Length);
                Refused += refused ? 1 : 0;
                Assert.True(contents == target.Contents(), $"{format}, seed {Seed}: the block changed");
                Assert.True(
                    grown <= size + GrowthAllowance + (long)request.Length * MostGrowth, $"{format}, seed {Seed}: {grown - size} bytes of columns for {request.Length}");
            }
            Volatile.Write(ref _began, 0);
        }

        private (bool Refused, long Size) One(FuzzTarget target, byte[] buffer, int length)
        {
            ((int, int, int, int, int), int, int) mark = target.Mark();
            Volatile.Write(ref _began, Stopwatch.GetTimestamp());
            try
            {
                DecodeResult result = target.Decode(buffer, length);
                Assert.True(result is { Accepted: >= 0, Rejected: >= 0 } && (result.Rejected > 0 || result.ErrorMessage is null), $"{format}, seed {Seed}: {result}");
                long grown = target.Size;
                target.Truncate(mark);
                return (false, grown);
            }
            catch (OtlpFormatException)
            {
                return (true, 0);
            }
            catch (Exception wrong) when (wrong is not Xunit.Sdk.XunitException)
            {
                throw new InvalidOperationException($"{format}, seed {Seed}: {wrong.Message}", wrong);
            }
        }
    }
}
