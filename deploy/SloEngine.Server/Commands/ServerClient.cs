using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace SloEngine.Server.Commands;

/// <summary>A command's calls to a running server. What goes wrong is one line for the user.</summary>
internal sealed class ServerClient(Uri server, string? tenant = null) : IDisposable
{
    private const int MostAttempts = 3;

    private readonly HttpClient _http = new() { BaseAddress = server, Timeout = TimeSpan.FromMinutes(1) };

    /// <summary>The credential of commands: the environment variable SLOENGINE_TOKEN, where the server asks for one.</summary>
    public static void Authorize(HttpRequestMessage request)
    {
        if (Environment.GetEnvironmentVariable("SLOENGINE_TOKEN") is { Length: > 0 } token)
        {
            request.Headers.Authorization = new System.Net.Http.Headers.AuthenticationHeaderValue("Bearer", token);
        }
    }

    public void Dispose() => _http.Dispose();

    /// <summary>The body of a GET.</summary>
    /// <exception cref="CommandException">The server is not there, or refuses.</exception>
    public async Task<string> GetAsync(string path, CancellationToken cancellation) =>
        await SendAsync(new HttpRequestMessage(HttpMethod.Get, path), cancellation);

    /// <summary>The body of the answer to a POST of JSON.</summary>
    /// <exception cref="CommandException">The server is not there, or refuses.</exception>
    public async Task<string> PostAsync<T>(string path, T body, CancellationToken cancellation) =>
        await SendAsync(new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body) }, cancellation);

    /// <summary>The body of the answer to a POST of JSON that has a name, under which it counts once: it is sent again when the server says that it could not answer.</summary>
    /// <exception cref="CommandException">The server is not there, or refuses.</exception>
    public async Task<string> PostOnceAsync<T>(string path, T body, string key, CancellationToken cancellation)
    {
        for (int attempt = 1; ; attempt++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body) };
            request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
            using HttpResponseMessage response = await AnswerAsync(request, HttpCompletionOption.ResponseContentRead, cancellation);
            if (response.StatusCode != HttpStatusCode.ServiceUnavailable || attempt == MostAttempts)
            {
                return await BodyAsync(response, cancellation);
            }
            await Task.Delay(response.Headers.RetryAfter?.Delta ?? TimeSpan.FromSeconds(5), cancellation);
        }
    }

    /// <summary>The lines of the answer to a POST of JSON, as they come: however long that takes.</summary>
    /// <exception cref="CommandException">The server is not there, or refuses.</exception>
    public async IAsyncEnumerable<string> PostForLinesAsync<T>(string path, T body, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body) };
        using HttpResponseMessage response = await AnswerAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        if (!response.IsSuccessStatusCode)
        {
            throw new CommandException($"{server}: {Reason(response, await response.Content.ReadAsStringAsync(cancellation))}");
        }
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(cancellation));
        while (await NextAsync() is { } line)
        {
            yield return line;
        }

        async Task<string?> NextAsync()
        {
            try
            {
                return await lines.ReadLineAsync(cancellation);
            }
            catch (IOException failure)
            {
                throw new CommandException($"{server}: the answer broke off ({failure.Message})");
            }
        }
    }

    /// <summary>The body of the answer to a DELETE.</summary>
    /// <exception cref="CommandException">The server is not there, or refuses.</exception>
    public async Task<string> DeleteAsync(string path, CancellationToken cancellation) => await SendAsync(new HttpRequestMessage(HttpMethod.Delete, path), cancellation);

    /// <summary>The body of the answer to a file that is sent.</summary>
    /// <param name="method">Method.</param>
    /// <param name="path">Path.</param>
    /// <param name="text">The file's text.</param>
    /// <param name="ifMatch">Version that is to be there, as an entity tag or <c>*</c>; null for none.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="CommandException">The server is not there, or refuses.</exception>
    public async Task<string> SendTextAsync(HttpMethod method, string path, string text, string? ifMatch, CancellationToken cancellation)
    {
        var request = new HttpRequestMessage(method, path) { Content = new StringContent(text, System.Text.Encoding.UTF8, "application/yaml") };
        if (ifMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        }
        return await SendAsync(request, cancellation);
    }

    /// <summary>What an answer says.</summary>
    /// <exception cref="CommandException">It is none of a server of this version.</exception>
    public static T Parse<T>(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json, JsonSerializerOptions.Web) ?? throw new CommandException("the server's answer is empty");
        }
        catch (JsonException wrong)
        {
            throw new CommandException($"the server's answer is not understood; is it another program's, or of another version? ({wrong.Message})");
        }
    }

    private async Task<string> SendAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        using HttpRequestMessage sent = request;
        using HttpResponseMessage response = await AnswerAsync(sent, HttpCompletionOption.ResponseContentRead, cancellation);
        return await BodyAsync(response, cancellation);
    }

    private async Task<string> BodyAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        string body = await response.Content.ReadAsStringAsync(cancellation);
        return response.IsSuccessStatusCode ? body : throw new CommandException($"{server}: {Reason(response, body)}");
    }

    private async Task<HttpResponseMessage> AnswerAsync(HttpRequestMessage request, HttpCompletionOption completion, CancellationToken cancellation)
    {
        Authorize(request);
        if (tenant is not null)
        {
            request.Headers.Add("X-Scope-OrgID", tenant);
        }
        try
        {
            return await _http.SendAsync(request, completion, cancellation);
        }
        catch (HttpRequestException failure)
        {
            throw new CommandException($"{server} does not answer ({failure.Message}); name a running server with --server URL");
        }
        catch (TaskCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new CommandException($"{server} did not answer within {_http.Timeout.TotalSeconds:0} s");
        }
    }

    /// <summary>The detail of a problem (RFC 9457), or what else the server said.</summary>
    private static string Reason(HttpResponseMessage response, string body)
    {
        if (response.Content.Headers.ContentType?.MediaType == "application/problem+json")
        {
            using JsonDocument problem = JsonDocument.Parse(body);
            if (problem.RootElement.TryGetProperty("detail", out JsonElement detail))
            {
                return detail.GetString() ?? "";
            }
        }
        return $"HTTP {(int)response.StatusCode} {body.Trim()}";
    }
}

/// <summary>A command cannot be carried out; the message says why.</summary>
internal sealed class CommandException(string message) : Exception(message);
