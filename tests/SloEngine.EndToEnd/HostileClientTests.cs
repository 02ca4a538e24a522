using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;

namespace SloEngine.EndToEnd;

/// <summary>Clients that are slow, or mean harm, over real sockets: each is told or cut off, costs bounded memory, and the others are served.</summary>
public sealed class HostileClientTests : IAsyncLifetime, IDisposable
{
    private const long MostGrowth = 200 << 20;

    private readonly TemporaryDirectory _files = new();
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(60) };
    private ServerProcess _server = null!;

    public async Task InitializeAsync()
    {
        _server = await ServerProcess.StartAsync(Path.Combine(_files.Path, "data"), "--self-telemetry", "off", "--max-connections", "600");
        Assert.Equal(HttpStatusCode.OK, await PostAsync("/v1/logs", Log(), "application/json"));
        await _server.StoredAsync();
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    public void Dispose()
    {
        _http.Dispose();
        _files.Dispose();
    }

    [Fact]
    public async Task Slow_headers_and_slow_bodies_are_cut_off_and_the_others_are_served_meanwhile()
    {
        Task<string>[] slow =
        [
            .. Enumerable.Range(0, 50).Select(_ => DripAsync(_server.OtlpHttp, "POST /v1/logs HTTP/1.1\r\nHost: x\r\nX-Slow: ", "a")),
            .. Enumerable.Range(0, 50).Select(_ => DripAsync(
                _server.OtlpHttp, "POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n", " ")),
            .. Enumerable.Range(0, 10).Select(_ => SlowCallAsync()),
        ];
        while (slow.Any(one => !one.IsCompleted))
        {
            Assert.Equal(HttpStatusCode.OK, await PostAsync("/v1/logs", Log(), "application/json"));
            await Task.WhenAny(Task.WhenAll(slow), Task.Delay(500));
        }

        Assert.All(await Task.WhenAll(slow), end => Assert.True(end is "" || end.StartsWith("HTTP/1.1 408", StringComparison.Ordinal), end));
    }

    [Fact]
    public async Task Bodies_built_to_grow_or_to_nest_are_refused_and_take_no_memory()
    {
        byte[] bomb = await BombAsync();
        byte[] nested = Nested(depth: 5_000);
        byte[] nestedJson = Encoding.ASCII.GetBytes(
            """{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":""" + string.Concat(Enumerable.Repeat("""{"arrayValue":{"values":[""", 20_000)));
        byte[] longVarint = [0x0A, .. Enumerable.Repeat((byte)0xFF, 11), 0x01];
        byte[] longLength = [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F];
        long before = 0;

        for (int again = 0; again < 6; again++)
        {
            // The first time makes the buffers that are kept.
            before = again == 1 ? Resident() : before;
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await PostAsync("/v1/logs", bomb, "application/x-protobuf", "gzip"));
            Assert.Equal("8", await CallAsync(bomb, isCompressed: true));
            foreach (string path in (string[])["/v1/logs", "/v1/metrics", "/v1/traces"])
            {
                Assert.Equal(HttpStatusCode.BadRequest, await PostAsync(path, longVarint, "application/x-protobuf"));
                Assert.Equal(HttpStatusCode.BadRequest, await PostAsync(path, longLength, "application/x-protobuf"));
            }
            Assert.Equal(HttpStatusCode.BadRequest, await PostAsync("/v1/logs", nestedJson, "application/json"));
            Assert.Contains(await PostAsync("/v1/logs", nested, "application/x-protobuf"), (HttpStatusCode[])[HttpStatusCode.OK, HttpStatusCode.BadRequest]);
            Assert.Equal("3", await CallAsync(longVarint, isCompressed: false));
        }

        Assert.InRange(Resident() - before, long.MinValue, MostGrowth);
        Assert.Equal(HttpStatusCode.OK, await PostAsync("/v1/logs", Log(), "application/json"));
    }

    [Fact]
    public async Task Thousands_of_tiny_requests_are_each_acknowledged_and_cost_no_memory_that_stays()
    {
        const int Requests = 6_000;
        const int Senders = 16;
        double before = await _server.SqlNumberAsync("SELECT count() FROM logs");
        long resident = Resident();

        await Task.WhenAll(Enumerable.Range(0, Senders).Select(async _ =>
        {
            for (int request = 0; request < Requests / Senders; request++)
            {
                Assert.Equal(HttpStatusCode.OK, await PostAsync("/v1/logs", Log(), "application/json"));
            }
        }));

        await _server.StoredAsync();
        Assert.Equal(Requests, await _server.SqlNumberAsync("SELECT count() FROM logs") - before);
        Assert.InRange(Resident() - resident, long.MinValue, MostGrowth);
    }

    [Fact]
    public async Task Idle_connections_cost_little_those_beyond_the_limit_are_closed_and_the_others_are_served()
    {
        long resident = Resident();
        List<TcpClient> idle = [];
        try
        {
            for (int connection = 0; connection < 800; connection++)
            {
                var client = new TcpClient();
                idle.Add(client);
                await client.ConnectAsync(_server.OtlpHttp.Host, _server.OtlpHttp.Port);
            }
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            // The last one is beyond the limit: its end comes at once.
            Assert.Equal(0, await idle[^1].GetStream().ReadAsync(new byte[1], patience.Token));

            // On the connection that is open already.
            Assert.Equal(HttpStatusCode.OK, await PostAsync("/v1/logs", Log(), "application/json"));
            Assert.InRange(Resident() - resident, long.MinValue, MostGrowth);
        }
        finally
        {
            idle.ForEach(client => client.Dispose());
        }
        await ServerProcess.UntilAsync(
            async () =>
            {
                using var fresh = new HttpClient();
                using var content = new ByteArrayContent(Log());
                content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
                try
                {
                    return (await fresh.PostAsync(new Uri(_server.OtlpHttp, "/v1/logs"), content)).StatusCode;
                }
                catch (HttpRequestException)
                {
                    return HttpStatusCode.ServiceUnavailable;
                }
            },
            status => status == HttpStatusCode.OK,
            TimeSpan.FromSeconds(20));
    }

    /// <summary>A hundred bodies that stop before their end, of 3.75 MB each: there is memory for 64 MiB of them.</summary>
    [Fact]
    public async Task Bodies_that_stop_before_their_end_take_the_memory_there_is_for_bodies_and_the_others_are_served()
    {
        await using ServerProcess server = await ServerProcess.StartAsync(
            Path.Combine(_files.Path, "small"), "--self-telemetry", "off", "--memory-budget-bytes", "33554432", "--max-body-bytes", "4194304");
        using var process = Process.GetProcessById(server.Id);
        Task<HttpStatusCode> SendAsync() => PostAsync(server.OtlpHttp, "/v1/logs", Log(), "application/json", null);
        Assert.Equal(HttpStatusCode.OK, await SendAsync());
        process.Refresh();
        long before = process.WorkingSet64;
        string head = "POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 4000000\r\n\r\n";
        var stopped = new byte[3_750_000];
        List<TcpClient> clients = [];
        try
        {
            List<Task<string>> answers = [];
            for (int client = 0; client < 100; client++)
            {
                var one = new TcpClient();
                clients.Add(one);
                await one.ConnectAsync(server.OtlpHttp.Host, server.OtlpHttp.Port);
                answers.Add(AnswerAsync(one.GetStream(), [.. Encoding.ASCII.GetBytes(head), .. stopped]));
                Assert.Equal(HttpStatusCode.OK, await SendAsync());
            }
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            // Those of the newest fit into 64 MiB.
            await Task.WhenAll(answers[..80]).WaitAsync(patience.Token);

            Assert.All(answers[..80], answer => Assert.StartsWith("HTTP/1.1 503", answer.Result, StringComparison.Ordinal));
            Assert.All(answers[^10..], answer => Assert.False(answer.IsCompleted));
            process.Refresh();
            Assert.InRange(process.WorkingSet64 - before, long.MinValue, MostGrowth);
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }

    private static byte[] Log() =>
        """{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"hello"}}]}]}]}"""u8.ToArray();

    /// <summary>A gibibyte of zeros, as gzip.</summary>
    private static async Task<byte[]> BombAsync()
    {
        var compressed = new MemoryStream();
        await using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest))
        {
            var zeros = new byte[1 << 20];
            for (int mebibyte = 0; mebibyte < 1024; mebibyte++)
            {
                await gzip.WriteAsync(zeros);
            }
        }
        return compressed.ToArray();
    }

    /// <summary>A log record whose body is an array in an array in an array.</summary>
    private static byte[] Nested(int depth)
    {
        byte[] message = [];
        for (int level = 0; level < depth; level++)
        {
            // AnyValue.array_value (5) of ArrayValue.values (1).
            message = Field(5, Field(1, message));
        }
        return Field(1, Field(2, Field(2, Field(5, message))));
    }

    private static byte[] Field(int number, byte[] message)
    {
        var bytes = new List<byte>(message.Length + 6) { (byte)((number << 3) | 2) };
        for (uint length = (uint)message.Length; ; length >>= 7)
        {
            bytes.Add((byte)(length < 0x80 ? length : length | 0x80));
            if (length < 0x80)
            {
                break;
            }
        }
        bytes.AddRange(message);
        return [.. bytes];
    }

    private long Resident()
    {
        using var process = Process.GetProcessById(_server.Id);
        return process.WorkingSet64;
    }

    private Task<HttpStatusCode> PostAsync(string path, byte[] body, string type, string? encoding = null) => PostAsync(_server.OtlpHttp, path, body, type, encoding);

    private async Task<HttpStatusCode> PostAsync(Uri address, string path, byte[] body, string type, string? encoding)
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue(type);
        if (encoding is not null)
        {
            content.Headers.ContentEncoding.Add(encoding);
        }
        using HttpResponseMessage response = await _http.PostAsync(new Uri(address, path), content);
        return response.StatusCode;
    }

    private async Task<string> CallAsync(byte[] message, bool isCompressed)
    {
        int length = message.Length;
        using HttpRequestMessage request = Call(new ByteArrayContent(
            [(byte)(isCompressed ? 1 : 0), (byte)(length >> 24), (byte)(length >> 16), (byte)(length >> 8), (byte)length, .. message]));
        if (isCompressed)
        {
            request.Headers.Add("grpc-encoding", "gzip");
        }
        using HttpResponseMessage response = await _http.SendAsync(request);
        await response.Content.ReadAsByteArrayAsync();
        return (response.TrailingHeaders.TryGetValues("grpc-status", out IEnumerable<string>? status) ? status : response.Headers.GetValues("grpc-status")).Single();
    }

    private HttpRequestMessage Call(HttpContent content)
    {
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        return new HttpRequestMessage(HttpMethod.Post, new Uri(_server.Grpc, "/opentelemetry.proto.collector.logs.v1.LogsService/Export"))
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = content,
        };
    }

    /// <summary>Sends bytes and waits for what the server says; empty when the connection ends without.</summary>
    private static async Task<string> AnswerAsync(NetworkStream stream, byte[] bytes)
    {
        try
        {
            await stream.WriteAsync(bytes);
            var said = new byte[4096];
            return Encoding.ASCII.GetString(said, 0, await stream.ReadAsync(said));
        }
        catch (IOException)
        {
            return "";
        }
    }

    /// <summary>Sends a beginning and then a byte a second, until the server ends the connection; returns what it said.</summary>
    private static async Task<string> DripAsync(Uri address, string beginning, string drop)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(beginning));
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(50));
        var said = new byte[4096];
        ValueTask<int> reading = stream.ReadAsync(said, patience.Token);
        try
        {
            while (!reading.IsCompleted)
            {
                await stream.WriteAsync(Encoding.ASCII.GetBytes(drop), patience.Token);
                await Task.Delay(1000, patience.Token);
            }
            return Encoding.ASCII.GetString(said, 0, await reading);
        }
        catch (IOException)
        {
            return "";
        }
    }

    /// <summary>A call whose message stops after its beginning, until the server ends it.</summary>
    private async Task<string> SlowCallAsync()
    {
        using var http = new HttpClient();
        using HttpRequestMessage request = Call(new Stalled());
        try
        {
            using HttpResponseMessage response = await http.SendAsync(request).WaitAsync(TimeSpan.FromSeconds(50));
            return response.Headers.TryGetValues("grpc-status", out IEnumerable<string>? status) && status.Single() != "0" ? "" : "was answered";
        }
        catch (Exception ended) when (ended is HttpRequestException or OperationCanceledException)
        {
            return "";
        }
    }

    private sealed class Stalled : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, default);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await stream.WriteAsync(new byte[] { 0, 0, 1, 0, 0, 1 }, cancellationToken);
            await stream.FlushAsync(cancellationToken);
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
