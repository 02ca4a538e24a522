using System.Collections.Concurrent;
using SloEngine.Collector.Series;

namespace SloEngine.Collector.Ingest;

/// <summary>Decodes a request of one tenant into a block.</summary>
internal delegate Decoded Decoder<TBlock>(ReadOnlySpan<byte> request, TBlock block);

/// <summary>A signal's pooled blocks, and its decoders, which are each for one request at a time.</summary>
internal sealed class DecoderLane<TBlock>(Func<string, Decoder<TBlock>> create, Func<TBlock, int> rows, Action<TBlock> clear) : IDisposable
    where TBlock : class, IDisposable, new()
{
    private const int MaxTenants = 1000;

    /// <summary>Blocks with more rows are not kept: memory that one request took would stay for good.</summary>
    private const int MaxPooledRows = 100_000;

    private readonly ConcurrentBag<TBlock> _blocks = [];
    private readonly ConcurrentDictionary<string, ConcurrentBag<Decoder<TBlock>>> _decoders = new(StringComparer.Ordinal);

    public TBlock Rent() => _blocks.TryTake(out TBlock? free) ? free : new TBlock();

    public void Return(IDisposable block)
    {
        var own = (TBlock)block;
        if (rows(own) > MaxPooledRows)
        {
            own.Dispose();
            return;
        }
        clear(own);
        _blocks.Add(own);
    }

    public Decoded Decode(string tenant, ReadOnlySpan<byte> request, TBlock block)
    {
        if (!_decoders.TryGetValue(tenant, out ConcurrentBag<Decoder<TBlock>>? decoders))
        {
            if (_decoders.Count >= MaxTenants)
            {
                // Names are free to choose: the decoders of those that are in use are made anew.
                _decoders.Clear();
            }
            decoders = _decoders.GetOrAdd(tenant, static _ => []);
        }
        Decoder<TBlock> decoder = decoders.TryTake(out Decoder<TBlock>? pooled) ? pooled : create(tenant);
        Decoded decoded = decoder(request, block);
        decoders.Add(decoder);
        return decoded;
    }

    public void Dispose()
    {
        foreach (TBlock block in _blocks)
        {
            block.Dispose();
        }
    }
}
