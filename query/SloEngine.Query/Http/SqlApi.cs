using System.Buffers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SloEngine.Storage;
using SloEngine.Storage.UserSql;

namespace SloEngine.Query.Http;

/// <summary>Read-only SQL over the rows of the request's tenant: <c>/api/v1/sql?query=...&amp;format=json|arrow|csv</c>.</summary>
public static class SqlApi
{
    /// <summary>Maps the API.</summary>
    public static void MapSqlApi(this IEndpointRouteBuilder endpoints)
    {
        IColumnStore store = endpoints.ServiceProvider.GetRequiredService<IColumnStore>();
        QueryOptions options = endpoints.ServiceProvider.GetRequiredService<QueryOptions>();
        endpoints.MapMethods("/api/v1/sql", [HttpMethods.Get, HttpMethods.Post], async http =>
        {
            try
            {
                RequestParameters parameters = await RequestParameters.ReadAsync(http);
                (string format, string type) = (parameters.Optional("format") ?? "json") switch
                {
                    "json" => ("JSON", "application/json"),
                    "csv" => ("CSVWithNames", "text/csv"),
                    "arrow" => ("ArrowStream", "application/vnd.apache.arrow.stream"),
                    string other => throw new ParameterException($"invalid parameter \"format\": '{other}' is not one of json, arrow, csv"),
                };
                StoreQuery query = await UserQuery.PrepareAsync(store, parameters.Required("query"), parameters.Tenant, http.RequestAborted) with
                {
                    Timeout = options.Timeout, MaxResultRows = options.MaxSqlRows, MaxResultBytes = options.MaxSqlBytes,
                };
                if (query.Sql.Contains("samples", StringComparison.OrdinalIgnoreCase))
                {
                    await store.StoreRecentAsync(http.RequestAborted);
                }
                var output = new ArrayBufferWriter<byte>(64 << 10);
                await store.QueryFormattedAsync(query, format, output, http.RequestAborted);
                http.Response.ContentType = type;
                await http.Response.BodyWriter.WriteAsync(output.WrittenMemory, http.RequestAborted);
            }
            catch (ParameterException wrong)
            {
                await Results.Problem(wrong.Message, statusCode: StatusCodes.Status400BadRequest, title: "The request does not fit").ExecuteAsync(http);
            }
            catch (StoreException failure)
            {
                await Results.Problem(failure.Message, statusCode: StatusCodes.Status422UnprocessableEntity, title: $"The query was refused (ClickHouse code {failure.Code})").ExecuteAsync(http);
            }
        });
    }
}
