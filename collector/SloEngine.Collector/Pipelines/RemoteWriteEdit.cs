using System.Security.Cryptography;
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
    private readonly List<ReadOnlyMemory<byte>> _symbols = [];
    private readonly List<ReadOnlyMemory<byte>> _written = [];
    private readonly Dictionary<ReadOnlyMemory<byte>, int> _numbers = new(BytesComparer.Instance);
    private readonly List<Label> _labels = [];
    private readonly int[] _hits = new int[steps.Count];
    private RemoteWriteItems _filtered;
    private long _expansion;

    /// <summary>A label; equal to itself alone, not to one of the same text.</summary>
    private readonly record struct Label(ReadOnlyMemory<byte> Name, ReadOnlyMemory<byte> Value)
    {
        public bool IsMetricName => Name.Span.SequenceEqual("__name__"u8);
    }

    /// <summary>What was in the series that filters left out of the last request.</summary>
    public RemoteWriteItems Filtered => _filtered;

    /// <summary>The edited request, valid until the next call.</summary>
    /// <exception cref="OtlpFormatException">The bytes are no such message, or its labels take too much room for its size.</exception>
    public ReadOnlyMemory<byte> Apply(ReadOnlyMemory<byte> request)
    {
        _writer.Clear();
        _written.Clear();
        _numbers.Clear();
        Array.Clear(_hits);
        _filtered = default;
        _expansion = ExpansionAllowance + (request.Length * ExpansionLimit);
        int seriesField = isVersion2 ? 5 : 1;
        ReadSymbols(request);
        var reader = new ProtobufReader(request.Span);
        int unwritten = 0;
        while (reader.Next())
        {
            bool isSymbol = isVersion2 && reader.Field == 4;
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
        foreach (ReadOnlyMemory<byte> symbol in _written)
        {
            _writer.Bytes(4, symbol.Span);
        }
        for (int step = 0; step < steps.Count; step++)
        {
            if (_hits[step] > 0)
            {
                count(steps[step], _hits[step]);
            }
        }
        return _writer.Written;
    }

    private void ReadSymbols(ReadOnlyMemory<byte> request)
    {
        _symbols.Clear();
        if (!isVersion2)
        {
            return;
        }
        // Symbol 0 is the empty one.
        Reference(default);
        var reader = new ProtobufReader(request.Span);
        while (reader.Next())
        {
            if (reader.Field == 4)
            {
                int length = reader.BytesField().Length;
                _symbols.Add(request.Slice(reader.Position - length, length));
            }
            else
            {
                reader.Skip();
            }
        }
    }

    private void Series(ReadOnlyMemory<byte> series, int offset)
    {
        ReadLabels(series, offset);
        int exemplarField = isVersion2 ? 4 : 3;
        if (!Edit(filters: true))
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
        Edit(filters: false);
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
                _writer.Varint(field, (ulong)Reference(Symbol(reader.VarintField(), offset)));
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
        _labels.Clear();
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
            ReadOnlyMemory<byte> symbol = Symbol(reference, offset);
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
            _labels.Add(_expansion >= 0 ? new Label(key, value)
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

    private ReadOnlyMemory<byte> Symbol(ulong reference, int offset) => reference < (ulong)_symbols.Count ? _symbols[(int)reference]
        : reference == 0 ? default : throw new OtlpFormatException($"symbol {reference} is referred to, the request has {_symbols.Count}", offset);

    private void WriteLabels()
    {
        if (!isVersion2)
        {
            foreach (Label label in _labels)
            {
                int start = _writer.Begin(1);
                _writer.Bytes(1, label.Name.Span);
                _writer.Bytes(2, label.Value.Span);
                _writer.End(start);
            }
            return;
        }
        _references.Clear();
        foreach (Label label in _labels)
        {
            _references.Element((ulong)Reference(label.Name));
            _references.Element((ulong)Reference(label.Value));
        }
        _writer.Bytes(1, _references.Written.Span);
    }

    private int Reference(ReadOnlyMemory<byte> symbol)
    {
        if (!_numbers.TryGetValue(symbol, out int number))
        {
            _numbers.Add(symbol, number = _written.Count);
            _written.Add(symbol);
        }
        return number;
    }

    /// <summary>Applies the steps to the labels that were read; false when a filter drops their series.</summary>
    private bool Edit(bool filters)
    {
        for (int step = 0; step < steps.Count; step++)
        {
            if (steps[step] is FilterStep filter)
            {
                if (filters && Fits(filter.Filter))
                {
                    _hits[step]++;
                    return false;
                }
                continue;
            }
            var rename = steps[step] as RenameStep;
            bool[] held = rename is null ? [] : Held(rename.Names);
            int kept = 0;
            for (int index = 0; index < _labels.Count; index++)
            {
                Label label = _labels[index];
                Label? edited = label.IsMetricName ? label : rename is not null && GivesWay(rename.Names, held, label) ? null : Edited(steps[step], label);
                _hits[step] += edited == label || (rename is not null && edited is null) ? 0 : 1;
                if (edited is { } changed)
                {
                    _labels[kept++] = changed;
                }
            }
            _labels.RemoveRange(kept, _labels.Count - kept);
        }
        return true;
    }

    /// <summary>What a step makes of a label; null when it drops it.</summary>
    private static Label? Edited(PipelineStep step, Label label)
    {
        switch (step)
        {
            case DropStep drop when drop.Keys.Contains(label.Name.Span):
                return null;
            case RenameStep rename when NewName(rename.Names, label) is { } name:
                return label with { Name = name };
            case HashStep hash when !label.Value.IsEmpty && hash.Keys.Contains(label.Name.Span):
                return label with { Value = Hashed(hash.Salt, label.Value.Span) };
            case RedactStep redact:
                ReadOnlySpan<byte> redacted = redact.Redactor.RedactValue(label.Name.Span, label.Value.Span);
                return redacted == label.Value.Span ? label : label with { Value = redacted.ToArray() };
            default:
                return label;
        }
    }

    /// <summary>Which of the names that are renamed the labels have: read once, for all of them may have to give way.</summary>
    private bool[] Held(IReadOnlyList<(byte[] From, byte[] To)> names)
    {
        bool[] held = new bool[names.Count];
        foreach (Label label in _labels)
        {
            for (int index = 0; index < held.Length; index++)
            {
                held[index] |= label.Name.Span.SequenceEqual(names[index].From);
            }
        }
        return held;
    }

    /// <summary>Whether another label beside this one is about to get its name.</summary>
    private static bool GivesWay(IReadOnlyList<(byte[] From, byte[] To)> names, bool[] held, Label label)
    {
        for (int index = 0; index < held.Length; index++)
        {
            if (held[index] && label.Name.Span.SequenceEqual(names[index].To) && NewName(names, label) is null)
            {
                return true;
            }
        }
        return false;
    }

    private static byte[]? NewName(IReadOnlyList<(byte[] From, byte[] To)> names, Label label)
    {
        foreach ((byte[] from, byte[] to) in names)
        {
            if (label.Name.Span.SequenceEqual(from))
            {
                return to;
            }
        }
        return null;
    }

    private static byte[] Hashed(byte[] salt, ReadOnlySpan<byte> value)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sha.AppendData(salt);
        sha.AppendData(value);
        sha.GetHashAndReset(hash);
        byte[] hex = new byte[2 * SHA256.HashSizeInBytes];
        Convert.TryToHexStringLower(hash, hex, out _);
        return hex;
    }

    private bool Fits(TelemetryFilter filter)
    {
        bool fits = (filter.Services is null || ((TryFind("service_name"u8, out ReadOnlySpan<byte> service) || TryFind("job"u8, out service)) && filter.Services.Contains(service)))
            && (filter.Names is null || (TryFind("__name__"u8, out ReadOnlySpan<byte> name) && filter.Names.Contains(name)));
        foreach ((byte[] key, KeySet values) in filter.Attributes)
        {
            fits = fits && TryFind(key, out ReadOnlySpan<byte> value) && values.Contains(value);
        }
        return fits;
    }

    private bool TryFind(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        foreach (Label label in _labels)
        {
            if (label.Name.Span.SequenceEqual(name))
            {
                value = label.Value.Span;
                return true;
            }
        }
        value = default;
        return false;
    }

    private sealed class BytesComparer : IEqualityComparer<ReadOnlyMemory<byte>>
    {
        public static readonly BytesComparer Instance = new();

        public bool Equals(ReadOnlyMemory<byte> one, ReadOnlyMemory<byte> other) => one.Span.SequenceEqual(other.Span);

        public int GetHashCode(ReadOnlyMemory<byte> bytes)
        {
            var hash = new HashCode();
            hash.AddBytes(bytes.Span);
            return hash.ToHashCode();
        }
    }
}
