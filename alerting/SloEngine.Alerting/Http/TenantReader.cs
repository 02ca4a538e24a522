using Microsoft.AspNetCore.Http;

namespace SloEngine.Alerting.Http;

/// <summary>Reads the tenant that a request is about; false when what names it holds no valid name.</summary>
/// <param name="request">The request.</param>
/// <param name="tenant">The tenant; the default one where none is named.</param>
public delegate bool TenantReader(HttpRequest request, out string tenant);
