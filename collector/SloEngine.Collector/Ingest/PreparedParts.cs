using System.Runtime.InteropServices;
using SloEngine.Collector.Expiry;
using SloEngine.Collector.Pipelines;
using SloEngine.Collector.Series;

namespace SloEngine.Collector.Ingest;

/// <summary>
/// What the parts of a request have become, until the log has them: disposing of it gives back the memory of the edits, and the blocks and leases of what
/// the log was not given.
/// </summary>
internal sealed class PreparedParts(RequestPreparation preparation, ReferenceLeases leases) : IDisposable
{
    private readonly List<(RequestKind Kind, RequestEdits Edits)> _edits = [];
    private readonly List<(RequestKind Kind, string Tenant, int Bytes, Decoded Decoded)> _decoded = [];
    private List<Submission> _submissions = [];

    /// <summary>What was decoded of each part.</summary>
    public IReadOnlyList<(RequestKind Kind, string Tenant, int Bytes, Decoded Decoded)> Decoded => _decoded;

    /// <summary>Lengths, to return to by <see cref="Truncate"/> when one of several requests turns out to be malformed.</summary>
    public (int Decoded, int Submissions) Mark() => (_decoded.Count, _submissions.Count);

    /// <summary>Takes the edits over whose memory a part is in until it is logged.</summary>
    public void Add(RequestKind kind, RequestEdits edits) => _edits.Add((kind, edits));

    /// <summary>Adds a part; without a submission when there is nothing in it to store.</summary>
    public void Add(RequestKind kind, RequestPart part, Decoded decoded, Submission? submission)
    {
        _decoded.Add((kind, part.Tenant, part.Body.Length, decoded));
        if (submission is not null)
        {
            _submissions.Add(submission);
        }
    }

    /// <summary>Takes back the parts added since a mark.</summary>
    public void Truncate((int Decoded, int Submissions) mark)
    {
        foreach (Submission submission in CollectionsMarshal.AsSpan(_submissions)[mark.Submissions..])
        {
            submission.Release();
            leases.GiveBack(submission.Lease);
        }
        _submissions.RemoveRange(mark.Submissions, _submissions.Count - mark.Submissions);
        _decoded.RemoveRange(mark.Decoded, _decoded.Count - mark.Decoded);
    }

    /// <summary>Hands the submissions over to the log, whose they are from now on.</summary>
    public List<Submission> TakeSubmissions()
    {
        List<Submission> taken = _submissions;
        _submissions = [];
        return taken;
    }

    public void Dispose()
    {
        Truncate(default);
        foreach ((RequestKind kind, RequestEdits edits) in _edits)
        {
            preparation.Return(kind, edits);
        }
        _edits.Clear();
    }
}
