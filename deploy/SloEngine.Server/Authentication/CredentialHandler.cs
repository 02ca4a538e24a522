using System.Security.Claims;
using Microsoft.AspNetCore.Authentication;

namespace SloEngine.Server.Authentication;

/// <summary>Tells whose a request is by its header <c>Authorization</c>.</summary>
internal sealed class CredentialHandler(CredentialSet credentials) : IAuthenticationHandler
{
    public const string Scheme = "credentials";

    private HttpContext _http = null!;

    public Task InitializeAsync(AuthenticationScheme scheme, HttpContext context)
    {
        _http = context;
        return Task.CompletedTask;
    }

    public Task<AuthenticateResult> AuthenticateAsync() => Task.FromResult(credentials.Find(_http.Request.Headers.Authorization, out string problem) is { } credential
        ? AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(new CredentialIdentity(credential)), Scheme))
        : AuthenticateResult.Fail(problem));

    /// <summary>Refusals are answered by <see cref="AuthorizationAnswers"/>.</summary>
    public Task ChallengeAsync(AuthenticationProperties? properties) => Task.CompletedTask;

    public Task ForbidAsync(AuthenticationProperties? properties) => Task.CompletedTask;
}

/// <summary>The holder of a credential.</summary>
internal sealed class CredentialIdentity(Credential credential) : ClaimsIdentity([new Claim(ClaimTypes.Name, credential.Name)], CredentialHandler.Scheme)
{
    public Credential Credential { get; } = credential;
}
