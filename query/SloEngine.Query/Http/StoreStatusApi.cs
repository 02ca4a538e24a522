using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Storage;
using SloEngine.Storage.Schema;
using SloEngine.Storage.Stats;

namespace SloEngine.Query.Http;

/// <summary>What the store holds, of all tenants together: <c>/api/v1/status/store</c>.</summary>
public static class StoreStatusApi
{
    /// <summary>Maps the API.</summary>
    public static void MapStoreStatusApi(this IEndpointRouteBuilder endpoints, StoreCluster? cluster)
    {
        IColumnStore store = endpoints.ServiceProvider.GetRequiredService<IColumnStore>();
        endpoints.MapGet("/api/v1/status/store", async (CancellationToken cancellation) => Results.Json(await StoreStatsReader.ReadAsync(store, cluster, cancellation)));
    }
}
