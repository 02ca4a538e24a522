using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using SloEngine.Storage.Chdb;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;
using SloEngine.Storage.Schema;

namespace SloEngine.Storage.Http;

/// <summary>
/// A ClickHouse server over its HTTP interface (clickhouse.com/docs/interfaces/http): an engine in another process, on another machine, or a
/// cluster. Blocks go both ways in Native format; parameters are bound by the server.
/// </summary>
public sealed class HttpColumnStore : IColumnStore
{
    /// <summary>Time beyond a query's own limit after which the connection is given up.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan BetweenTries = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan TryTimeout = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan InsertTimeout = TimeSpan.FromMinutes(2);

    /// <summary>A migration copies every sample there is. That a server is gone is told sooner, by <see cref="ConnectAsync"/>.</summary>
    private static readonly TimeSpan StatementTimeout = TimeSpan.FromDays(1);

    /// <summary>Time after which a connection on which nothing comes is asked whether its other end is there, seconds.</summary>
    private const int SilentSeconds = 30;

    /// <summary>TCP_USER_TIMEOUT, tcp(7).</summary>
    private const int LinuxTcpUserTimeout = 18;

    private readonly HttpClient _http;
    private readonly Uri _url;

    private readonly StoreCluster? _cluster;

    /// <summary>An insert is acknowledged when each shard has its rows, not when they wait to be sent there.</summary>
    private string WriteSettings => _cluster is null ? "" : "distributed_foreground_insert=1&";

    private HttpColumnStore(HttpClient http, Uri url, StoreCluster? cluster) => (_http, _url, _cluster) = (http, url, cluster);

