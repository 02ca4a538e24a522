using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace SloEngine.Otlp.Grpc;

/// <summary>One call: its metadata, and a token that ends with the connection, the caller's deadline or the server.</summary>
public sealed class GrpcCall : IDisposable
{
    private readonly CancellationTokenSource _lifetime;

    internal GrpcCall(HttpContext http, CancellationToken stopping)
    {
        Http = http;
        _lifetime = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, stopping);
        if (TryParseTimeout(http.Request.Headers["grpc-timeout"], out TimeSpan timeout))
        {
            HasDeadline = true;
            _lifetime.CancelAfter(timeout);
        }
    }

    /// <summary>The HTTP request underneath: headers are the call's metadata.</summary>
    public HttpContext Http { get; }

    /// <summary>Ends when nobody waits for the answer any more.</summary>
    public CancellationToken Cancellation => _lifetime.Token;

    internal bool HasDeadline { get; }

    /// <inheritdoc/>
    public void Dispose() => _lifetime.Dispose();

    /// <summary>Parses <c>grpc-timeout</c>: up to 8 digits and a unit (gRPC over HTTP/2, "Timeout").</summary>
    internal static bool TryParseTimeout(string? text, out TimeSpan timeout)
    {
        timeout = default;
        if (text is not { Length: >= 2 and <= 9 } || !long.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out long amount))
        {
            return false;
        }
        double milliseconds = text[^1] switch
        {
            'H' => amount * 3_600_000d,
            'M' => amount * 60_000d,
            'S' => amount * 1_000d,
            'm' => amount,
            'u' => amount / 1_000d,
            'n' => amount / 1_000_000d,
            _ => -1,
        };
        timeout = TimeSpan.FromMilliseconds(Math.Min(milliseconds, int.MaxValue - 1));
        return milliseconds >= 0;
    }
}
