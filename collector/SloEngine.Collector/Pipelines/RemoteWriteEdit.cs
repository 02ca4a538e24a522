using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Collector.Pipelines;

/// <summary>
/// Writes a request of Prometheus remote write anew (prometheus.io/docs/specs/prw) with the labels of its series and exemplars edited and without the
/// series that fit a filter. Of version 2.0 the symbols are those that are still referred to: what is redacted stands nowhere. The label
/// <c>__name__</c> is the metric's name and stays as it is. Reusable, not thread-safe.
/// </summary>
/// <param name="isVersion2">Whether labels refer to symbols.</param>
/// <param name="steps">The steps, in order.</param>
/// <param name="count">Told how often a step did something.</param>
internal sealed class RemoteWriteEdit(bool isVersion2, IReadOnlyList<PipelineStep> steps, Action<PipelineStep, int> count)
{
    /// <summary>Bytes of labels that are looked at for each byte of the request, and of any request: one symbol may be referred to any number of times.</summary>
    private const long ExpansionLimit = 64;
    private const long ExpansionAllowance = 1 << 20;

    private readonly ProtobufWriter _writer = new();
    private readonly ProtobufWriter _references = new();
    private readonly SymbolTable _symbols = new();
    private readonly LabelEdits _edits = new(steps);
    private RemoteWriteItems _filtered;
    private long _expansion;

    /// <summary>What was in the series that filters left out of the last request.</summary>
    public RemoteWriteItems Filtered => _filtered;

    /// <summary>The edited request, valid until the next call.</summary>
    /// <exception cref="OtlpFormatException">The bytes are no such message, or its labels take too much room for its size.</exception>
    public ReadOnlyMemory<byte> Apply(ReadOnlyMemory<byte> request)
    {
        try
        {
            _writer.Clear();
            _filtered = default;
            _expansion = ExpansionAllowance + (request.Length * ExpansionLimit);
            Write(request);
            _edits.Tell(count);
            return _writer.Written;
        }
        finally
        {
            // Labels and symbols are parts of the request, whose memory is others' from here on.
            _edits.Clear();
            _symbols.Clear();
        }
    }

    private void Write(ReadOnlyMemory<byte> request)
    {
        int seriesField = isVersion2 ? 5 : 1;
        if (isVersion2)
        {
            _symbols.Read(request);
        }
        var reader = new ProtobufReader(request.Span);
        int unwritten = 0;
        while (reader.Next())
        {
            bool isSymbol = isVersion2 && reader.Field == SymbolTable.Field;
            if (reader.Field != seriesField && !isSymbol)
            {
                reader.Skip();
                continue;
            }
            _writer.Encoded(request.Span[unwritten..reader.FieldStart]);
            int length = reader.BytesField().Length;
            if (!isSymbol)
            {
                Series(request.Slice(reader.Position - length, length), reader.Position - length);
            }
            unwritten = reader.Position;
        }
        _writer.Encoded(request.Span[unwritten..]);
        _symbols.WriteTo(_writer);
    }

    private void Series(ReadOnlyMemory<byte> series, int offset)
    {
        ReadLabels(series, offset);
        int exemplarField = isVersion2 ? 4 : 3;
        if (!_edits.Apply(filters: true))
        {
            Leave(series, offset, exemplarField, histogramField: isVersion2 ? 3 : 4);
            return;
        }
        int start = _writer.Begin(isVersion2 ? 5 : 1);
        WriteLabels();
        var reader = new ProtobufReader(series.Span, offset);
        while (reader.Next())
        {
            int field = reader.FieldStart;
            if (reader.Field == 1)
            {
                reader.Skip();
            }
            else if (reader.Field == exemplarField)
            {
                int length = reader.BytesField().Length;
                Exemplar(series.Slice(reader.Position - length, length), offset + reader.Position - length, exemplarField);
            }
            else if (isVersion2 && reader.Field == 5)
            {
                int length = reader.BytesField().Length;
                Metadata(series.Slice(reader.Position - length, length), offset + reader.Position - length);
            }
            else
            {
                reader.Skip();
                _writer.Encoded(series.Span[field..reader.Position]);
            }
        }
        _writer.End(start);
    }

