using System.Text;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.Common;

/// <summary>Decodes attributes away from the hot path: of resources, scopes and series met for the first time.</summary>
public static class AttributeSet
{
    /// <summary>The attributes of an encoded message, as one row.</summary>
    /// <param name="message">The message.</param>
    /// <param name="field">Number of its attributes field (1 of a resource, 3 of a scope).</param>
    public static AttributesColumn Decode(ReadOnlySpan<byte> message, int field)
    {
        var attributes = new AttributesColumn();
        var values = new AttributeReader();
        var reader = new ProtobufReader(message);
        while (reader.Next())
        {
            if (reader.Field == field)
            {
                values.Read(reader.MessageField(), attributes);
            }
            else
            {
                reader.Skip();
            }
        }
        attributes.EndRow();
        return attributes;
    }

    /// <summary>Whether an encoded message has a field at all.</summary>
    public static bool Has(ReadOnlySpan<byte> message, int field)
    {
        var reader = new ProtobufReader(message);
        while (reader.Next())
        {
            if (reader.Field == field)
            {
                return true;
            }
            reader.Skip();
        }
        return false;
    }

    /// <summary>How many attributes a resource (field 2) or a scope (field 4) says that it has lost.</summary>
    public static uint Dropped(ReadOnlySpan<byte> message, int field)
    {
        uint dropped = 0;
        var reader = new ProtobufReader(message);
        while (reader.Next())
        {
            if (reader.Field == field)
            {
                dropped = (uint)reader.VarintField();
            }
            else
            {
                reader.Skip();
            }
        }
        return dropped;
    }

    /// <summary>Name and version of an encoded <c>InstrumentationScope</c>; empty where not given.</summary>
    public static (string Name, string Version) Scope(ReadOnlySpan<byte> scope)
    {
        var reader = new ProtobufReader(scope);
        return (Encoding.UTF8.GetString(reader.Last(1)), Encoding.UTF8.GetString(reader.Last(2)));
    }
}
