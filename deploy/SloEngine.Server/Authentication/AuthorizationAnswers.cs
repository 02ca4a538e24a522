using System.Text.Json;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Policy;
using SloEngine.Otlp.Grpc;
using SloEngine.Otlp.Protobuf;

namespace SloEngine.Server.Authentication;

/// <summary>
/// Refusals, as each kind of client reads them: status of gRPC; <c>google.rpc.Status</c> in protobuf for OTLP; else JSON that has both the fields of
/// Prometheus' errors and those of that status.
/// </summary>
internal sealed class AuthorizationAnswers : IAuthorizationMiddlewareResultHandler
{
    public async Task HandleAsync(RequestDelegate next, HttpContext context, AuthorizationPolicy policy, PolicyAuthorizationResult authorizeResult)
    {
        if (authorizeResult.Succeeded)
        {
            await next(context);
            return;
        }
        bool isUnknown = authorizeResult.Challenged;
        string message = isUnknown
            ? (await context.AuthenticateAsync(CredentialHandler.Scheme)).Failure?.Message ?? "a credential is needed"
            : authorizeResult.AuthorizationFailure?.FailureReasons.FirstOrDefault()?.Message ?? "the credential does not suffice";
        await RefuseAsync(context, isUnknown, message);
    }

    private static async Task RefuseAsync(HttpContext http, bool isUnknown, string message)
    {
        string type = http.Request.ContentType ?? "";
        GrpcStatusCode code = isUnknown ? GrpcStatusCode.Unauthenticated : GrpcStatusCode.PermissionDenied;
        if (type.StartsWith("application/grpc", StringComparison.Ordinal))
        {
            GrpcEndpoints.Refuse(http, code, message);
            return;
        }
        http.Response.StatusCode = isUnknown ? StatusCodes.Status401Unauthorized : StatusCodes.Status403Forbidden;
        if (isUnknown)
        {
            // Browsers ask people for a user by the second, and do not know the first.
            http.Response.Headers.WWWAuthenticate = new[] { "Bearer realm=\"sloengine\"", "Basic realm=\"sloengine\", charset=\"UTF-8\"" };
        }
        if (type.StartsWith("application/x-protobuf", StringComparison.OrdinalIgnoreCase) && http.Request.Path.StartsWithSegments("/v1"))
        {
            var status = new ProtobufWriter();
            status.Varint(1, (ulong)code);
            status.Text(2, message);
            http.Response.ContentType = "application/x-protobuf";
            await http.Response.BodyWriter.WriteAsync(status.Written);
            return;
        }
        http.Response.ContentType = "application/json";
        await http.Response.BodyWriter.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
        {
            ["status"] = "error",
            ["errorType"] = isUnknown ? "unauthorized" : "forbidden",
            ["error"] = message,
            ["code"] = (int)code,
            ["message"] = message,
        }));
    }
}
