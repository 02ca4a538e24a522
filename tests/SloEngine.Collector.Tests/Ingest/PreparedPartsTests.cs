using System.Diagnostics.Metrics;
using SloEngine.Collector.Expiry;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Pipelines;
using SloEngine.Otlp.Logs;

namespace SloEngine.Collector.Tests.Ingest;

/// <summary>What is given back when the parts of a request do not come into the log.</summary>
public sealed class PreparedPartsTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Blocks_and_leases_that_the_log_was_not_given_are_given_back_and_those_that_it_was_given_are_not(bool isGiven)
    {
        using var meter = new Meter("parts");
        var leases = new ReferenceLeases();
        int released = 0;
        using var block = new LogBlock();
        var parts = new PreparedParts(new RequestPreparation(new CollectorOptions(), meter), leases);
        for (int part = 0; part < 2; part++)
        {
            parts.Add(RequestKind.Logs, default, default, new Submission(RequestKind.Logs, "default", 0, default, block, 1, _ => released++) { Lease = leases.Take() });
        }
        Assert.True(leases.TryTurn());

        if (isGiven)
        {
            Assert.Equal(2, parts.TakeSubmissions().Count);
        }
        parts.Dispose();

        Assert.Equal(isGiven ? 0 : 2, released);
        Assert.Equal(!isGiven, leases.TryTurn());
    }
}
