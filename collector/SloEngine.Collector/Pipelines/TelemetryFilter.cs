using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Collector.Pipelines;

/// <summary>Conditions on telemetry, of which all that are given have to hold. Texts are whole, or beginnings that end in <c>*</c>.</summary>
public sealed record TelemetryFilter
{
    /// <summary>The resource's <c>service.name</c>.</summary>
    public KeySet? Services { get; init; }

    /// <summary>Name of the metric or span, or event name of the log record.</summary>
    public KeySet? Names { get; init; }

    /// <summary>Log records of a severity number below this one, if they have one; 0 for any.</summary>
    public int SeverityBelow { get; init; }

    /// <summary>Attributes of the item, else of its resource, with one of these values.</summary>
    public IReadOnlyList<(byte[] Key, KeySet Values)> Attributes { get; init; } = [];

    internal bool FitsService(ReadOnlySpan<byte> resource, AttributeReader reader) =>
        Services is null || (TryFind(resource, 1, "service.name"u8, reader, out ReadOnlySpan<byte> service) && Services.Contains(service));

    internal bool FitsAttributes(ReadOnlySpan<byte> item, int attributesField, ReadOnlySpan<byte> resource, AttributeReader reader)
    {
        for (int index = 0; index < Attributes.Count; index++)
        {
            (byte[] key, KeySet values) = Attributes[index];
            bool fits = (TryFind(item, attributesField, key, reader, out ReadOnlySpan<byte> value) || TryFind(resource, 1, key, reader, out value)) && values.Contains(value);
            if (!fits)
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>Finds an attribute of an encoded message, as text.</summary>
    internal static bool TryFind(ReadOnlySpan<byte> message, int field, ReadOnlySpan<byte> key, AttributeReader values, out ReadOnlySpan<byte> text)
    {
        var reader = new ProtobufReader(message);
        while (reader.Next())
        {
            if (reader.Field != field || reader.Type != WireType.LengthDelimited)
            {
                reader.Skip();
                continue;
            }
            ProtobufReader pair = reader.MessageField();
            if (pair.Last(1).SequenceEqual(key))
            {
                text = values.Value(pair.MergedField(2), out _);
                return true;
            }
        }
        text = default;
        return false;
    }
}
