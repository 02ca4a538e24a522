using System.Buffers;
using SloEngine.Collector.Ingest;
using SloEngine.Otlp;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Slicing;

namespace SloEngine.Collector.Gateway;

/// <summary>A request on its way into a gateway's log: its slices one after the other, each a message of its own.</summary>
internal sealed class SlicedRequest : LogEntry
{
    /// <summary>Bytes that the slices of one request may take: what is shared stands in each.</summary>
    private const int MaxBytes = 256 << 20;

    private readonly RequestKind _kind;
    private readonly bool _isBound;
    private readonly string _tenant;
    private readonly long _arrivalNanos;
    private readonly (ulong Node, int Length)[] _slices;
    private readonly byte[]? _rented;

    private SlicedRequest(RequestKind kind, bool isBound, string tenant, long arrivalNanos, (ulong Node, int Length)[] slices, ReadOnlyMemory<byte> body, byte[]? rented)
        : base(body) => (_kind, _isBound, _tenant, _arrivalNanos, _slices, _rented) = (kind, isBound, tenant, arrivalNanos, slices, rented);

    /// <summary>Puts the parts of a request together by their owners; null when there are none.</summary>
    /// <exception cref="OtlpFormatException">The slices would be too large.</exception>
    public static SlicedRequest? Of(
        RequestKind kind, bool isBound, string tenant, long arrivalNanos, ReadOnlyMemory<byte> request, RequestParts parts, Rendezvous owners, ReadOnlySpan<ulong> nodes)
    {
        if (parts.Parts.Length == 0)
        {
            return null;
        }
        Span<int> lengths = stackalloc int[nodes.Length];
        lengths.Clear();
        int shared = 0;
        foreach ((_, int length) in parts.Shared)
        {
            shared += length;
        }
        int[] owner = ArrayPool<int>.Shared.Rent(parts.Parts.Length);
        try
        {
            for (int index = 0; index < parts.Parts.Length; index++)
            {
                owner[index] = owners.Owner(parts.Parts[index].Identity);
                lengths[owner[index]] += parts.Parts[index].Length;
            }
            var slices = new List<(ulong Node, int Length)>(nodes.Length);
            Span<int> ends = stackalloc int[nodes.Length];
            int total = 0;
            for (int node = 0; node < nodes.Length; node++)
            {
                if (lengths[node] > 0)
                {
                    slices.Add((nodes[node], shared + lengths[node]));
                    ends[node] = total;
                    total = total + shared + lengths[node] <= MaxBytes
                        ? total + shared + lengths[node]
                        : throw new OtlpFormatException("the symbols are too large to go to each node along with its series; send smaller batches");
                }
            }
            if (slices.Count == 1)
            {
                // All of it goes to one node: as it came.
                return new SlicedRequest(kind, isBound, tenant, arrivalNanos, [(slices[0].Node, request.Length)], request, rented: null);
            }
            byte[] rented = BodyPool.Bodies.Rent(total);
            for (int node = 0; node < nodes.Length; node++)
            {
                foreach ((int start, int length) in lengths[node] > 0 ? parts.Shared : default)
                {
                    request.Span.Slice(start, length).CopyTo(rented.AsSpan(ends[node]));
                    ends[node] += length;
                }
            }
            for (int index = 0; index < parts.Parts.Length; index++)
            {
                RequestPart part = parts.Parts[index];
                request.Span.Slice(part.Start, part.Length).CopyTo(rented.AsSpan(ends[owner[index]]));
                ends[owner[index]] += part.Length;
            }
            return new SlicedRequest(kind, isBound, tenant, arrivalNanos, [.. slices], rented.AsMemory(0, total), rented);
        }
        finally
        {
            ArrayPool<int>.Shared.Return(owner);
        }
    }

    public override int MaxHeadBytes => GatewayRecord.MaxHeadBytes;

    public override int WriteHead(Span<byte> head) => GatewayRecord.WriteHead(head, _kind, _isBound, _arrivalNanos, _tenant, _slices);

    /// <summary>Gives back its memory, once the log holds it or has refused it.</summary>
    public void Release()
    {
        if (_rented is not null)
        {
            BodyPool.Bodies.Return(_rented);
        }
    }
}