    /// <summary>Connects and brings the schema up to date.</summary>
    /// <param name="url">Address of the server, with user and password where it wants them.</param>
    /// <param name="cluster">The cluster, one server of which this is, that holds the tables; null for a single server.</param>
    /// <param name="patience">How long a server that does not answer yet is waited for.</param>
    /// <param name="notice">Told what it waits for: the server, or another node that brings the tables up to date.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="StoreException">The server is not there, refuses, or holds data of a newer version.</exception>
    public static async Task<HttpColumnStore> OpenAsync(
        Uri url, StoreCluster? cluster = null, TimeSpan patience = default, Action<string>? notice = null, CancellationToken cancellation = default)
    {
        var handler = new SocketsHttpHandler { MaxConnectionsPerServer = 16, ConnectTimeout = TimeSpan.FromSeconds(5), ConnectCallback = ConnectAsync };
        var http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        if (url.UserInfo.Length > 0)
        {
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(Uri.UnescapeDataString(url.UserInfo))));
        }
        var store = new HttpColumnStore(http, new UriBuilder(url) { UserName = "", Password = "" }.Uri, cluster);
        try
        {
            await store.ReachAsync(patience, notice, cancellation);
            await SchemaMigration.ApplySharedAsync(store, EmbeddedColumnStore.Database, store._url.ToString(), Migration.All, cluster, notice, cancellation);
            return store;
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask ExecuteAsync(string sql, CancellationToken cancellation = default)
    {
        using var content = new StringContent(sql, Encoding.UTF8);
        await SendAsync(WriteSettings, content, StatementTimeout, output: null, cancellation);
    }

    /// <inheritdoc/>
    public async ValueTask InsertAsync(NativeBlock block, string? deduplicationToken = null, CancellationToken cancellation = default)
    {
        using var content = new ReadOnlyMemoryContent(block.Data);
        string query = Uri.EscapeDataString(block.Statement(EmbeddedColumnStore.Database, deduplicationToken) + " FORMAT Native");
        await SendAsync(WriteSettings + "query=" + query, content, InsertTimeout, output: null, cancellation);
    }

    /// <inheritdoc/>
    public async ValueTask<QueryResult> QueryAsync(StoreQuery query, CancellationToken cancellation = default)
    {
        var output = new ArrayBufferWriter<byte>(64 << 10);
        await QueryFormattedAsync(query, "Native", output, cancellation);
        return NativeReader.Read(output.WrittenMemory, copies: false);
    }

    /// <inheritdoc/>
    public async ValueTask QueryFormattedAsync(StoreQuery query, string format, IBufferWriter<byte> output, CancellationToken cancellation = default)
    {
        // As a form: a list of series is too long for an address.
        using var content = new MultipartFormDataContent { { new StringContent(query.Statement()), "query" } };
        foreach ((string name, string value) in query.Parameters)
        {
            content.Add(new StringContent(SqlText.Parameter(query.Sql, name, value)), "param_" + name);
        }
        string settings = $"database={EmbeddedColumnStore.Database}&default_format={format}&output_format_json_quote_64bit_integers=0&wait_end_of_query=1";
        // A list that is read from a table of all shards is read once, and sent to each.
        settings += _cluster is null ? "" : "&distributed_product_mode=global";
        await SendAsync(settings, content, query.Timeout + Grace, output, cancellation);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Waits until the server answers, or patience ends: what comes next says what is wrong then.</summary>
    private async Task ReachAsync(TimeSpan patience, Action<string>? notice, CancellationToken cancellation)
    {
        long since = Stopwatch.GetTimestamp();
        for (bool isTold = false; await AwayAsync(cancellation) is { } reason && Stopwatch.GetElapsedTime(since) < patience; isTold = true)
        {
            if (!isTold)
            {
                notice?.Invoke(string.Create(CultureInfo.InvariantCulture, $"{reason}; waiting for it, {patience.TotalSeconds:0} s at most"));
            }
            await Task.Delay(BetweenTries, cancellation);
        }
    }

    /// <summary>Why no server answers; null where one does, be it by a refusal.</summary>
    private async Task<string?> AwayAsync(CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(TryTimeout);
        try
        {
            using var content = new StringContent("SELECT 1", Encoding.UTF8);
            using HttpResponseMessage response = await _http.PostAsync(_url, content, limit.Token);
            return response.StatusCode is HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout
                ? (await FailureAsync(response, limit.Token)).Message
                : null;
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException)
        {
            return Unreachable(failure).Message;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return Silent(TryTimeout).Message;
        }
    }

    /// <summary>Connects so that a server whose machine or network is gone is noticed while its answer is waited for.</summary>
    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, SilentSeconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, SilentSeconds / 3);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
            if (OperatingSystem.IsLinux())
            {
                // What was sent and is not acknowledged keeps the questions back.
                socket.SetRawSocketOption((int)SocketOptionLevel.Tcp, LinuxTcpUserTimeout, BitConverter.GetBytes(2 * SilentSeconds * 1000));
            }
            await socket.ConnectAsync(context.DnsEndPoint, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends a request and reads its whole answer, both within one time.</summary>
    private async Task SendAsync(string parameters, HttpContent content, TimeSpan timeout, IBufferWriter<byte>? output, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(timeout);
        using var request = new HttpRequestMessage(HttpMethod.Post, new UriBuilder(_url) { Query = parameters }.Uri) { Content = content };
        try
        {
            using HttpResponseMessage response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            if (!response.IsSuccessStatusCode)
            {
                throw await FailureAsync(response, limit.Token);
            }
            if (output is not null)
            {
                await using Stream body = await response.Content.ReadAsStreamAsync(limit.Token);
                for (int read = -1; read != 0; output.Advance(read))
                {
                    read = await body.ReadAsync(output.GetMemory(64 << 10), limit.Token);
                }
            }
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException)
        {
            throw Unreachable(failure);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw Silent(timeout);
        }
    }

    private async Task<StoreException> FailureAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        string text = (await response.Content.ReadAsStringAsync(cancellation)).Trim();
        return text.StartsWith("Code: ", StringComparison.Ordinal)
            ? ChdbConnection.Parse(text)
            : new StoreException(0, $"the store at {_url} answered {(int)response.StatusCode}: {(text.Length > 0 ? text : response.ReasonPhrase)}");
    }

    private StoreException Silent(TimeSpan timeout) => new(0, string.Create(CultureInfo.InvariantCulture, $"the store at {_url} did not answer within {timeout.TotalSeconds:0} s"));

    private StoreException Unreachable(Exception failure) => new(0, $"the store at {_url} cannot be reached: {failure.Message}");
}
