using Microsoft.AspNetCore.Authorization;
using SloEngine.Collector.Receivers;

namespace SloEngine.Server.Authentication;

/// <summary>A right that a request needs.</summary>
/// <param name="right">For reading requests, or for all.</param>
/// <param name="forChanges">For requests that change something; null for the same.</param>
internal sealed class RightRequirement(Rights right, Rights? forChanges = null) : IAuthorizationRequirement
{
    public Rights Needed(HttpRequest request) => HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) ? right : forChanges ?? right;
}

/// <summary>
/// Compares what a credential may do with what a request needs, and its tenants with the one that the request names. A request that names none
/// gets the credential's first: from here on its header says whose it is, so that no path can read or write for another.
/// </summary>
internal sealed class RightHandler : AuthorizationHandler<RightRequirement>
{
    protected override Task HandleRequirementAsync(AuthorizationHandlerContext context, RightRequirement requirement)
    {
        if (context.Resource is not HttpContext http)
        {
            return Task.CompletedTask;
        }
        if (http.GetEndpoint() is null)
        {
            context.Succeed(requirement);
            return Task.CompletedTask;
        }
        if (context.User.Identity is not CredentialIdentity { Credential: var credential })
        {
            return Task.CompletedTask;
        }
        Rights needed = requirement.Needed(http.Request);
        string? named = http.Request.Headers[Tenants.Header];
        if (!credential.Rights.HasFlag(needed))
        {
            context.Fail(new AuthorizationFailureReason(this, $"credential {credential.Name} does not have the right '{needed.ToString().ToLowerInvariant()}', which this needs"));
        }
        else if (!string.IsNullOrEmpty(named) && !credential.Allows(named))
        {
            context.Fail(new AuthorizationFailureReason(this, $"credential {credential.Name} is not for the tenant that {Tenants.Header} names; leave the header out, or name one of its own"));
        }
        else
        {
            // Who may read for all tenants and names none is answered about all of them, where a path can do that.
            if (string.IsNullOrEmpty(named) && credential.Tenants is not null)
            {
                http.Request.Headers[Tenants.Header] = credential.DefaultTenant;
            }
            http.Features.Set<ITenantAccess>(credential);
            context.Succeed(requirement);
        }
        return Task.CompletedTask;
    }
}
