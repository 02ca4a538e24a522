using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Google.Protobuf;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.RemoteWrite;
using SloEngine.Otlp.Resources;
using SloEngine.Otlp.Tests.Oracle.Otlp;

namespace SloEngine.Otlp.Tests.Oracle;

/// <summary>One text a row, so that what a generated reader read and what stands in the columns compare as lines. Doubles stand by their bits.</summary>
internal static class Rows
{
    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Line(params object[] fields) => string.Join(" | ", fields.Select(Field));

    public static string Attributes(IEnumerable<KeyValue> attributes) =>
        "{" + string.Join(", ", attributes.Select(pair => $"{pair.Key}={Value(pair.Value)}")) + "}";

    public static string Attributes(AttributesColumn column, int row)
    {
        (int start, int length) = column.Row(row);
        return "{" + string.Join(", ", Enumerable.Range(start, length).Select(entry =>
            $"{Text(column.Keys, entry)}={(char)column.Types[entry]}:{Text(column.Values, entry)}")) + "}";
    }

    /// <summary>Whether attributes are not too many, or too large, for an exemplar.</summary>
    public static bool Fit(IEnumerable<(string Key, string Value)> attributes) =>
        attributes.Count() <= 64 && attributes.Sum(pair => Encoding.UTF8.GetByteCount(pair.Key) + Encoding.UTF8.GetByteCount(pair.Value)) <= 4096;

    /// <summary>Type letter and text of a value.</summary>
    public static string Value(AnyValue? value) => value?.ValueCase switch
    {
        AnyValue.ValueOneofCase.StringValue => "s:" + value.StringValue,
        AnyValue.ValueOneofCase.BoolValue => "b:" + (value.BoolValue ? "true" : "false"),
        AnyValue.ValueOneofCase.IntValue => "i:" + value.IntValue.ToString(CultureInfo.InvariantCulture),
        AnyValue.ValueOneofCase.DoubleValue => "d:" + value.DoubleValue.ToString("R", CultureInfo.InvariantCulture),
        AnyValue.ValueOneofCase.BytesValue => "y:" + value.BytesValue.ToBase64(),
        AnyValue.ValueOneofCase.ArrayValue => "a:" + Json(value),
        AnyValue.ValueOneofCase.KvlistValue => "k:" + Json(value),
        _ => "e:",
    };

    public static string Text(BytesColumn column, int row) => Encoding.UTF8.GetString(column[row]);

    public static string Id<T>(T value)
        where T : unmanaged => Convert.ToHexString(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));

    /// <summary>An id of the wire in hexadecimal; zeros for one that has another length.</summary>
    public static string Id(ByteString id, int bytes) => id.Length == bytes ? Convert.ToHexString(id.Span) : new string('0', bytes * 2);

    private static string Field(object field) => field switch
    {
        double number => BitConverter.DoubleToUInt64Bits(number).ToString("x", CultureInfo.InvariantCulture),
        IEnumerable<double> numbers => "[" + string.Join(' ', numbers.Select(number => Field(number))) + "]",
        IEnumerable<ulong> numbers => "[" + string.Join(' ', numbers) + "]",
        _ => Convert.ToString(field, CultureInfo.InvariantCulture)!,
    };

    private static string Json(AnyValue? value) => value?.ValueCase switch
    {
        AnyValue.ValueOneofCase.StringValue => JsonSerializer.Serialize(value.StringValue, Relaxed),
        AnyValue.ValueOneofCase.BoolValue => value.BoolValue ? "true" : "false",
        AnyValue.ValueOneofCase.IntValue => value.IntValue.ToString(CultureInfo.InvariantCulture),
        AnyValue.ValueOneofCase.DoubleValue when double.IsFinite(value.DoubleValue) => JsonSerializer.Serialize(value.DoubleValue),
        AnyValue.ValueOneofCase.DoubleValue => $"\"{value.DoubleValue.ToString(CultureInfo.InvariantCulture)}\"",
        AnyValue.ValueOneofCase.BytesValue => $"\"{value.BytesValue.ToBase64()}\"",
        AnyValue.ValueOneofCase.ArrayValue => "[" + string.Join(',', value.ArrayValue.Values.Select(Json)) + "]",
        AnyValue.ValueOneofCase.KvlistValue =>
            "{" + string.Join(',', value.KvlistValue.Values.Select(pair => JsonSerializer.Serialize(pair.Key, Relaxed) + ":" + Json(pair.Value))) + "}",
        _ => "null",
    };
}

/// <summary>Series and resources as lines, by the references given out for them.</summary>
internal sealed class TextIndex : ISeriesIndex, IResourceIndex, ILabelledSeriesIndex
{
    private readonly Dictionary<UInt128, int> _byIdentity = [];
    private readonly List<string> _lines = [];
    private readonly Dictionary<int, string> _labels = [];

    public string this[int reference] => _lines[reference];

    /// <summary>Name and labels of a series of remote write, which do not say whether it is one of histograms.</summary>
    public string Labels(int reference) => _labels.GetValueOrDefault(reference, _lines[reference]);

    public bool TryGet(UInt128 identity, out int reference) => _byIdentity.TryGetValue(identity, out reference);

    public int Register(in RawSeries series, out string? rejection)
    {
        rejection = null;
        using AttributesColumn attributes = AttributeSet.Decode(series.Point, series.AttributesField);
        return Add(series.Identity, Rows.Line(
            Encoding.UTF8.GetString(series.Name), Encoding.UTF8.GetString(series.Unit), series.Kind, series.Temporality, series.Part, series.Quantile,
            series.Bounds.ToArray(), Rows.Line(Resource(series.Resource, series.Scope), Encoding.UTF8.GetString(series.SchemaUrl)), Rows.Attributes(attributes, 0)));
    }

    public int Register(in RawResource resource, out string? rejection)
    {
        rejection = null;
        return Add(resource.Identity, Resource(resource.Resource, resource.Scope));
    }

    public int Register(UInt128 identity, LabelledSeries series, out string? rejection)
    {
        rejection = null;
        string labels = string.Join(", ", series.Labels.Select(label => $"{label.Key}={label.Value}"));
        int reference = Add(identity, Rows.Line(series.Metric, series.Kind, series.Unit, series.Help, labels, series.Bounds));
        _labels[reference] = Rows.Line(series.Metric, labels);
        return reference;
    }

    private static string Resource(ReadOnlySpan<byte> resource, ReadOnlySpan<byte> scope)
    {
        using AttributesColumn resourceAttributes = AttributeSet.Decode(resource, 1);
        using AttributesColumn scopeAttributes = AttributeSet.Decode(scope, 3);
        (string name, string version) = AttributeSet.Scope(scope);
        return Rows.Line(
            Rows.Attributes(resourceAttributes, 0), name, version, Rows.Attributes(scopeAttributes, 0), AttributeSet.Dropped(resource, 2), AttributeSet.Dropped(scope, 4));
    }

    private int Add(UInt128 identity, string line)
    {
        _byIdentity.Add(identity, _lines.Count);
        _lines.Add(line);
        return _lines.Count - 1;
    }
}
