using Microsoft.AspNetCore.Http;

namespace SloEngine.Collector.Receivers;

/// <summary>Reads the tenant of a request.</summary>
public static class Tenants
{
    /// <summary>Header that names the tenant, as Mimir, Loki and Tempo have it.</summary>
    public const string Header = "X-Scope-OrgID";

    /// <summary>Tenant of requests that name none.</summary>
    public const string Default = "default";

    private const int MaxLength = 150;

    /// <summary>Reads the tenant; false when the header holds no valid name: letters, digits and <c>!-_.*'()</c>, at most 150 of them.</summary>
    public static bool TryRead(HttpRequest request, out string tenant)
    {
        string? header = request.Headers[Header];
        tenant = string.IsNullOrEmpty(header) ? Default : header;
        return IsValid(tenant);
    }

    /// <summary>Which tenants the resources of a request may name; null for any.</summary>
    internal static Func<string, bool>? Allowed(HttpRequest request) =>
        request.HttpContext.Features.Get<ITenantAccess>() is { AllowsAll: false } access ? access.Allows : null;

    /// <summary>Whether a tenant may be called so.</summary>
    public static bool IsValid(string tenant)
    {
        if (tenant.Length is 0 or > MaxLength)
        {
            return false;
        }
        foreach (char letter in tenant)
        {
            if (!char.IsAsciiLetterOrDigit(letter) && !"!-_.*'()".Contains(letter, StringComparison.Ordinal))
            {
                return false;
            }
        }
        return true;
    }
}
