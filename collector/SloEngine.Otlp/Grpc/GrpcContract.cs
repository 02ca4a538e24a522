namespace SloEngine.Otlp.Grpc;

/// <summary>Canonical gRPC status codes (grpc/doc/statuscodes.md).</summary>
public enum GrpcStatusCode
{
    /// <summary>Success.</summary>
    Ok = 0,
    /// <summary>The caller cancelled.</summary>
    Cancelled = 1,
    /// <summary>An error of no known kind.</summary>
    Unknown = 2,
    /// <summary>The request itself is wrong; do not retry.</summary>
    InvalidArgument = 3,
    /// <summary>The deadline passed first.</summary>
    DeadlineExceeded = 4,
    /// <summary>What was asked for is not there.</summary>
    NotFound = 5,
    /// <summary>It exists already.</summary>
    AlreadyExists = 6,
    /// <summary>The caller may not do this.</summary>
    PermissionDenied = 7,
    /// <summary>A limit was met; retryable only with RetryInfo.</summary>
    ResourceExhausted = 8,
    /// <summary>The system is not in the state that this needs.</summary>
    FailedPrecondition = 9,
    /// <summary>Concurrency abort.</summary>
    Aborted = 10,
    /// <summary>Past the valid range.</summary>
    OutOfRange = 11,
    /// <summary>No such service or method.</summary>
    Unimplemented = 12,
    /// <summary>A bug of ours.</summary>
    Internal = 13,
    /// <summary>Not now; retry.</summary>
    Unavailable = 14,
    /// <summary>Unrecoverable loss.</summary>
    DataLoss = 15,
    /// <summary>No valid credentials.</summary>
    Unauthenticated = 16,
}

/// <summary>Ends a call with a status. Thrown by handlers; anything else they throw becomes <see cref="GrpcStatusCode.Internal"/>.</summary>
public sealed class GrpcStatusException : Exception
{
    /// <summary>Creates the exception.</summary>
    public GrpcStatusException(GrpcStatusCode code, string message, TimeSpan? retryAfter = null)
        : base(message) => (Code, RetryAfter) = (code, retryAfter);

    /// <summary>The status.</summary>
    public GrpcStatusCode Code { get; }

    /// <summary>When given, sent as <c>google.rpc.RetryInfo</c> in <c>grpc-status-details-bin</c>.</summary>
    public TimeSpan? RetryAfter { get; }
}
