using SloEngine.Collector.Ingest;
using SloEngine.Otlp.Common;

namespace SloEngine.Collector.Pipelines;

/// <summary>
/// The edits of a kind of requests: of OTLP one pass over the request for each run of them between filters, of remote write one for all. For one request at a time.
/// </summary>
internal sealed class RequestEdits
{
    private readonly List<Func<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>> _passes = [];
    private readonly RemoteWriteEdit? _remoteWrite;

    public RequestEdits(RequestKind kind, IReadOnlyList<PipelineStep> steps, Action<PipelineStep, int> count)
    {
        if (RequestPreparation.IsRemoteWrite(kind))
        {
            _remoteWrite = new RemoteWriteEdit(kind == RequestKind.RemoteWrite2, steps, count);
            _passes.Add(_remoteWrite.Apply);
            return;
        }
        Signal signal = kind switch { RequestKind.Logs => Signal.Logs, RequestKind.Traces => Signal.Traces, _ => Signal.Metrics };
        for (int first = 0; first < steps.Count;)
        {
            if (steps[first] is FilterStep filter)
            {
                _passes.Add(new RequestFilter(signal, filter, count).Apply);
                first++;
                continue;
            }
            PipelineStep[] run = [.. steps.Skip(first).TakeWhile(step => step is not FilterStep)];
            var edit = new RequestEdit(signal, run, count);
            _passes.Add(request => edit.Apply(request.Span));
            first += run.Length;
        }
    }

    /// <summary>What filters left out of the last request of remote write.</summary>
    public RemoteWriteItems Filtered => _remoteWrite?.Filtered ?? default;

    /// <summary>The edited request, valid until the next call.</summary>
    public ReadOnlyMemory<byte> Apply(ReadOnlyMemory<byte> request)
    {
        foreach (Func<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> pass in _passes)
        {
            request = pass(request);
        }
        return request;
    }
}
