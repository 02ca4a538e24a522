using System.Buffers;
using System.Runtime.InteropServices;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.RemoteWrite;

/// <content>
/// Exemplars. Senders put them into messages of their own as well, without samples: then the series is the one of floats that was met
/// before, or else that of native histograms.
/// </content>
public sealed partial class RemoteWriteDecoder
{
    /// <summary>Bytes of exemplars' labels for each byte of the request: a symbol may be referred to any number of times.</summary>
    private const int ExemplarExpansion = 16;

    private readonly ExemplarBounds _exemplarBounds = new();
    private long _exemplarBytes;

    private void Exemplars(ProtobufReader series, UInt128 identity, int number, ReadOnlySpan<byte> request, bool isVersion2)
    {
        if (number < 0 && !_isRefused && !index.TryGet(identity, out number) && !index.TryGet(IdentityOf(MetricKind.ExponentialHistogram, identity), out number)
            && !index.TryGet(IdentityOf(MetricKind.FloatHistogram, identity), out number))
        {
            // A series that cannot be is told of by its exemplars alone, when it has no samples.
            string? error = _error;
            number = Resolve(identity, series, request, isVersion2, histogram: null, []);
            _error = error;
        }
        if (number < 0)
        {
            // All of them are rejected with their series, as one item.
            _items.Reject();
        }
        while (series.Next())
        {
            if (series.Field != (isVersion2 ? 4 : 3))
            {
                series.Skip();
                continue;
            }
            int row = _block.Exemplars.Count;
            ProtobufReader exemplar = series.MessageField();
            if (number >= 0 && !_items.Next())
            {
                continue;
            }
            string? refusal = Exemplar(exemplar, number, request, isVersion2);
            if (refusal is null)
            {
                _exemplarBounds.Keep();
                continue;
            }
            if (number >= 0)
            {
                _items.Reject();
            }
            _block.Exemplars.Truncate(row);
            if (_exemplarBounds.Drop())
            {
                _exemplarBounds.Tell(refusal);
            }
        }
    }

    /// <summary><c>Exemplar</c>; returns why it cannot be kept, or null.</summary>
    private string? Exemplar(ProtobufReader exemplar, int series, ReadOnlySpan<byte> request, bool isVersion2)
    {
        ExemplarColumns into = _block.Exemplars;
        double value = 0;
        long timestamp = 0;
        var labels = new ExemplarLabels();
        while (exemplar.Next())
        {
            switch (exemplar.Field)
            {
                case 1 when !isVersion2:
                    labels.Add(exemplar.MessageField(), into.Attributes);
                    break;
                case 1 when exemplar.Type == WireType.LengthDelimited:
                    ProtobufReader references = exemplar.MessageField();
                    while (!references.AtEnd)
                    {
                        labels.Add(ExemplarSymbol(request, references.Varint()), into.Attributes);
                    }
                    break;
                case 1:
                    labels.Add(ExemplarSymbol(request, exemplar.VarintField()), into.Attributes);
                    break;
                case 2:
                    value = exemplar.DoubleField();
                    break;
                case 3:
                    timestamp = (long)exemplar.VarintField();
                    break;
                default:
                    exemplar.Skip();
                    break;
            }
        }
        string? refusal = series < 0 ? "the series was rejected"
            : Nanos(timestamp) == 0 ? "the timestamp of an exemplar is no time in milliseconds since 1970"
            : !Window.Contains(Nanos(timestamp)) ? Window.Refusal("the timestamp of an exemplar", Nanos(timestamp))
            : labels.IsOdd ? "labels_refs of an exemplar is to hold pairs"
            : _exemplarBytes < 0 ? "the labels of the request's exemplars take too much room for its size"
            : _exemplarBounds.Refusal(into);
        if (refusal is null)
        {
            into.EndRow(series, Nanos(timestamp), value, labels.TraceId, labels.SpanId);
        }
        return refusal;
    }

    /// <summary>The text of a symbol; empty once the request has made too much of its symbols.</summary>
    private ReadOnlySpan<byte> ExemplarSymbol(ReadOnlySpan<byte> request, ulong reference)
    {
        ReadOnlySpan<byte> symbol = Symbol(request, reference);
        _exemplarBytes -= symbol.Length;
        return _exemplarBytes < 0 ? default : symbol;
    }

    /// <summary>The labels of an exemplar: those that Prometheus gives the ids of a span become ids.</summary>
    private ref struct ExemplarLabels
    {
        private ReadOnlySpan<byte> _name;

        public UInt128 TraceId { get; private set; }

        public ulong SpanId { get; private set; }

        /// <summary>Whether a name is left without its value.</summary>
        public bool IsOdd { get; private set; }

        /// <summary>Names and values in turn.</summary>
        public void Add(ReadOnlySpan<byte> symbol, AttributesColumn into)
        {
            IsOdd = !IsOdd;
            if (IsOdd)
            {
                _name = symbol;
            }
            else
            {
                Add(_name, symbol, into);
            }
        }

        /// <summary><c>Label</c></summary>
        public void Add(ProtobufReader label, AttributesColumn into)
        {
            ReadOnlySpan<byte> name = default;
            ReadOnlySpan<byte> value = default;
            while (label.Next())
            {
                switch (label.Field)
                {
                    case 1:
                        name = label.BytesField();
                        break;
                    case 2:
                        value = label.BytesField();
                        break;
                    default:
                        label.Skip();
                        break;
                }
            }
            Add(name, value, into);
        }

        private void Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, AttributesColumn into)
        {
            if (name.IsEmpty || value.IsEmpty)
            {
                return;
            }
            if (name.SequenceEqual("trace_id"u8) && TraceId == 0 && TryId(value, out UInt128 trace))
            {
                TraceId = trace;
            }
            else if (name.SequenceEqual("span_id"u8) && SpanId == 0 && TryId(value, out ulong span))
            {
                SpanId = span;
            }
            else
            {
                into.Add(AttributeReader.ValidText(name), AttributeReader.ValidText(value), AttributeType.Text);
            }
        }

        /// <summary>An id in lower-case hexadecimal, as it is written again; any other text stays a label.</summary>
        private static bool TryId<T>(ReadOnlySpan<byte> text, out T id)
            where T : unmanaged
        {
            id = default;
            Span<byte> bytes = MemoryMarshal.AsBytes(new Span<T>(ref id));
            return text.Length == bytes.Length * 2 && !text.ContainsAnyInRange((byte)'A', (byte)'F')
                && Convert.FromHexString(text, bytes, out _, out _) == OperationStatus.Done;
        }
    }
}
