using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Hashing;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.RemoteWrite;

/// <summary>
/// Decodes Prometheus remote write (prometheus.io/docs/specs/prw: <c>prometheus.WriteRequest</c> of 1.0 and
/// <c>io.prometheus.write.v2.Request</c> of 2.0) straight into columns. Reusable, not thread-safe. A message that is no protobuf leaves
/// nothing behind; a series or sample that makes no sense is rejected and counted.
/// </summary>
/// <param name="index">Gives out series references.</param>
/// <param name="hashKey">Key of the raw identities; the same for all decoders over one index.</param>
public sealed partial class RemoteWriteDecoder(ILabelledSeriesIndex index, UInt128 hashKey)
{
    private const string NameLabel = "__name__";

    /// <summary>
    /// Bytes that the labels of new series may take for each byte of the request, and for any request: a symbol that stands once may be referred
    /// to any number of times.
    /// </summary>
    private const long ExpansionLimit = 64;
    private const long ExpansionAllowance = 1 << 20;

    private readonly List<(int Start, int Length, UInt128 Hash)> _symbols = [];

    /// <summary>What tells a series of 2.0 from others: hashes of its symbols, not their text, which may be long and be referred to often.</summary>
    private readonly List<UInt128> _parts = [];
    private readonly NativeHistogram _histogram = new();
    private readonly RejectedItems _items = new();
    private MetricBlock _block = null!;
    private int _accepted;
    private int _rejected;
    private int _histograms;
    private long _expansion;
    private bool _isRefused;
    private string? _error;

    /// <summary>Times that samples may have.</summary>
    public TimeWindow Window { get; set; } = TimeWindow.All;

    /// <summary>Which items of the last request were rejected, for <c>Decode</c> to pass over them when it is decoded again; empty when none was.</summary>
    public ReadOnlyMemory<byte> RejectedItems => _items.Noted();

    /// <summary>Decodes a request of version 1.0 into <paramref name="block"/>.</summary>
    /// <param name="request">The request.</param>
    /// <param name="block">Takes its samples.</param>
    /// <param name="rejected">What was rejected when it was decoded before, and is passed over (<see cref="RejectedItems"/>).</param>
    /// <exception cref="OtlpFormatException">The bytes are no such message; the block is as it was.</exception>
    public DecodeResult Decode(ReadOnlySpan<byte> request, MetricBlock block, ReadOnlyMemory<byte> rejected = default) => Decode(request, block, rejected, Version1);

    /// <summary>Decodes a request of version 2.0 into <paramref name="block"/>.</summary>
    /// <param name="request">The request.</param>
    /// <param name="block">Takes its samples.</param>
    /// <param name="rejected">What was rejected when it was decoded before, and is passed over (<see cref="RejectedItems"/>).</param>
    /// <exception cref="OtlpFormatException">The bytes are no such message; the block is as it was.</exception>
    public DecodeResult Decode2(ReadOnlySpan<byte> request, MetricBlock block, ReadOnlyMemory<byte> rejected = default) => Decode(request, block, rejected, Version2);

    private delegate void Reader(ReadOnlySpan<byte> request);

    private DecodeResult Decode(ReadOnlySpan<byte> request, MetricBlock block, ReadOnlyMemory<byte> rejected, Reader read)
    {
        _items.Begin(rejected);
        (_block, _accepted, _rejected, _histograms, _error) = (block, 0, 0, 0, null);
        _expansion = ExpansionAllowance + request.Length * ExpansionLimit;
        _histogram.GapsLeft = NativeHistogram.MaxBuckets + request.Length * NativeHistogram.GapsPerByte;
        _exemplarBounds.Begin();
        _exemplarBytes = (long)request.Length * ExemplarExpansion;
        (int Numbers, int Histograms, int Exponential, int Float, int Exemplars) mark = block.Mark();
        try
        {
            read(request);
        }
        catch (OtlpFormatException)
        {
            block.Truncate(mark);
            throw;
        }
        return _exemplarBounds.AddTo(new DecodeResult(_accepted, _rejected, _error) { Histograms = _histograms });
    }

