using Microsoft.AspNetCore.Routing;
using static SloEngine.Otlp.Grpc.Health.HealthCheckResponse.Types;

namespace SloEngine.Otlp.Grpc.Health;

/// <summary>Serves <c>grpc.health.v1.Health</c>.</summary>
/// <param name="isReady">Whether the process serves.</param>
/// <param name="services">Names of the services that are served; the empty name stands for the whole server.</param>
/// <param name="time">Clock of <c>Watch</c>.</param>
public sealed class HealthService(Func<bool> isReady, IReadOnlySet<string> services, TimeProvider time)
{
    private static readonly TimeSpan WatchPeriod = TimeSpan.FromSeconds(1);

    /// <summary>Maps the service.</summary>
    public void Map(IEndpointRouteBuilder endpoints) => endpoints.MapGrpcService(HealthReflection.Descriptor.Services[0], service => service
        .Unary<HealthCheckRequest, HealthCheckResponse>("Check", (request, _) =>
        {
            ServingStatus status = Status(request.Service);
            return status == ServingStatus.ServiceUnknown
                ? throw new GrpcStatusException(GrpcStatusCode.NotFound, $"service '{request.Service}' is not served here")
                : ValueTask.FromResult(new HealthCheckResponse { Status = status });
        })
        .ServerStreaming<HealthCheckRequest, HealthCheckResponse>("Watch", async (request, stream, call) =>
        {
            ServingStatus? sent = null;
            using var timer = new PeriodicTimer(WatchPeriod, time);
            do
            {
                ServingStatus status = Status(request.Service);
                if (status != sent)
                {
                    await stream.WriteAsync(new HealthCheckResponse { Status = status }, call.Cancellation);
                    sent = status;
                }
            }
            while (await timer.WaitForNextTickAsync(call.Cancellation));
        }));

    private ServingStatus Status(string service) =>
        service.Length > 0 && !services.Contains(service) ? ServingStatus.ServiceUnknown
        : isReady() ? ServingStatus.Serving
        : ServingStatus.NotServing;
}
