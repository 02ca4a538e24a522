using System.Text;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.RemoteWrite;

/// <content>Series that are met for the first time: their labels and what their metric is.</content>
public sealed partial class RemoteWriteDecoder
{
    private LabelledSeries? Parse(
        ProtobufReader series, ReadOnlySpan<byte> request, bool isVersion2, MetricKind? histogram, ReadOnlySpan<double> bounds, out string? rejection)
    {
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        (int Type, ulong Help, ulong Unit) metadata = default;
        rejection = null;
        string? pending = null;
        while (series.Next())
        {
            switch (series.Field)
            {
                case 1 when !isVersion2:
                    (string labelName, string labelValue) = Label(series.MessageField());
                    Add(labelName, labelValue, ref rejection);
                    break;
                case 1 when series.Type == WireType.LengthDelimited:
                    ProtobufReader refs = series.MessageField();
                    while (!refs.AtEnd)
                    {
                        Reference(Text(request, refs.Varint(), ref rejection), ref rejection);
                    }
                    break;
                case 1:
                    Reference(Text(request, series.VarintField(), ref rejection), ref rejection);
                    break;
                case 5 when isVersion2:
                    Metadata(series.MessageField(), ref metadata);
                    break;
                default:
                    series.Skip();
                    break;
            }
        }
        string unit = isVersion2 ? Text(request, metadata.Unit, ref rejection) : "";
        string help = isVersion2 ? Text(request, metadata.Help, ref rejection) : "";
        if (!labels.Remove(NameLabel, out string? metric))
        {
            rejection ??= "a series has no label __name__";
        }
        if (pending is not null)
        {
            rejection ??= $"the label {pending} has no value: labels_refs is to hold pairs";
        }
        if (rejection is not null)
        {
            return null;
        }
        MetricKind kind = histogram ?? Kind(metric!, metadata.Type);
        return new LabelledSeries(metric!, kind, unit, help, [.. labels], bounds.ToArray());

        void Reference(string value, ref string? rejection)
        {
            if (pending is null)
            {
                pending = value;
                return;
            }
            Add(pending, value, ref rejection);
            pending = null;
        }

        void Add(string name, string value, ref string? rejection)
        {
            if (name.Length == 0)
            {
                rejection ??= "a label has no name";
            }
            else if (value.Length > 0 && !labels.TryAdd(name, value))
            {
                rejection ??= $"the label {name} is given twice";
            }
        }
    }

    private static (string Name, string Value) Label(ProtobufReader label)
    {
        string name = "";
        string value = "";
        while (label.Next())
        {
            switch (label.Field)
            {
                case 1:
                    name = Encoding.UTF8.GetString(AttributeReader.ValidText(label.BytesField()));
                    break;
                case 2:
                    value = Encoding.UTF8.GetString(AttributeReader.ValidText(label.BytesField()));
                    break;
                default:
                    label.Skip();
                    break;
            }
        }
        return (name, value);
    }

    private static void Metadata(ProtobufReader message, ref (int Type, ulong Help, ulong Unit) metadata)
    {
        while (message.Next())
        {
            switch (message.Field)
            {
                case 1:
                    metadata.Type = (int)message.VarintField();
                    break;
                case 3:
                    metadata.Help = message.VarintField();
                    break;
                case 4:
                    metadata.Unit = message.VarintField();
                    break;
                default:
                    message.Skip();
                    break;
            }
        }
    }

    /// <summary>Kind of a float series: counters, and the parts of classic histograms and summaries, only rise.</summary>
    private static MetricKind Kind(string metric, int type)
    {
        const int Counter = 1;
        const int Gauge = 2;
        bool rises = metric.EndsWith("_total", StringComparison.Ordinal) || metric.EndsWith("_bucket", StringComparison.Ordinal)
            || metric.EndsWith("_count", StringComparison.Ordinal) || metric.EndsWith("_sum", StringComparison.Ordinal);
        return type == Counter || (type != Gauge && rises) ? MetricKind.Counter : MetricKind.Gauge;
    }

    /// <summary>The text of a symbol for a new series; empty, with a rejection, once the request has made too much of it.</summary>
    private string Text(ReadOnlySpan<byte> request, ulong reference, ref string? rejection)
    {
        ReadOnlySpan<byte> symbol = Symbol(request, reference);
        _expansion -= symbol.Length;
        if (_expansion < 0)
        {
            rejection ??= "the labels of the request's series take too much room for its size";
            return "";
        }
        return Encoding.UTF8.GetString(AttributeReader.ValidText(symbol));
    }
}
