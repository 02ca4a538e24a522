using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using Google.Protobuf;
using SloEngine.Otlp.Grpc;
using SloEngine.Otlp.Grpc.Health;
using SloEngine.Otlp.Protobuf;
using static SloEngine.Otlp.Grpc.Health.HealthCheckResponse.Types;

namespace SloEngine.Otlp.Tests.Grpc;

public sealed class GrpcEndpointsTests : IAsyncLifetime
{
    private const int Limit = 1024;
    private const string Health = "/grpc.health.v1.Health/";

    private readonly TaskCompletionSource _cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private GrpcServer _server = null!;
    private bool _ready = true;

    public async Task InitializeAsync() => _server = await GrpcServer.StartAsync(application =>
    {
        application.MapGrpcUnary("/test.Echo/Say", (_, message) => ValueTask.FromResult<ReadOnlyMemory<byte>>(message.ToArray()), Limit);
        application.MapGrpcUnary("/test.Echo/Refuse", (_, _) => throw new GrpcStatusException(GrpcStatusCode.Unavailable, "100% full: später", TimeSpan.FromMilliseconds(2500)));
        application.MapGrpcUnary("/test.Echo/Break", (_, _) => throw new InvalidOperationException("a secret"));
        application.MapGrpcUnary("/test.Echo/Wait", async (call, _) =>
        {
            using CancellationTokenRegistration registration = call.Cancellation.Register(_cancelled.SetResult);
            await Task.Delay(Timeout.InfiniteTimeSpan, call.Cancellation);
            return default;
        });
        new HealthService(() => _ready, new HashSet<string> { "known" }, TimeProvider.System).Map(application);
        application.MapGrpcUnimplemented();
    });

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task A_unary_call_gets_its_message_and_status_0()
    {
        GrpcAnswer answer = await _server.CallAsync("/test.Echo/Say", [1, 2, 3]);

        Assert.Equal((HttpStatusCode.OK, "0", null), (answer.Http, answer.Status, answer.Message));
        Assert.Equal([1, 2, 3], answer.Single());
    }

    [Fact]
    public async Task An_empty_message_is_a_message()
    {
        GrpcAnswer answer = await _server.CallAsync("/test.Echo/Say", []);

        Assert.Equal("0", answer.Status);
        Assert.Empty(answer.Single());
    }

    [Fact]
    public async Task A_gzip_message_is_decompressed()
    {
        byte[] message = [.. Enumerable.Repeat((byte)7, 1000)];
        GrpcAnswer answer = await _server.CallAsync("/test.Echo/Say", Gzip(message), compressed: true, ("grpc-encoding", "gzip"));

        Assert.Equal(message, answer.Single());
    }

    [Fact]
    public async Task A_message_of_exactly_the_limit_passes_and_one_byte_more_does_not()
    {
        Assert.Equal("0", (await _server.CallAsync("/test.Echo/Say", new byte[Limit])).Status);

        GrpcAnswer refused = await _server.CallAsync("/test.Echo/Say", new byte[Limit + 1]);
        Assert.Equal(("8", "the message has 1025 bytes; the limit is 1024"), (refused.Status, refused.Message));
    }

    [Fact]
    public async Task A_small_message_that_grows_past_the_limit_is_refused()
    {
        Assert.Equal("0", (await _server.CallAsync("/test.Echo/Say", Gzip(new byte[Limit]), compressed: true, ("grpc-encoding", "gzip"))).Status);

        GrpcAnswer refused = await _server.CallAsync("/test.Echo/Say", Gzip(new byte[100_000]), compressed: true, ("grpc-encoding", "gzip"));
        Assert.Equal(("8", "the message has more than 1024 bytes; the limit is 1024"), (refused.Status, refused.Message));
    }

    [Fact]
    public async Task A_compression_that_is_not_known_is_unimplemented_and_damaged_gzip_invalid()
    {
        GrpcAnswer unknown = await _server.CallAsync("/test.Echo/Say", [1], compressed: true, ("grpc-encoding", "snappy"));
        Assert.Equal(("12", "grpc-encoding 'snappy' is not supported; use identity or gzip"), (unknown.Status, unknown.Message));

        GrpcAnswer damaged = await _server.CallAsync("/test.Echo/Say", [1, 2, 3, 4], compressed: true, ("grpc-encoding", "gzip"));
        Assert.Equal("3", damaged.Status);
        Assert.StartsWith("the message is no valid gzip", damaged.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { }, "3", "the request ends after 0 bytes, inside its message")]
    [InlineData(new byte[] { 0, 0, 0, 0 }, "3", "the request ends after 4 bytes, inside its message")]
    [InlineData(new byte[] { 0, 0, 0, 0, 9, 1 }, "3", "the request ends after 6 bytes, inside its message")]
    [InlineData(new byte[] { 2, 0, 0, 0, 0 }, "13", "the message's compressed flag is 2, expected 0 or 1")]
    public async Task A_body_that_is_no_message_is_refused(byte[] body, string status, string message)
    {
        using HttpResponseMessage response = await _server.OpenAsync("/test.Echo/Say", body);
        var answer = new GrpcAnswer(response, await response.Content.ReadAsByteArrayAsync());

        Assert.Equal((status, message), (answer.Status, answer.Message));
    }

