namespace SloEngine.Server.Suggestions;

/// <summary>A histogram of durations of OpenTelemetry's semantic conventions, and how its failures are told.</summary>
/// <param name="Metric">Prometheus name.</param>
/// <param name="Failed">Matcher of what failed.</param>
/// <param name="Events">What it counts, in words.</param>
/// <param name="Unit">Seconds that one of its unit is.</param>
internal sealed record KnownDuration(string Metric, string Failed, string Events, double Unit)
{
    private const string Seconds = "_duration_seconds";

    /// <summary>Status codes of gRPC that tell of a server at fault: unknown, deadline exceeded, unimplemented, internal, unavailable, data loss.</summary>
    private const string GrpcCodes = "rpc_grpc_status_code=~\"2|4|12|13|14|15\"";

    public static IReadOnlyList<KnownDuration> All { get; } =
    [
        new("http_server_request" + Seconds, "http_response_status_code=~\"5..\"", "HTTP requests", 1),
        new("http_server_duration_milliseconds", "http_status_code=~\"5..\"", "HTTP requests", 0.001),
        new("rpc_server_call" + Seconds, "error_type!=\"\"", "calls", 1),
        new("rpc_server_duration_milliseconds", GrpcCodes, "calls", 0.001),
        new("messaging_process" + Seconds, "error_type!=\"\"", "messages", 1),
        new("faas_invoke" + Seconds, "error_type!=\"\"", "invocations", 1),
        new("cicd_pipeline_run" + Seconds, "cicd_pipeline_result=~\"failure|error|timeout\"", "runs of pipelines", 1),
    ];
}
