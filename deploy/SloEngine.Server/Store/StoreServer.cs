using System.Buffers;
using System.Collections.Frozen;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Primitives;
using SloEngine.Storage;
using SloEngine.Storage.Chdb;

namespace SloEngine.Server.Store;

/// <summary>
/// The embedded engine behind ClickHouse's HTTP interface, in a process of its own: <c>/</c> takes statements as body, parameter or form, data of
/// an INSERT as body; <c>/ping</c> answers. Whoever reaches it may do anything with the data: it listens on the loopback unless told otherwise.
/// </summary>
internal static partial class StoreServer
{
    private const long MaxBodyBytes = 1L << 30;

    private static readonly FrozenSet<string> Reads = FrozenSet.Create(StringComparer.OrdinalIgnoreCase, "SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "FROM");

    /// <summary>Serves until told to stop.</summary>
    public static async Task RunAsync(EmbeddedColumnStore store, IPEndPoint listen, CancellationToken cancellation)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MaxBodyBytes;
            kestrel.Listen(listen);
        });
        await using WebApplication app = builder.Build();
        app.MapGet("/ping", () => "Ok.\n");
        app.MapMethods("/", [HttpMethods.Get, HttpMethods.Post], http => AnswerAsync(http, store));
        await app.StartAsync(cancellation);
        Console.WriteLine("ready");
        Console.WriteLine($"clickhouse {app.Urls.First()}");
        await Console.Out.FlushAsync(cancellation);
        await app.WaitForShutdownAsync(cancellation);
    }

    private static async Task AnswerAsync(HttpContext http, EmbeddedColumnStore store)
    {
        try
        {
            await RunAsync(http, store);
        }
        catch (StoreException failure)
        {
            http.Response.StatusCode = StatusCodes.Status500InternalServerError;
            http.Response.Headers["X-ClickHouse-Exception-Code"] = failure.Code.ToString(System.Globalization.CultureInfo.InvariantCulture);
            await http.Response.WriteAsync($"Code: {failure.Code}. DB::Exception: {failure.Message}\n");
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client has gone.
        }
    }

    private static async Task RunAsync(HttpContext http, EmbeddedColumnStore store)
    {
        HttpRequest request = http.Request;
        var parameters = new Dictionary<string, string>(StringComparer.Ordinal);
        string? sql = request.Query["query"];
        Collect(request.Query, parameters);
        ReadOnlyMemory<byte> body = default;
        // A body of any other type is the query or its data, whatever a client such as curl calls it.
        if (request.ContentType?.StartsWith("multipart/form-data", StringComparison.OrdinalIgnoreCase) == true)
        {
            IFormCollection form = await request.ReadFormAsync(http.RequestAborted);
            sql = StringValues.IsNullOrEmpty(form["query"]) ? sql : form["query"].ToString();
            Collect(form, parameters);
        }
        else
        {
            body = await BodyAsync(request, http.RequestAborted);
        }
        if (sql is not null && InsertFormat().Match(sql) is { Success: true } insert)
        {
            await store.InsertAsync(insert.Groups["statement"].Value, insert.Groups["format"].Value, body, http.RequestAborted);
            return;
        }
        string statement = (sql + "\n" + Encoding.UTF8.GetString(body.Span)).Trim().TrimEnd(';');
        string format = request.Query["default_format"].ToString() is { Length: > 0 } asked ? asked : "TabSeparated";
        string verb = Verb().Match(statement).Value;
        var output = new ArrayBufferWriter<byte>(64 << 10);
        await store.RunAsync(statement, format, Unescaped(statement, parameters), Reads.Contains(verb), output, http.RequestAborted);
        http.Response.Headers["X-ClickHouse-Format"] = format;
        await http.Response.BodyWriter.WriteAsync(output.WrittenMemory, http.RequestAborted);
    }

    private static void Collect(IEnumerable<KeyValuePair<string, StringValues>> from, Dictionary<string, string> parameters)
    {
        foreach ((string name, StringValues value) in from)
        {
            if (name.StartsWith("param_", StringComparison.Ordinal))
            {
                parameters[name["param_".Length..]] = value.ToString();
            }
        }
    }

    private static Dictionary<string, string> Unescaped(string statement, Dictionary<string, string> parameters) =>
        parameters.ToDictionary(parameter => parameter.Key, parameter => SqlText.FromParameter(statement, parameter.Key, parameter.Value));

    private static async Task<ReadOnlyMemory<byte>> BodyAsync(HttpRequest request, CancellationToken cancellation)
    {
        var buffer = new MemoryStream((int)Math.Min(request.ContentLength ?? 0, MaxBodyBytes));
        await request.Body.CopyToAsync(buffer, cancellation);
        return buffer.GetBuffer().AsMemory(0, (int)buffer.Length);
    }

    [GeneratedRegex(@"^\s*(?<statement>INSERT\s.*?)\s+FORMAT\s+(?<format>\w+)\s*$", RegexOptions.IgnoreCase | RegexOptions.Singleline)]
    private static partial Regex InsertFormat();

    [GeneratedRegex(@"^\s*\(*\s*\w+", RegexOptions.None)]
    private static partial Regex Verb();
}
