using SloEngine.Collector.Receivers;
using SloEngine.Slo.Model;

namespace SloEngine.Server.Authentication;

/// <summary>
/// Whose SLOs a request is about: those of the tenant that its header names. A request that names none is about all of them: it comes with a
/// credential for all tenants, or to a server without credentials, or to a path that is open, for <see cref="RightHandler"/> names the tenant of all others.
/// </summary>
internal static class RequestScope
{
    public static TenantScope Of(HttpContext http) => http.Request.Headers[Tenants.Header].ToString() is { Length: > 0 } tenant ? TenantScope.Of(tenant) : TenantScope.All;
}
