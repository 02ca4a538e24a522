using System.Text;
using SloEngine.Otlp.Protobuf;
using SloEngine.PromQL.Series;

namespace SloEngine.Query.RemoteRead;

/// <summary>One query of a remote read: the series that match, with their samples of a time, both ends included.</summary>
internal sealed record ReadQuery(long StartMs, long EndMs, IReadOnlyList<LabelMatcher> Matchers);

/// <summary>
/// A request of Prometheus' remote read protocol (prompb/remote.proto, <c>ReadRequest</c>). The hints of a query (step, function, grouping) are
/// passed over: all samples are sent, which every hint allows.
/// </summary>
internal sealed record ReadRequest(IReadOnlyList<ReadQuery> Queries, bool IsStreamed)
{
    private const ulong Samples = 0;
    private const ulong StreamedXorChunks = 1;

    /// <summary>Reads the message.</summary>
    /// <exception cref="OtlpFormatException">It is no valid protobuf.</exception>
    /// <exception cref="FormatException">It asks for what there is not.</exception>
    public static ReadRequest Read(ReadOnlySpan<byte> message)
    {
        var queries = new List<ReadQuery>();
        var accepted = new List<ulong>();
        var reader = new ProtobufReader(message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    queries.Add(Query(reader.MessageField()));
                    break;
                case 2 when reader.Type == WireType.LengthDelimited:
                    ProtobufReader packed = reader.MessageField();
                    while (!packed.AtEnd)
                    {
                        accepted.Add(packed.Varint());
                    }
                    break;
                case 2:
                    accepted.Add(reader.VarintField());
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
        // The first of them that is known; samples where none is asked for.
        ulong type = accepted.Count == 0 ? Samples : accepted.Find(static type => type is Samples or StreamedXorChunks);
        if (accepted.Count > 0 && !accepted.Contains(type))
        {
            throw new FormatException($"server does not support any of the requested response types: [{string.Join(" ", accepted)}]; supported: SAMPLES, STREAMED_XOR_CHUNKS");
        }
        return new ReadRequest(queries, type == StreamedXorChunks);
    }

    private static ReadQuery Query(ProtobufReader reader)
    {
        (long start, long end) = (0, 0);
        var matchers = new List<LabelMatcher>();
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    start = (long)reader.VarintField();
                    break;
                case 2:
                    end = (long)reader.VarintField();
                    break;
                case 3:
                    matchers.Add(Matcher(reader.MessageField()));
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
        return new ReadQuery(start, end, matchers);
    }

    private static LabelMatcher Matcher(ProtobufReader reader)
    {
        (ulong type, string name, string value) = (0, "", "");
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    type = reader.VarintField();
                    break;
                case 2:
                    name = Encoding.UTF8.GetString(reader.BytesField());
                    break;
                case 3:
                    value = Encoding.UTF8.GetString(reader.BytesField());
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
        MatchKind kind = type switch
        {
            0 => MatchKind.Equal,
            1 => MatchKind.NotEqual,
            2 => MatchKind.Regex,
            3 => MatchKind.NotRegex,
            _ => throw new FormatException($"invalid matcher type {type} for label {name}; expected EQ (0), NEQ (1), RE (2) or NRE (3)"),
        };
        var matcher = new LabelMatcher(name, kind, value);
        try
        {
            LabelPattern.Of(matcher);
        }
        catch (ArgumentException wrong)
        {
            throw new FormatException($"invalid regular expression for label {name}: {wrong.Message}");
        }
        return matcher;
    }
}