    private void Version1(ReadOnlySpan<byte> request)
    {
        var reader = new ProtobufReader(request);
        while (reader.Next())
        {
            if (reader.Field != 1)
            {
                reader.Skip();
                continue;
            }
            ProtobufReader series = reader.MessageField();
            if (IsKnownWithOneSample(series.Message, out int known, out double value, out long timestamp))
            {
                if (_items.Next())
                {
                    Add(known, value, timestamp, startMs: 0);
                }
                continue;
            }
            FieldRun labels = default;
            ProtobufReader fields = series;
            while (fields.Next())
            {
                if (fields.Field == 1)
                {
                    labels.Add(ref fields);
                }
                else
                {
                    fields.Skip();
                }
            }
            Series(series, labels.Prefix, labels.Hash(series.Message, 1, hashKey), request, isVersion2: false);
        }
    }

    /// <summary>
    /// Whether a series ends with one sample, as senders write it of times between 1971 and 2109, and all before that is the labels of a series that is known: nothing
    /// but labels is known by its hash under this key. Other series are read field by field.
    /// </summary>
    private bool IsKnownWithOneSample(ReadOnlySpan<byte> series, out int known, out double value, out long timestamp)
    {
        // Tags and length: a sample of 16 bytes, a double, a varint of six bytes.
        const int SampleBytes = 18;
        const ulong Begin = 0x09_10_12;
        const ulong BeginMask = 0xFF_FF_FF;
        const ulong End = 0x0080_8080_8080_1000;
        const ulong EndMask = 0x8080_8080_8080_FF00;
        (known, value, timestamp) = (-1, 0, 0);
        int labels = series.Length - SampleBytes;
        if (labels < 0)
        {
            return false;
        }
        ReadOnlySpan<byte> sample = series[labels..];
        ulong end = BinaryPrimitives.ReadUInt64LittleEndian(sample[(SampleBytes - sizeof(ulong))..]);
        if ((BinaryPrimitives.ReadUInt64LittleEndian(sample) & BeginMask) != Begin || (end & EndMask) != End)
        {
            return false;
        }
        value = BinaryPrimitives.ReadDoubleLittleEndian(sample[3..]);
        timestamp = (long)Varint.Sevens(end >> 16);
        return index.TryGet(IdentityHash.Hash(series[..labels], hashKey), out known) && known >= 0;
    }