    [Fact]
    public async Task A_method_that_is_not_there_is_unimplemented()
    {
        GrpcAnswer answer = await _server.CallAsync("/test.Echo/Sing", []);

        Assert.Equal((HttpStatusCode.OK, "12", "there is no method /test.Echo/Sing"), (answer.Http, answer.Status, answer.Message));
    }

    [Fact]
    public async Task A_refusal_carries_an_encoded_message_and_when_to_retry()
    {
        GrpcAnswer answer = await _server.CallAsync("/test.Echo/Refuse", []);

        Assert.Equal(("14", "100%25 full: sp%C3%A4ter"), (answer.Status, answer.Message));
        Assert.True(answer.IsEmpty);
        Assert.Equal((14ul, 2ul, 500_000_000ul), RetryInfo(Convert.FromBase64String(answer.Details!)));
    }

    [Fact]
    public async Task A_failure_of_the_handler_is_internal_and_tells_no_more()
    {
        GrpcAnswer answer = await _server.CallAsync("/test.Echo/Break", []);

        Assert.Equal(("13", "internal error"), (answer.Status, answer.Message));
    }

    [Fact]
    public async Task A_call_ends_at_its_deadline()
    {
        GrpcAnswer answer = await _server.CallAsync("/test.Echo/Wait", [], compressed: false, ("grpc-timeout", "50m"));

        Assert.Equal(("4", "the deadline passed"), (answer.Status, answer.Message));
        await _cancelled.Task;
    }

    [Fact]
    public async Task Health_answers_for_the_server_and_its_services()
    {
        Assert.Equal(ServingStatus.Serving, await CheckAsync(""));
        Assert.Equal(ServingStatus.Serving, await CheckAsync("known"));
        _ready = false;
        Assert.Equal(ServingStatus.NotServing, await CheckAsync("known"));

        GrpcAnswer unknown = await _server.CallAsync(Health + "Check", new HealthCheckRequest { Service = "other" }.ToByteArray());
        Assert.Equal(("5", "service 'other' is not served here"), (unknown.Status, unknown.Message));
    }

    [Fact]
    public async Task A_request_that_is_no_message_of_the_service_is_invalid()
    {
        GrpcAnswer answer = await _server.CallAsync(Health + "Check", [0x0a, 0x7f]);

        Assert.Equal("3", answer.Status);
        Assert.StartsWith("the message is no grpc.health.v1.HealthCheckRequest", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_watch_sends_the_status_and_what_it_becomes_until_the_server_stops()
    {
        using HttpResponseMessage response = await _server.OpenAsync(Health + "Watch", GrpcServer.Frame([]));
        using Stream body = await response.Content.ReadAsStreamAsync();

        Assert.Equal(ServingStatus.Serving, await NextAsync(body));
        _ready = false;
        Assert.Equal(ServingStatus.NotServing, await NextAsync(body));

        Task stopped = _server.StopAsync();
        Assert.Equal(0, await body.ReadAsync(new byte[1]));
        Assert.Equal(("14", "the server is stopping"), (GrpcAnswer.Trailer(response, "grpc-status"), GrpcAnswer.Trailer(response, "grpc-message")));
        await stopped;
    }

    [Fact]
    public async Task A_service_with_a_method_that_is_not_mapped_does_not_start()
    {
        InvalidOperationException wrong = await Assert.ThrowsAsync<InvalidOperationException>(() => GrpcServer.StartAsync(application =>
            application.MapGrpcService(HealthReflection.Descriptor.Services[0], service =>
                service.Unary<HealthCheckRequest, HealthCheckResponse>("Check", (_, _) => ValueTask.FromResult(new HealthCheckResponse())))));

        Assert.Equal("grpc.health.v1.Health/Watch is in the contract and not mapped", wrong.Message);
    }

    private async Task<ServingStatus> CheckAsync(string service)
    {
        GrpcAnswer answer = await _server.CallAsync(Health + "Check", new HealthCheckRequest { Service = service }.ToByteArray());
        Assert.Equal("0", answer.Status);
        return HealthCheckResponse.Parser.ParseFrom(answer.Single()).Status;
    }

    private static async Task<ServingStatus> NextAsync(Stream body)
    {
        byte[] prefix = new byte[5];
        await body.ReadExactlyAsync(prefix);
        byte[] message = new byte[BinaryPrimitives.ReadInt32BigEndian(prefix.AsSpan(1))];
        await body.ReadExactlyAsync(message);
        return HealthCheckResponse.Parser.ParseFrom(message).Status;
    }

    /// <summary>Code of a <c>google.rpc.Status</c> and the delay of its <c>RetryInfo</c>.</summary>
    private static (ulong Code, ulong Seconds, ulong Nanos) RetryInfo(byte[] status)
    {
        var any = new ProtobufReader(new ProtobufReader(status).Last(3));
        Assert.Equal("type.googleapis.com/google.rpc.RetryInfo"u8, any.Last(1));
        var duration = new ProtobufReader(new ProtobufReader(any.Last(2)).Last(1));
        return (Varint(new ProtobufReader(status), 1), Varint(duration, 1), Varint(duration, 2));

        static ulong Varint(ProtobufReader message, int field)
        {
            while (message.Next())
            {
                if (message.Field == field)
                {
                    return message.VarintField();
                }
                message.Skip();
            }
            return 0;
        }
    }

    private static byte[] Gzip(byte[] message)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.SmallestSize))
        {
            gzip.Write(message);
        }
        return compressed.ToArray();
    }
}