    /// <summary>Counts what is in a series that is left out.</summary>
    private void Leave(ReadOnlyMemory<byte> series, int offset, int exemplarField, int histogramField)
    {
        (int samples, int histograms, int exemplars) = _filtered;
        var reader = new ProtobufReader(series.Span, offset);
        while (reader.Next())
        {
            samples += reader.Field == 2 ? 1 : 0;
            histograms += reader.Field == histogramField ? 1 : 0;
            exemplars += reader.Field == exemplarField ? 1 : 0;
            reader.Skip();
        }
        _filtered = new RemoteWriteItems(samples, histograms, exemplars);
    }

    private void Exemplar(ReadOnlyMemory<byte> exemplar, int offset, int field)
    {
        ReadLabels(exemplar, offset);
        _edits.Apply(filters: false);
        int start = _writer.Begin(field);
        WriteLabels();
        var reader = new ProtobufReader(exemplar.Span, offset);
        while (reader.Next())
        {
            int own = reader.FieldStart;
            reader.Skip();
            if (reader.Field != 1)
            {
                _writer.Encoded(exemplar.Span[own..reader.Position]);
            }
        }
        _writer.End(start);
    }

    /// <summary>Help and unit are symbols, too.</summary>
    private void Metadata(ReadOnlyMemory<byte> metadata, int offset)
    {
        int start = _writer.Begin(5);
        var reader = new ProtobufReader(metadata.Span, offset);
        while (reader.Next())
        {
            int own = reader.FieldStart;
            if (reader.Field is 3 or 4)
            {
                int field = reader.Field;
                _writer.Varint(field, _symbols.ReferenceTo(_symbols.Of(reader.VarintField(), offset)));
            }
            else
            {
                reader.Skip();
                _writer.Encoded(metadata.Span[own..reader.Position]);
            }
        }
        _writer.End(start);
    }

    private void ReadLabels(ReadOnlyMemory<byte> message, int offset)
    {
        _edits.Labels.Clear();
        var reader = new ProtobufReader(message.Span, offset);
        ReadOnlyMemory<byte>? name = null;
        while (reader.Next())
        {
            if (reader.Field != 1)
            {
                reader.Skip();
            }
            else if (!isVersion2)
            {
                int length = reader.BytesField().Length;
                ReadOnlyMemory<byte> label = message.Slice(reader.Position - length, length);
                Add(Last(label, 1, offset), Last(label, 2, offset));
            }
            else if (reader.Type == WireType.LengthDelimited)
            {
                ProtobufReader references = reader.MessageField();
                while (!references.AtEnd)
                {
                    Refer(references.Varint());
                }
            }
            else
            {
                Refer(reader.VarintField());
            }
        }
        if (name is not null)
        {
            throw new OtlpFormatException("a label has no value: labels_refs is to hold pairs", offset);
        }

        void Refer(ulong reference)
        {
            ReadOnlyMemory<byte> symbol = _symbols.Of(reference, offset);
            if (name is { } known)
            {
                Add(known, symbol);
                name = null;
            }
            else
            {
                name = symbol;
            }
        }

        void Add(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value)
        {
            _expansion -= key.Length + value.Length;
            _edits.Labels.Add(_expansion >= 0 ? new Label(key, value)
                : throw new OtlpFormatException("the labels of the request's series take too much room for its size", offset));
        }
    }

    private static ReadOnlyMemory<byte> Last(ReadOnlyMemory<byte> message, int field, int offset)
    {
        ReadOnlyMemory<byte> last = default;
        var reader = new ProtobufReader(message.Span, offset);
        while (reader.Next())
        {
            if (reader.Field == field)
            {
                int length = reader.BytesField().Length;
                last = message.Slice(reader.Position - length, length);
            }
            else
            {
                reader.Skip();
            }
        }
        return last;
    }

    private void WriteLabels()
    {
        if (!isVersion2)
        {
            foreach (Label label in _edits.Labels)
            {
                int start = _writer.Begin(1);
                _writer.Bytes(1, label.Name.Span);
                _writer.Bytes(2, label.Value.Span);
                _writer.End(start);
            }
            return;
        }
        _references.Clear();
        foreach (Label label in _edits.Labels)
        {
            _references.Element(_symbols.ReferenceTo(label.Name));
            _references.Element(_symbols.ReferenceTo(label.Value));
        }
        _writer.Bytes(1, _references.Written.Span);
    }
}
