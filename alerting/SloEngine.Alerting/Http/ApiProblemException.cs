using Microsoft.AspNetCore.Http;
using SloEngine.Storage;

namespace SloEngine.Alerting.Http;

/// <summary>A request cannot be carried out; the message says why, and what is expected.</summary>
/// <param name="status">Status of the answer.</param>
/// <param name="detail">What is wrong.</param>
public sealed class ApiProblemException(int status, string detail) : Exception(detail)
{
    /// <summary>Status of the answer.</summary>
    public int Status { get; } = status;

    /// <summary>More for programs to read; null for none.</summary>
    public IDictionary<string, object?>? Extensions { get; init; }

    /// <summary>A request that says something wrong.</summary>
    public static ApiProblemException BadRequest(string detail) => new(StatusCodes.Status400BadRequest, detail);

    /// <summary>An endpoint filter that answers with what a handler was stopped by (RFC 9457): such an exception, or a store that is away.</summary>
    public static async ValueTask<object?> AnswerAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            return await next(context);
        }
        catch (ApiProblemException problem)
        {
            return Results.Problem(problem.Message, statusCode: problem.Status, title: "The request does not fit", extensions: problem.Extensions);
        }
        catch (StoreException away)
        {
            context.HttpContext.Response.Headers.RetryAfter = "5";
            return Results.Problem($"the store does not answer: {away.Message}", statusCode: StatusCodes.Status503ServiceUnavailable, title: "The store is away");
        }
    }
}
