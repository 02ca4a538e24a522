using SloEngine.Otlp.Protobuf;

namespace SloEngine.Collector.Pipelines;

/// <summary>
/// Symbols of a request of remote write 2.0: those that it came with, and those that what is written of it refers to, which are all that it gets. Each of
/// these stands once; the first is the empty one.
/// </summary>
internal sealed class SymbolTable
{
    /// <summary>Field of the request.</summary>
    public const int Field = 4;

    private readonly List<ReadOnlyMemory<byte>> _read = [];
    private readonly List<ReadOnlyMemory<byte>> _written = [];
    private readonly Dictionary<ReadOnlyMemory<byte>, int> _numbers = new(BytesComparer.Instance);

    /// <summary>Reads the symbols of a request, wherever in it they stand.</summary>
    /// <exception cref="OtlpFormatException">The bytes are no such message.</exception>
    public void Read(ReadOnlyMemory<byte> request)
    {
        ReferenceTo(default);
        var reader = new ProtobufReader(request.Span);
        while (reader.Next())
        {
            if (reader.Field == Field)
            {
                int length = reader.BytesField().Length;
                _read.Add(request.Slice(reader.Position - length, length));
            }
            else
            {
                reader.Skip();
            }
        }
    }

    /// <summary>The symbol that the request refers to by a number.</summary>
    /// <param name="reference">The number.</param>
    /// <param name="offset">Where it stands.</param>
    /// <exception cref="OtlpFormatException">There is none.</exception>
    public ReadOnlyMemory<byte> Of(ulong reference, int offset) => reference < (ulong)_read.Count ? _read[(int)reference]
        : reference == 0 ? default : throw new OtlpFormatException($"symbol {reference} is referred to, the request has {_read.Count}", offset);

    /// <summary>The number by which what is written refers to a symbol.</summary>
    public ulong ReferenceTo(ReadOnlyMemory<byte> symbol)
    {
        if (!_numbers.TryGetValue(symbol, out int number))
        {
            _numbers.Add(symbol, number = _written.Count);
            _written.Add(symbol);
        }
        return (ulong)number;
    }

    /// <summary>Writes the symbols that were referred to.</summary>
    public void WriteTo(ProtobufWriter writer)
    {
        foreach (ReadOnlyMemory<byte> symbol in _written)
        {
            writer.Bytes(Field, symbol.Span);
        }
    }

    /// <summary>Forgets the request.</summary>
    public void Clear()
    {
        _read.Clear();
        _written.Clear();
        _numbers.Clear();
    }
}
