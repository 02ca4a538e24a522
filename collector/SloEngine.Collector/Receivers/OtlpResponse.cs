using System.Text.Json;
using SloEngine.Collector.Ingest;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Grpc;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Collector.Receivers;

/// <summary>Encodes the answers of OTLP: <c>ExportXServiceResponse</c> and <c>google.rpc.Status</c>, in protobuf and JSON.</summary>
internal static class OtlpResponse
{
    /// <summary>An export response: empty, or with a partial success, which with nothing rejected is a warning (OTLP specification, "Partial Success").</summary>
    public static ReadOnlyMemory<byte> Protobuf(DecodeResult result)
    {
        if (Message(result) is not { } message)
        {
            return default;
        }
        var writer = new ProtobufWriter();
        int partial = writer.Begin(1);
        writer.Varint(1, (ulong)result.Rejected);
        writer.Text(2, message);
        writer.End(partial);
        return writer.Written;
    }

    /// <summary>The same in JSON.</summary>
    public static byte[] Json(Signal signal, DecodeResult result)
    {
        if (Message(result) is not { } message)
        {
            return "{}"u8.ToArray();
        }
        string rejected = signal switch
        {
            Signal.Metrics => "rejectedDataPoints",
            Signal.Logs => "rejectedLogRecords",
            _ => "rejectedSpans",
        };
        return JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
        {
            ["partialSuccess"] = new Dictionary<string, object>
            {
                [rejected] = result.Rejected.ToString(System.Globalization.CultureInfo.InvariantCulture),
                ["errorMessage"] = message,
            },
        });
    }

    /// <summary>What the sender is told; null when all was well.</summary>
    private static string? Message(DecodeResult result) => (result.ErrorMessage, result.Warning) switch
    {
        ({ } error, { } warning) => $"{error}; {warning}",
        ({ } error, null) => error,
        (null, { } warning) => warning,
        _ => result.Rejected > 0 ? "" : null,
    };

    /// <summary>A <c>google.rpc.Status</c>.</summary>
    public static byte[] Status(GrpcStatusCode code, string message, bool json)
    {
        if (json)
        {
            return JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object> { ["code"] = (int)code, ["message"] = message });
        }
        var writer = new ProtobufWriter();
        writer.Varint(1, (ulong)code);
        writer.Text(2, message);
        return writer.Written.ToArray();
    }
}
