using SloEngine.Otlp.Common;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Collector.Ingest;

/// <summary>Where the receivers hand requests over: the engine's own ingest, or a gateway to other nodes. Safe for concurrent use.</summary>
public interface ITelemetryIntake
{
    /// <summary>Makes an OTLP request durable, whose resources may name tenants of their own.</summary>
    /// <param name="signal">What the request is.</param>
    /// <param name="tenant">Owner of what names none; at most <see cref="OtlpIngest.MaxTenantBytes"/> bytes.</param>
    /// <param name="request">The message; used during the call.</param>
    /// <param name="isAllowed">Whether the sender may write for a tenant that a resource names; null for all.</param>
    /// <param name="cancellation">Gives up before the data is handed to the log.</param>
    /// <exception cref="OtlpFormatException">The bytes are no such message.</exception>
    /// <exception cref="Pipelines.TenantForbiddenException">A resource names a tenant that the sender may not write for; nothing was kept.</exception>
    /// <exception cref="IngestUnavailableException">Nothing was kept; the sender may retry.</exception>
    ValueTask<DecodeResult> IngestAsync(Signal signal, string tenant, RequestBytes request, Func<string, bool>? isAllowed, CancellationToken cancellation);

    /// <summary>Makes a Prometheus remote-write request durable.</summary>
    /// <param name="isVersion2">Whether it is of version 2.0.</param>
    /// <param name="tenant">Owner; at most <see cref="OtlpIngest.MaxTenantBytes"/> bytes.</param>
    /// <param name="request">The message; used during the call.</param>
    /// <param name="cancellation">Gives up before the data is handed to the log.</param>
    /// <exception cref="OtlpFormatException">The bytes are no such message.</exception>
    /// <exception cref="IngestUnavailableException">Nothing was kept; the sender may retry.</exception>
    ValueTask<DecodeResult> IngestRemoteWriteAsync(bool isVersion2, string tenant, RequestBytes request, CancellationToken cancellation);

    /// <summary>Counts a request that was refused before it could be handed over.</summary>
    /// <param name="tenant">Whose it is.</param>
    /// <param name="reason">Why: <c>too_large</c> or <c>memory</c>.</param>
    void CountRefused(string tenant, string reason);
}
