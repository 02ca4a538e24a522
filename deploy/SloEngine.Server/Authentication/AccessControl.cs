using Microsoft.AspNetCore.Authorization;

namespace SloEngine.Server.Authentication;

/// <summary>Asks requests for credentials, where some are configured. What is not opened needs the right <see cref="Rights.Admin"/>.</summary>
internal static class AccessControl
{
    private const string Dashboards = "dashboards";

    public static void AddAccessControl(this IServiceCollection services, CredentialSet? credentials)
    {
        if (credentials is null)
        {
            return;
        }
        services.AddSingleton(credentials);
        services.AddTransient<CredentialHandler>();
        services.AddAuthenticationCore(options =>
        {
            options.AddScheme<CredentialHandler>(CredentialHandler.Scheme, null);
            options.DefaultScheme = CredentialHandler.Scheme;
        });
        services.AddSingleton<IAuthorizationHandler, RightHandler>();
        services.AddSingleton<IAuthorizationMiddlewareResultHandler, AuthorizationAnswers>();
        AuthorizationBuilder authorization = services.AddAuthorizationBuilder();
        foreach (Rights right in (Rights[])[Rights.Write, Rights.Read, Rights.Admin])
        {
            authorization.AddPolicy(right.ToString(), Policy(new RightRequirement(right)));
        }
        authorization.AddPolicy(Dashboards, Policy(new RightRequirement(Rights.Read, Rights.Admin)));
        // Without the requirement of a user: what is no endpoint passes, such as a request before it is routed.
        authorization.SetFallbackPolicy(new AuthorizationPolicyBuilder().AddRequirements(new RightRequirement(Rights.Admin)).Build());
    }

    public static IApplicationBuilder UseAccessControl(this IApplicationBuilder app, CredentialSet? credentials) =>
        credentials is null ? app : app.UseAuthentication().UseAuthorization();

    /// <summary>Where endpoints are mapped that need a right.</summary>
    public static IEndpointRouteBuilder Needing(this IEndpointRouteBuilder endpoints, Rights right, CredentialSet? credentials) =>
        credentials is null ? endpoints : endpoints.MapGroup("").RequireAuthorization(right.ToString());

    /// <summary>Where endpoints are mapped that read by GET and change things by other methods.</summary>
    public static IEndpointRouteBuilder NeedingAdminForChanges(this IEndpointRouteBuilder endpoints, CredentialSet? credentials) =>
        credentials is null ? endpoints : endpoints.MapGroup("").RequireAuthorization(Dashboards);

    /// <summary>Where endpoints are mapped that need no credential.</summary>
    public static IEndpointRouteBuilder Open(this IEndpointRouteBuilder endpoints, CredentialSet? credentials) =>
        credentials is null ? endpoints : endpoints.MapGroup("").AllowAnonymous();

    private static AuthorizationPolicy Policy(IAuthorizationRequirement requirement) =>
        new AuthorizationPolicyBuilder().RequireAuthenticatedUser().AddRequirements(requirement).Build();
}
