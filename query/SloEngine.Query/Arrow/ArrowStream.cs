using System.Buffers;
using System.Runtime.InteropServices;

namespace SloEngine.Query.Arrow;

/// <summary>
/// A stream of samples in Arrow's IPC format (arrow.apache.org/docs/format/Columnar.html, "IPC Streaming Format"; Schema.fbs, Message.fbs): a schema,
/// record batches, an end.
/// </summary>
internal sealed class ArrowStream(IBufferWriter<byte> output)
{
    /// <summary>The media type.</summary>
    public const string ContentType = "application/vnd.apache.arrow.stream";

    private const short Version5 = 4;
    private const byte SchemaHeader = 1;
    private const byte BatchHeader = 3;
    private const int Alignment = 8;

    private const byte FloatingPoint = 3;
    private const byte Utf8 = 5;
    private const byte Timestamp = 10;
    private const byte Struct = 13;
    private const byte Map = 17;
    private const short DoublePrecision = 2;
    private const short Milliseconds = 1;

    /// <summary>Writes the schema: <c>labels</c> Map(Utf8, Utf8), <c>timestamp</c> in milliseconds of UTC, <c>value</c> Float64, <c>histogram</c> Utf8.</summary>
    public void Schema(IEnumerable<KeyValuePair<string, string>> metadata)
    {
        var writer = new FlatBufferWriter();
        int none = writer.References([]);
        int text = writer.Table();
        int key = Field("key", isNullable: false, Utf8, text, none);
        int value = Field("value", isNullable: false, Utf8, text, none);
        int entries = Field("entries", isNullable: false, Struct, writer.Table(), writer.References([key, value]));
        int labels = Field("labels", isNullable: false, Map, writer.Table(FlatField.Byte(1)), writer.References([entries]));
        int zone = writer.Text("UTC");
        int timestamp = Field("timestamp", isNullable: false, Timestamp, writer.Table(FlatField.Short(Milliseconds), FlatField.Reference(zone)), none);
        int number = Field("value", isNullable: true, FloatingPoint, writer.Table(FlatField.Short(DoublePrecision)), none);
        int histogram = Field("histogram", isNullable: true, Utf8, text, none);
        int fields = writer.References([labels, timestamp, number, histogram]);
        int pairs = writer.References([.. metadata.Select(pair =>
        {
            int name = writer.Text(pair.Key);
            return writer.Table(FlatField.Reference(name), FlatField.Reference(writer.Text(pair.Value)));
        })]);
        int schema = writer.Table(FlatField.Short(0), FlatField.Reference(fields), FlatField.Reference(pairs));
        Message(writer, SchemaHeader, schema, []);

        int Field(string name, bool isNullable, byte kind, int type, int children)
        {
            int place = writer.Text(name);
            return writer.Table(
                FlatField.Reference(place), FlatField.Byte(isNullable ? (byte)1 : (byte)0), FlatField.Byte(kind), FlatField.Reference(type), FlatField.Absent,
                FlatField.Reference(children));
        }
    }

    /// <summary>Writes the rows of a batch.</summary>
    public void Batch(SampleBatch batch)
    {
        var body = new ArrayBufferWriter<byte>();
        var buffers = new List<(long, long)>();
        int rows = batch.Rows;
        int histograms = rows - batch.Histograms.Missing;
        // Without a bitmap all are there.
        Add([]);
        Add(MemoryMarshal.AsBytes(batch.LabelEnds));
        Add([]);
        AddText(batch.Names);
        AddText(batch.Values);
        Add([]);
        Add(MemoryMarshal.AsBytes(batch.TimesMs));
        Add(histograms == 0 ? [] : batch.Histograms.Bitmap(isInverted: true));
        Add(MemoryMarshal.AsBytes(batch.Numbers));
        Add(batch.Histograms.Missing == 0 ? [] : batch.Histograms.Bitmap(isInverted: false));
        Add(MemoryMarshal.AsBytes(batch.Histograms.Ends));
        Add(batch.Histograms.Bytes);

        var writer = new FlatBufferWriter();
        int places = writer.Pairs(CollectionsMarshal.AsSpan(buffers));
        long labels = batch.Names.Rows;
        int nodes = writer.Pairs([(rows, 0), (labels, 0), (labels, 0), (labels, 0), (rows, 0), (rows, histograms), (rows, batch.Histograms.Missing)]);
        int header = writer.Table(FlatField.Long(rows), FlatField.Reference(nodes), FlatField.Reference(places));
        Message(writer, BatchHeader, header, body.WrittenSpan);

        void Add(ReadOnlySpan<byte> bytes)
        {
            buffers.Add((body.WrittenCount, bytes.Length));
            body.Write(bytes);
            int padding = -bytes.Length & (Alignment - 1);
            body.GetSpan(Alignment)[..padding].Clear();
            body.Advance(padding);
        }

        void AddText(TextColumn column)
        {
            Add([]);
            Add(MemoryMarshal.AsBytes(column.Ends));
            Add(column.Bytes);
        }
    }

    /// <summary>Ends the stream.</summary>
    public void End() => output.Write<byte>([0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]);

    private void Message(FlatBufferWriter writer, byte kind, int header, ReadOnlySpan<byte> body)
    {
        int message = writer.Table(FlatField.Short(Version5), FlatField.Byte(kind), FlatField.Reference(header), FlatField.Long(body.Length));
        ReadOnlySpan<byte> metadata = writer.Finish(message);
        int padding = -metadata.Length & (Alignment - 1);
        Span<byte> head = output.GetSpan(2 * sizeof(int));
        MemoryMarshal.Write(head, -1);
        MemoryMarshal.Write(head[sizeof(int)..], metadata.Length + padding);
        output.Advance(2 * sizeof(int));
        output.Write(metadata);
        output.GetSpan(Alignment)[..padding].Clear();
        output.Advance(padding);
        output.Write(body);
    }
}