    private void Version2(ReadOnlySpan<byte> request)
    {
        _symbols.Clear();
        var symbols = new ProtobufReader(request);
        while (symbols.Next())
        {
            if (symbols.Field == 4)
            {
                ReadOnlySpan<byte> symbol = symbols.BytesField();
                _symbols.Add((symbols.Position - symbol.Length, symbol.Length, IdentityHash.Hash(symbol, hashKey)));
            }
            else
            {
                symbols.Skip();
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
            ProtobufReader series = reader.MessageField();
            _parts.Clear();
            ProtobufReader fields = series;
            while (fields.Next())
            {
                switch (fields.Field)
                {
                    case 1 when fields.Type == WireType.LengthDelimited:
                        ProtobufReader refs = fields.MessageField();
                        while (!refs.AtEnd)
                        {
                            _parts.Add(Symbol(refs.Varint()).Hash);
                        }
                        break;
                    case 1:
                        _parts.Add(Symbol(fields.VarintField()).Hash);
                        break;
                    case 5:
                        // The type decides how a series is read, so it is part of what the series is.
                        (int Type, ulong Help, ulong Unit) metadata = default;
                        Metadata(fields.MessageField(), ref metadata);
                        _parts.Add((UInt128)metadata.Type);
                        break;
                    default:
                        fields.Skip();
                        break;
                }
            }
            UInt128 identity = IdentityHash.Hash(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_parts)), hashKey);
            Series(series, 0, identity, request, isVersion2: true);
        }
    }

    /// <summary>Decodes the points of a series, of which there are none in its first <paramref name="prefix"/> bytes.</summary>
    private void Series(ProtobufReader series, int prefix, UInt128 identity, ReadOnlySpan<byte> request, bool isVersion2)
    {
        long startMs = 0;
        ProtobufReader fields = series;
        while (isVersion2 && fields.Next())
        {
            if (fields.Field == 6)
            {
                startMs = (long)fields.VarintField();
            }
            else
            {
                fields.Skip();
            }
        }
        int number = int.MinValue;
        int histograms = -1;
        bool hasExemplars = false;
        _isRefused = false;
        ProtobufReader points = series.From(prefix);
        while (points.Next())
        {
            switch (points.Field)
            {
                case 2:
                    ReadOnlySpan<byte> sample = points.BytesField();
                    if (!_items.Next())
                    {
                        break;
                    }
                    if (number == int.MinValue)
                    {
                        number = Resolve(identity, series, request, isVersion2, histogram: null, []);
                    }
                    Sample(sample, points.Offset - sample.Length, number, isVersion2, startMs);
                    break;
                case 3 when isVersion2:
                case 4 when !isVersion2:
                    ProtobufReader histogram = points.MessageField();
                    if (_items.Next())
                    {
                        histograms = Math.Max(histograms, Histogram(histogram, identity, series, request, isVersion2, startMs));
                    }
                    break;
                case 3 or 4:
                    hasExemplars = true;
                    points.Skip();
                    break;
                default:
                    points.Skip();
                    break;
            }
        }
        if (hasExemplars && _items.Next())
        {
            Exemplars(series, identity, number >= 0 ? number : histograms, request, isVersion2);
        }
    }

    private void Sample(ReadOnlySpan<byte> sample, int offset, int series, bool isVersion2, long startMs)
    {
        if (!IsPlain(sample, out double value, out long timestamp))
        {
            var fields = new ProtobufReader(sample, offset);
            while (fields.Next())
            {
                switch (fields.Field)
                {
                    case 1:
                        value = fields.DoubleField();
                        break;
                    case 2:
                        timestamp = (long)fields.VarintField();
                        break;
                    case 3 when isVersion2:
                        startMs = (long)fields.VarintField();
                        break;
                    default:
                        fields.Skip();
                        break;
                }
            }
        }
        Add(series, value, timestamp, startMs);
    }

    private void Add(int series, double value, long timestamp, long startMs)
    {
        if (series < 0 || !IsTime(timestamp))
        {
            Reject(null);
            return;
        }
        NumberPoints into = _block.Numbers;
        into.Series.Append(series);
        into.TimeNanos.Append(Nanos(timestamp));
        into.StartNanos.Append(Nanos(startMs));
        into.Values.Append(value);
        _accepted++;
    }

    /// <summary>Whether a sample is a value and a time, in this order, as senders write it; the rest of its shapes go field by field.</summary>
    private static bool IsPlain(ReadOnlySpan<byte> sample, out double value, out long timestamp)
    {
        const int ValueEnd = 1 + sizeof(double);
        (value, timestamp) = (0, 0);
        if (sample.Length <= ValueEnd + 1 || sample[0] != ((1 << 3) | (int)WireType.Fixed64) || sample[ValueEnd] != ((2 << 3) | (int)WireType.Varint)
            || Varint.Read(sample[(ValueEnd + 1)..], out ulong time) != sample.Length - ValueEnd - 1)
        {
            return false;
        }
        (value, timestamp) = (BinaryPrimitives.ReadDoubleLittleEndian(sample[1..]), (long)time);
        return true;
    }

    /// <summary>Returns the series; negative when the histogram was rejected.</summary>
    private int Histogram(ProtobufReader message, UInt128 identity, ProtobufReader series, ReadOnlySpan<byte> request, bool isVersion2, long startMs)
    {
        _histogram.Read(message);
        startMs = isVersion2 && _histogram.StartMs != 0 ? _histogram.StartMs : startMs;
        string? wrong = _histogram.Fault();
        if (wrong is not null || !IsTime(_histogram.TimestampMs))
        {
            Reject(wrong);
            return -1;
        }
        MetricKind kind = _histogram.IsFloat || _histogram.IsCustom ? MetricKind.FloatHistogram : MetricKind.ExponentialHistogram;
        int native = Resolve(IdentityOf(kind, identity), series, request, isVersion2, kind, []);
        // One of custom buckets and whole counts is a classic one as well, as indicators of SLOs know it.
        ReadOnlySpan<double> bounds = CollectionsMarshal.AsSpan(_histogram.CustomBounds);
        bool isClassic = _histogram.IsCustom && !_histogram.IsFloat;
        int classic = isClassic && native >= 0 ? Resolve(IdentityOf(MetricKind.Histogram, identity, bounds), series, request, isVersion2, MetricKind.Histogram, bounds) : native;
        if (classic < 0)
        {
            Reject(null);
            return -1;
        }
        if (isClassic)
        {
            _histogram.AppendTo(_block.Histograms, classic, Nanos(startMs));
        }
        if (kind == MetricKind.FloatHistogram)
        {
            _histogram.AppendTo(_block.FloatHistograms, native);
        }
        else
        {
            _histogram.AppendTo(_block.ExponentialHistograms, native, Nanos(startMs));
        }
        _accepted++;
        _histograms++;
        return native;
    }

    /// <summary>What a series of histograms of those labels is known by.</summary>
    private static UInt128 IdentityOf(MetricKind kind, UInt128 identity, ReadOnlySpan<double> bounds = default) => IdentityHash.Hash(
        MemoryMarshal.AsBytes(bounds), identity + (UInt128)(kind switch { MetricKind.Histogram => 1, MetricKind.ExponentialHistogram => 2, _ => 3 }));

    private int Resolve(UInt128 identity, ProtobufReader series, ReadOnlySpan<byte> request, bool isVersion2, MetricKind? histogram, ReadOnlySpan<double> bounds)
    {
        if (_isRefused)
        {
            return -1;
        }
        if (index.TryGet(identity, out int known))
        {
            if (known < 0)
            {
                _error ??= "a series was rejected before";
            }
            return known;
        }
        LabelledSeries? parsed = Parse(series, request, isVersion2, histogram, bounds, out string? rejection);
        if (parsed is null)
        {
            _isRefused = true;
            _error ??= rejection;
            return -1;
        }
        int reference = index.Register(identity, parsed, out rejection);
        _error ??= rejection;
        return reference;
    }

    private ReadOnlySpan<byte> Symbol(ReadOnlySpan<byte> request, ulong reference)
    {
        (int start, int length, _) = Symbol(reference);
        return request.Slice(start, length);
    }

    /// <summary>Where a symbol stands; symbol 0 is empty where none are given.</summary>
    private (int Start, int Length, UInt128 Hash) Symbol(ulong reference)
    {
        if (reference < (ulong)_symbols.Count)
        {
            return _symbols[(int)reference];
        }
        return reference == 0 ? default : throw new OtlpFormatException(
            string.Create(CultureInfo.InvariantCulture, $"symbol {reference} is referred to, the request has {_symbols.Count}"), 0);
    }

    private bool IsTime(long milliseconds)
    {
        if (Window.Contains(Nanos(milliseconds)))
        {
            return true;
        }
        _error ??= Nanos(milliseconds) == 0
            ? string.Create(CultureInfo.InvariantCulture, $"the timestamp {milliseconds} is no time in milliseconds since 1970") : Window.Refusal("the timestamp", Nanos(milliseconds));
        return false;
    }

    private void Reject(string? why)
    {
        _rejected++;
        _items.Reject();
        _error ??= why;
    }

    private static long Nanos(long milliseconds) => milliseconds is > 0 and < long.MaxValue / 1_000_000 ? milliseconds * 1_000_000 : 0;
}
