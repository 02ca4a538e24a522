using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Otlp.Grpc;

/// <summary>Puts the status of a call into its trailers.</summary>
internal static class GrpcStatus
{
    public static void Write(HttpResponse response, GrpcStatusCode code, string message, TimeSpan? retryAfter = null)
    {
        response.AppendTrailer("grpc-status", ((int)code).ToString(CultureInfo.InvariantCulture));
        if (message.Length > 0)
        {
            response.AppendTrailer("grpc-message", PercentEncode(message));
        }
        if (retryAfter is { } delay)
        {
            // Padded: the OpenTelemetry .NET exporter cannot read unpadded base64 and would drop the data.
            response.AppendTrailer("grpc-status-details-bin", Convert.ToBase64String(Details(code, message, delay)));
        }
    }

    /// <summary>A <c>google.rpc.Status</c> with a <c>google.rpc.RetryInfo</c>.</summary>
    private static byte[] Details(GrpcStatusCode code, string message, TimeSpan delay)
    {
        var status = new ProtobufWriter();
        status.Varint(1, (ulong)code);
        status.Text(2, message);
        int any = status.Begin(3);
        status.Text(1, "type.googleapis.com/google.rpc.RetryInfo");
        int retryInfo = status.Begin(2);
        int duration = status.Begin(1);
        status.Varint(1, (ulong)delay.TotalSeconds);
        status.Varint(2, (ulong)(delay.Ticks % TimeSpan.TicksPerSecond * 100));
        status.End(duration);
        status.End(retryInfo);
        status.End(any);
        return status.Written.ToArray();
    }

    /// <summary>Percent-encodes what is not printable ASCII, as PROTOCOL-HTTP2.md asks for "Status-Message".</summary>
    private static string PercentEncode(string message)
    {
        var text = new StringBuilder(message.Length);
        foreach (byte value in Encoding.UTF8.GetBytes(message))
        {
            if (value is >= 0x20 and <= 0x7E and not (byte)'%')
            {
                text.Append((char)value);
            }
            else
            {
                text.Append(CultureInfo.InvariantCulture, $"%{value:X2}");
            }
        }
        return text.ToString();
    }
}
