using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.StaticFiles;
using Microsoft.Extensions.FileProviders;

namespace SloEngine.Dashboards;

/// <summary>Serves the browser application: hashed assets for a year, the page itself never from a cache.</summary>
public static class WebApplicationFiles
{
    private const string Missing =
        "The web application is not built. Build it with `dotnet build deploy/SloEngine.Server` (it needs Node.js), or open the APIs below /api/v1.\n";

    /// <summary>Serves files; put it before routing.</summary>
    public static void UseWebApplication(this IApplicationBuilder app)
    {
        if (Locate() is not { } directory)
        {
            return;
        }
        app.UseStaticFiles(new StaticFileOptions
        {
            FileProvider = new PhysicalFileProvider(directory),
            ContentTypeProvider = new FileExtensionContentTypeProvider(),
            OnPrepareResponse = static file => file.Context.Response.Headers.CacheControl =
                file.Context.Request.Path.StartsWithSegments("/assets") ? "public, max-age=31536000, immutable" : "no-cache",
        });
    }

    /// <summary>
    /// Answers what no endpoint does, so put it behind them: the application's own routes with its page, files and paths of the APIs that are
    /// unknown with 404. A fallback endpoint would take requests of a wrong method, too, to which routing says 405 with <c>Allow</c>.
    /// </summary>
    public static void RunWebApplication(this IApplicationBuilder app)
    {
        string? index = Locate() is { } directory ? Path.Combine(directory, "index.html") : null;
        app.Run(async http =>
        {
            if (Path.HasExtension(http.Request.Path))
            {
                http.Response.StatusCode = StatusCodes.Status404NotFound;
                return;
            }
            if (http.Request.Path.StartsWithSegments("/api") || http.Request.Path.StartsWithSegments("/loki"))
            {
                await Results.Problem($"there is no {http.Request.Method} {http.Request.Path}", statusCode: StatusCodes.Status404NotFound, title: "Not found").ExecuteAsync(http);
                return;
            }
            if (index is null)
            {
                http.Response.StatusCode = StatusCodes.Status404NotFound;
                await http.Response.WriteAsync(Missing);
                return;
            }
            http.Response.ContentType = "text/html; charset=utf-8";
            http.Response.Headers.CacheControl = "no-cache";
            await http.Response.SendFileAsync(index);
        });
    }

    /// <summary>The built application: beside a published program, or in the repository that the program was built in.</summary>
    private static string? Locate()
    {
        string published = Path.Combine(AppContext.BaseDirectory, "wwwroot");
        if (File.Exists(Path.Combine(published, "index.html")))
        {
            return published;
        }
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            string built = Path.Combine(directory.FullName, "dashboards", "web", "dist");
            if (File.Exists(Path.Combine(directory.FullName, "SloEngine.sln")) && File.Exists(Path.Combine(built, "index.html")))
            {
                return built;
            }
        }
        return null;
    }
}
