using Microsoft.AspNetCore.Http;

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

    /// <summary>Answers with what a handler was stopped by (RFC 9457).</summary>
    internal static async ValueTask<object?> AnswerAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            return await next(context);
        }
        catch (ApiProblemException problem)
        {
            return Results.Problem(problem.Message, statusCode: problem.Status, title: "The request does not fit", extensions: problem.Extensions);
        }
    }
}
