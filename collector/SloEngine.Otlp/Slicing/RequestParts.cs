using System.Runtime.InteropServices;
using SloEngine.Otlp.Hashing;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.Slicing;

/// <summary>A top-level field of a request: its bytes, tag included, are a message of their own.</summary>
/// <param name="Start">Where its tag begins.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Identity">Hash of what it belongs to: the bytes of the resource (OTLP), or the labels (remote write).</param>
public readonly record struct RequestPart(int Start, int Length, UInt128 Identity);

/// <summary>
/// Takes a request apart at its top-level repeated field, without decoding what is in it: messages of one kind that are put one after the other
/// are one message again (protobuf.dev, "Last One Wins"). Reusable, not thread-safe.
/// </summary>
public sealed class RequestParts
{
    private readonly List<RequestPart> _parts = [];
    private readonly List<(int Start, int Length)> _shared = [];
    private readonly List<UInt128> _symbols = [];

    /// <summary>Resources or series, in the order of the request.</summary>
    public ReadOnlySpan<RequestPart> Parts => CollectionsMarshal.AsSpan(_parts);

    /// <summary>Fields that go along with each slice: the symbols of remote write 2.0, metadata, and what is not known.</summary>
    public ReadOnlySpan<(int Start, int Length)> Shared => CollectionsMarshal.AsSpan(_shared);

    /// <summary>Samples of a remote-write request.</summary>
    public int Samples { get; private set; }

    /// <summary>Native histograms of a remote-write request.</summary>
    public int Histograms { get; private set; }

    /// <summary>Exemplars of it.</summary>
    public int Exemplars { get; private set; }

    /// <summary>Reads an OTLP export request: <c>resource_metrics</c>, <c>resource_logs</c> and <c>resource_spans</c> are field 1, their resource again.</summary>
    /// <exception cref="OtlpFormatException">The bytes are no such message.</exception>
    public void ReadOtlp(ReadOnlySpan<byte> request)
    {
        Clear();
        var reader = new ProtobufReader(request);
        while (reader.Next())
        {
            if (reader.Field != 1)
            {
                Share(ref reader);
                continue;
            }
            int start = reader.FieldStart;
            ProtobufReader message = reader.MessageField();
            _parts.Add(new RequestPart(start, reader.Position - start, SipHash128.Hash(message.Merged(1), UInt128.Zero)));
        }
    }

    /// <summary>Reads <c>prometheus.WriteRequest</c>: <c>timeseries</c> is field 1, its labels field 1, samples 2, histograms 4.</summary>
    /// <exception cref="OtlpFormatException">The bytes are no such message.</exception>
    public void ReadRemoteWrite1(ReadOnlySpan<byte> request)
    {
        Clear();
        var reader = new ProtobufReader(request);
        while (reader.Next())
        {
            if (reader.Field != 1)
            {
                Share(ref reader);
                continue;
            }
            int start = reader.FieldStart;
            ProtobufReader series = reader.MessageField();
            UInt128 identity = UInt128.Zero;
            while (series.Next())
            {
                if (series.Field == 1)
                {
                    identity = SipHash128.Hash(series.BytesField(), identity);
                    continue;
                }
                Samples += series.Field == 2 ? 1 : 0;
                Histograms += series.Field == 4 ? 1 : 0;
                Exemplars += series.Field == 3 ? 1 : 0;
                series.Skip();
            }
            _parts.Add(new RequestPart(start, reader.Position - start, identity));
        }
    }

    /// <summary>
    /// Reads <c>io.prometheus.write.v2.Request</c>: <c>symbols</c> is field 4, <c>timeseries</c> 5, its references to symbols field 1, samples 2,
    /// histograms 3. Series are told apart by the texts that they refer to: references change from request to request.
    /// </summary>
    /// <exception cref="OtlpFormatException">The bytes are no such message.</exception>
    public void ReadRemoteWrite2(ReadOnlySpan<byte> request)
    {
        Clear();
        var symbols = new ProtobufReader(request);
        while (symbols.Next())
        {
            if (symbols.Field == 5)
            {
                symbols.Skip();
                continue;
            }
            bool isSymbol = symbols.Field == 4;
            Share(ref symbols);
            if (isSymbol)
            {
                (int start, int length) = _shared[^1];
                var symbol = new ProtobufReader(request.Slice(start, length));
                symbol.Next();
                _symbols.Add(SipHash128.Hash(symbol.BytesField(), UInt128.Zero));
            }
        }
        var reader = new ProtobufReader(request);
        while (reader.Next())
        {
            if (reader.Field != 5)
            {
                reader.Skip();
                continue;
            }
            int start = reader.FieldStart;
            UInt128 identity = Series2(reader.MessageField());
            _parts.Add(new RequestPart(start, reader.Position - start, identity));
        }
    }

    private UInt128 Series2(ProtobufReader series)
    {
        UInt128 identity = UInt128.Zero;
        while (series.Next())
        {
            if (series.Field == 1 && series.Type == WireType.LengthDelimited)
            {
                ProtobufReader references = series.MessageField();
                while (!references.AtEnd)
                {
                    identity = Chain(identity, references.Varint(), series);
                }
                continue;
            }
            if (series.Field == 1)
            {
                identity = Chain(identity, series.VarintField(), series);
                continue;
            }
            Samples += series.Field == 2 ? 1 : 0;
            Histograms += series.Field == 3 ? 1 : 0;
            Exemplars += series.Field == 4 ? 1 : 0;
            series.Skip();
        }
        return identity;
    }

    private UInt128 Chain(UInt128 identity, ulong reference, ProtobufReader at)
    {
        if (reference >= (ulong)_symbols.Count)
        {
            at.Fail($"a label refers to symbol {reference}, and there are {_symbols.Count}");
        }
        UInt128 symbol = _symbols[(int)reference];
        return SipHash128.Hash(MemoryMarshal.AsBytes(new ReadOnlySpan<UInt128>(in symbol)), identity);
    }

    private void Share(ref ProtobufReader reader)
    {
        int start = reader.FieldStart;
        reader.Skip();
        _shared.Add((start, reader.Position - start));
    }

    private void Clear()
    {
        _parts.Clear();
        _shared.Clear();
        _symbols.Clear();
        (Samples, Histograms, Exemplars) = (0, 0, 0);
    }
}
