using System.Globalization;
using System.Runtime.InteropServices;
using SloEngine.Collector.Expiry;
using SloEngine.Collector.Gateway;
using SloEngine.Collector.Pipelines;
using SloEngine.Collector.Series;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Collector.Ingest;

/// <summary>Requests on their way into the log: edits and decodes them, and appends all parts of one or none. Safe for concurrent use.</summary>
internal sealed class RequestIntake(RequestPreparation preparation, ReferenceLeases leases, LogWriter<Submission> log, int maxItems, TimeProvider time)
{
    /// <summary>Decodes a request; without a submission when there is nothing in it to store.</summary>
    /// <param name="lane">Whose blocks and decoders.</param>
    /// <param name="kind">What it is as a record.</param>
    /// <param name="tenant">Owner.</param>
    /// <param name="request">The request.</param>
    /// <param name="forwarded">Where a gateway's log ends behind it.</param>
    /// <exception cref="OtlpFormatException">The bytes are no such message, or it has more items than a request may have; what a gateway has acknowledged may have any number.</exception>
    public (Decoded Decoded, Submission? Submission) Decode<TBlock>(
        DecoderLane<TBlock> lane, RequestKind kind, string tenant, RequestBytes request, ForwardMark? forwarded)
        where TBlock : class, IDisposable, new()
    {
        long arrival = (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;
        TBlock block = lane.Rent();
        int lease = leases.Take();
        Decoded decoded;
        try
        {
            decoded = lane.Decode(tenant, request.Plain.Span, block);
            if (decoded.Result.Accepted > maxItems && forwarded is null)
            {
                throw new OtlpFormatException(string.Create(
                    CultureInfo.InvariantCulture, $"the request has {decoded.Result.Accepted} items; the limit is {maxItems} (limits.max_items_per_request): send smaller requests"));
            }
        }
        catch
        {
            lane.Return(block);
            leases.GiveBack(lease);
            throw;
        }
        int rows = decoded.Result.Accepted + decoded.Result.Exemplars;
        if (rows == 0)
        {
            lane.Return(block);
            leases.GiveBack(lease);
            return (decoded, null);
        }
        return (decoded, new Submission(kind, tenant, arrival, request, block, rows, lane.Return)
        {
            Lease = lease, Forwarded = forwarded, RejectedItems = decoded.RejectedItems,
        });
    }

    /// <summary>Edits and decodes the parts of a request; when one is malformed, none of them is added.</summary>
    /// <param name="lane">Whose blocks and decoders.</param>
    /// <param name="kind">What they are as records.</param>
    /// <param name="parts">The parts.</param>
    /// <param name="forwarded">Where a gateway's log ends behind them.</param>
    /// <param name="prepared">Takes what they become.</param>
    /// <exception cref="OtlpFormatException">The bytes are no such message.</exception>
    public DecodeResult Decode<TBlock>(
        DecoderLane<TBlock> lane, RequestKind kind, IReadOnlyList<RequestPart> parts, ForwardMark? forwarded, PreparedParts prepared)
        where TBlock : class, IDisposable, new()
    {
        var sum = new DecodeResult(0, 0, null);
        (int Decoded, int Submissions) before = prepared.Mark();
        try
        {
            foreach (RequestPart part in parts)
            {
                RequestPart edited = preparation.Edit(kind, part, out RequestEdits? edits);
                if (edits is not null)
                {
                    prepared.Add(kind, edits);
                }
                (Decoded decoded, Submission? submission) = Decode(lane, kind, part.Tenant, edited.Body, forwarded);
                prepared.Add(kind, part, decoded, submission);
                // Those of remote write are of one part.
                sum = Add(sum, decoded.Result) with { Filtered = edits?.Filtered ?? default };
            }
        }
        catch
        {
            prepared.Truncate(before);
            throw;
        }
        return sum;
    }

    /// <summary>Appends submissions to the log, all or none.</summary>
    /// <exception cref="IngestUnavailableException">The log did not take them; the sender may retry.</exception>
    public async Task AppendAsync(List<Submission> submissions)
    {
        if (submissions.Count == 0)
        {
            return;
        }
        try
        {
            await log.AppendAsync(CollectionsMarshal.AsSpan(submissions));
        }
        catch (IngestUnavailableException)
        {
            foreach (Submission submission in submissions)
            {
                leases.GiveBack(submission.Lease);
            }
            throw;
        }
    }

    private static DecodeResult Add(DecodeResult sum, DecodeResult part) =>
        new(sum.Accepted + part.Accepted, sum.Rejected + part.Rejected, sum.ErrorMessage ?? part.ErrorMessage)
        {
            Histograms = sum.Histograms + part.Histograms,
            Exemplars = sum.Exemplars + part.Exemplars,
            DroppedExemplars = sum.DroppedExemplars + part.DroppedExemplars,
            Warning = sum.Warning ?? part.Warning,
        };
}
