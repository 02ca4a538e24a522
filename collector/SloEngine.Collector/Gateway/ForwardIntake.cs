using SloEngine.Collector.Expiry;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Pipelines;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Collector.Gateway;

/// <summary>
/// Takes what gateways forward, each stretch of their logs once. A tenant's rate was the gateway's to limit. Safe for concurrent use.
/// </summary>
internal sealed class ForwardIntake(
    ForwardMarks marks, RequestIntake intake, RequestDecoders decoders, RequestPreparation preparation, ReferenceLeases leases, MemoryBudget budget, IngestMetrics metrics,
    CollectorOptions options)
{
    /// <summary>
    /// Takes a forward: a repeated one is answered and not stored. All of it becomes durable, or nothing. Slices that are malformed, or name a tenant that
    /// their sender may not write for, are counted as rejected, since the gateway has acknowledged them.
    /// </summary>
    /// <exception cref="IngestUnavailableException">Nothing was kept; the gateway is to retry.</exception>
    public async ValueTask<ForwardAnswer> IngestAsync(ForwardId id, List<ForwardFrame> frames, CancellationToken cancellation)
    {
        SemaphoreSlim turn = marks.Turn(id.Gateway, options.RetryAfter);
        await turn.WaitAsync(cancellation);
        try
        {
            long taken = marks.Position(id.Gateway);
            if (id.From < taken)
            {
                return new ForwardAnswer(taken, 0, 0, null) { IsOverlap = id.To > taken };
            }
            return await TakeAsync(id, frames, cancellation);
        }
        finally
        {
            turn.Release();
        }
    }

    private async ValueTask<ForwardAnswer> TakeAsync(ForwardId id, List<ForwardFrame> frames, CancellationToken cancellation)
    {
        long bytes = frames.Sum(frame => (long)frame.Slice.Length);
        await budget.AcquireAsync(bytes, cancellation);
        try
        {
            using var prepared = new PreparedParts(preparation, leases);
            var rejected = new List<(ForwardFrame Frame, string Reason)>();
            var answer = new ForwardAnswer(id.To, 0, 0, null);
            foreach (ForwardFrame frame in frames)
            {
                try
                {
                    DecodeResult result = Decode(frame, new ForwardMark(id.Gateway, frame.End), prepared);
                    answer = answer with
                    {
                        Accepted = answer.Accepted + result.Accepted, Rejected = answer.Rejected + result.Rejected, Message = answer.Message ?? result.ErrorMessage,
                    };
                }
                catch (OtlpFormatException malformed)
                {
                    Reject(frame, "malformed", "a slice is malformed: " + malformed.Message);
                }
                catch (TenantForbiddenException forbidden)
                {
                    Reject(frame, "forbidden", forbidden.Message);
                }
            }
            await intake.AppendAsync(prepared.TakeSubmissions());
            marks.Advance(new ForwardMark(id.Gateway, id.To));
            metrics.Count(prepared);
            rejected.ForEach(slice => metrics.CountRejected(slice.Frame, slice.Reason));
            return answer;

            void Reject(in ForwardFrame frame, string reason, string message)
            {
                rejected.Add((frame, reason));
                answer = answer with { Rejected = answer.Rejected + 1, Message = answer.Message ?? message };
            }
        }
        finally
        {
            budget.Release(bytes);
        }
    }

    private DecodeResult Decode(in ForwardFrame frame, ForwardMark mark, PreparedParts prepared) => frame.Kind switch
    {
        RequestKind.Metrics => intake.Decode(decoders.Metrics, frame.Kind, Divide(frame), mark, prepared),
        RequestKind.RemoteWrite1 => intake.Decode(decoders.RemoteWrite1, frame.Kind, Divide(frame), mark, prepared),
        RequestKind.RemoteWrite2 => intake.Decode(decoders.RemoteWrite2, frame.Kind, Divide(frame), mark, prepared),
        RequestKind.Traces => intake.Decode(decoders.Spans, frame.Kind, Divide(frame), mark, prepared),
        _ => intake.Decode(decoders.Logs, frame.Kind, Divide(frame), mark, prepared),
    };

    /// <summary>A gateway passes on for which tenant its senders may write, and does not look at which ones resources name.</summary>
    private IReadOnlyList<RequestPart> Divide(in ForwardFrame frame)
    {
        string own = frame.Tenant;
        return preparation.Divide(frame.Kind, own, frame.Slice, frame.IsBound ? tenant => tenant == own : null);
    }
}
