using System.Buffers.Text;
using System.Globalization;
using System.Runtime.CompilerServices;
using SloEngine.Otlp.Columns;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;
using SloEngine.Otlp.Resources;

namespace SloEngine.Otlp.Logs;

/// <summary>Decodes <c>ExportLogsServiceRequest</c> (logs_service.proto, logs.proto) into columns. Reusable, not thread-safe.</summary>
/// <param name="index">Gives out resource references.</param>
/// <param name="hashKey">Key of the raw identities.</param>
/// <param name="time">Clock for records that carry no time at all.</param>
/// <param name="maxBodyBytes">Longest body; what is longer is cut, and <see cref="CutFrom"/> says how long it was.</param>
public sealed class LogsDecoder(IResourceIndex index, UInt128 hashKey, TimeProvider time, int maxBodyBytes = int.MaxValue)
    : ResourceItemsDecoder(index, hashKey, "resource_logs", "scope_logs", "log_records")
{
    /// <summary>Attribute of a record whose body was cut: the length it came with, in bytes.</summary>
    public const string CutFrom = "sloengine.body.cut_from";

    private LogBlock _block = null!;

    /// <summary>Records of the last request whose body was cut.</summary>
    public int CutBodies { get; private set; }

    /// <summary>Decodes a request into <paramref name="block"/>.</summary>
    /// <param name="request">The request.</param>
    /// <param name="block">Takes its items.</param>
    /// <param name="rejected">What was rejected when it was decoded before, and is passed over (<see cref="ResourceItemsDecoder.RejectedItems"/>).</param>
    /// <exception cref="OtlpFormatException">The bytes are no such message; the block is as it was.</exception>
    public DecodeResult Decode(ReadOnlySpan<byte> request, LogBlock block, ReadOnlyMemory<byte> rejected = default)
    {
        (_block, CutBodies) = (block, 0);
        int before = block.Count;
        try
        {
            DecodeResult result = DecodeRequest(request, rejected);
            return CutBodies == 0 ? result
                : result with { Warning = string.Create(CultureInfo.InvariantCulture, $"{CutBodies} log bodies were longer than {maxBodyBytes} bytes and were cut (limits.max_log_line_bytes)") };
        }
        catch (OtlpFormatException)
        {
            block.Truncate(before);
            throw;
        }
    }

    private protected override string? Item(ProtobufReader record, int resource)
    {
        LogBlock block = _block;
        int row = block.Count;
        long timeNanos = 0;
        long observed = 0;
        byte severity = 0;
        ReadOnlySpan<byte> severityText = default;
        ReadOnlySpan<byte> eventName = default;
        ReadOnlySpan<byte> trace = default;
        ReadOnlySpan<byte> span = default;
        uint flags = 0;
        uint droppedAttributes = 0;
        int bodies = 0;
        int cutFrom = 0;
        while (record.Next())
        {
            switch (record.Field)
            {
                case 1:
                    timeNanos = (long)record.Fixed64Field();
                    break;
                case 2:
                    severity = (byte)Math.Min(record.VarintField(), byte.MaxValue);
                    break;
                case 3:
                    severityText = AttributeReader.ValidText(record.BytesField());
                    break;
                case 5 when bodies++ == 0:
                    cutFrom = Body(Attributes.Value(record.MessageField(), out AttributeType type), type);
                    break;
                case 6:
                    Attributes.Read(record.MessageField(), block.Attributes);
                    break;
                case 7:
                    droppedAttributes = (uint)record.VarintField();
                    break;
                case 8:
                    flags = record.Fixed32Field();
                    break;
                case 9:
                    trace = record.BytesField();
                    break;
                case 10:
                    span = record.BytesField();
                    break;
                case 11:
                    observed = (long)record.Fixed64Field();
                    break;
                case 12:
                    eventName = AttributeReader.ValidText(record.BytesField());
                    break;
                default:
                    record.Skip();
                    break;
            }
        }
        UInt128 traceId = TraceId(trace, out bool validTrace);
        ulong spanId = SpanId(span, out bool validSpan);
        // logs.proto: "If time_unix_nano is 0 the observed time is to be used".
        long effective = timeNanos != 0 ? timeNanos : observed;
        string? rejection = !validTrace && !trace.IsEmpty ? $"trace_id has {trace.Length} bytes, expected 16"
            : !validSpan && !span.IsEmpty ? $"span_id has {span.Length} bytes, expected 8"
            : severity > 24 ? $"severity_number {severity} is outside 0..24"
            : observed < 0 ? "observed_time_unix_nano is past the year 2262"
            : effective == 0 || Window.Contains(effective) ? null
            : Window.Refusal(timeNanos != 0 ? "time_unix_nano" : "observed_time_unix_nano", effective);
        if (rejection is not null)
        {
            block.Truncate(row);
            return rejection;
        }
        if (bodies != 1)
        {
            cutFrom = NoneOrMergedBody(record.Rewound, row);
        }
        if (cutFrom > 0)
        {
            CutBodies++;
            TellCut(block, cutFrom);
        }
        block.TimeNanos.Append(effective != 0 ? effective : (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100);
        block.Attributes.EndRow();
        block.Resources.Append(resource);
        block.ObservedNanos.Append(observed);
        block.Severities.Append(severity);
        block.SeverityTexts.Append(severityText);
        block.EventNames.Append(eventName);
        block.TraceIds.Append(traceId);
        block.SpanIds.Append(spanId);
        block.Flags.Append(flags);
        block.DroppedAttributes.Append(droppedAttributes);
        return null;
    }

    /// <summary>Appends a body, cut where it is longer than allowed: then its length is returned, else 0.</summary>
    private int Body(ReadOnlySpan<byte> text, AttributeType type)
    {
        bool isCut = text.Length > maxBodyBytes;
        _block.Bodies.Append(isCut ? Cut(text, maxBodyBytes) : text);
        _block.BodyTypes.Append((byte)(isCut ? AttributeType.Text : type));
        return isCut ? text.Length : 0;
    }

    /// <summary>The body of a record that has none, or several to merge.</summary>
    private int NoneOrMergedBody(ProtobufReader record, int row)
    {
        _block.Bodies.Truncate(row);
        _block.BodyTypes.Truncate(row);
        return Body(Attributes.Value(record.MergedField(5), out AttributeType type), type);
    }

    /// <summary>The beginning of a text, without a part of a character at its end.</summary>
    private static ReadOnlySpan<byte> Cut(ReadOnlySpan<byte> text, int length)
    {
        while (length > 0 && (text[length] & 0xC0) == 0x80)
        {
            length--;
        }
        return text[..length];
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void TellCut(LogBlock block, int cutFrom)
    {
        Span<byte> digits = stackalloc byte[10];
        Utf8Formatter.TryFormat(cutFrom, digits, out int written);
        block.Attributes.Add("sloengine.body.cut_from"u8, digits[..written], AttributeType.Integer);
    }
}
