using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace SloEngine.Server.Demo;

/// <summary>
/// A small simulated PaaS that emits metrics, traces and logs through the OpenTelemetry SDK into a collector: a storefront with its
/// services, the control-plane API, a deployer and web functions. Requests are drawn at random (Poisson arrivals, log-normal times).
/// </summary>
internal sealed partial class DemoPlatform(Uri collector, TimeProvider time, ILogger<DemoPlatform> logger) : BackgroundService
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(200);

    // Requests are reported as having started a moment ago, so that none ends in the future.
    private static readonly TimeSpan ReportingDelay = TimeSpan.FromSeconds(2);

    private readonly Random _random = new(20_260_101);
    private Dictionary<string, Workload> _workloads = [];
    private TimeSpan _elapsed;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        _workloads = Topology.Workloads.ToDictionary(name => name, name => new Workload(name, "1.4.2", collector));
        try
        {
            await RunAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Told to stop.
        }
        finally
        {
            foreach (Workload workload in _workloads.Values)
            {
                workload.Dispose();
            }
        }
    }

    private async Task RunAsync(CancellationToken stopping)
    {
        Workload deployer = _workloads["deployer"];
        Workload functions = _workloads["functions"];
        Counter<long> deployments = deployer.Meter.CreateCounter<long>("paas.deployments", "{deployment}", "Deployments by outcome.");
        Histogram<double> coldStarts = functions.Meter.CreateHistogram<double>(
            "faas.init_duration", "s", "Time to start a function instance.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2, 5] });
        Counter<long> invocations = functions.Meter.CreateCounter<long>("faas.invocations", "{invocation}", "Successful function invocations.");

        long begun = time.GetTimestamp();
        var announced = new HashSet<Incident>();
        using var timer = new PeriodicTimer(Tick, time);
        while (await timer.WaitForNextTickAsync(stopping))
        {
            TimeSpan now = time.GetElapsedTime(begun);
            double seconds = (now - _elapsed).TotalSeconds;
            _elapsed = now;
            Announce(announced);
            foreach (Traffic traffic in Topology.External)
            {
                double surge = Incident.At(_elapsed, traffic.Route.Workload)?.Surge ?? 1;
                for (int requests = Poisson(traffic.RequestsPerSecond * surge * seconds); requests > 0; requests--)
                {
                    string tenant = Topology.Tenants[_random.Next(Topology.Tenants.Length)];
                    Serve(traffic.Route, tenant, default, time.GetUtcNow() - ReportingDelay, out _);
                }
            }
            for (int deploys = Poisson(0.8 * seconds); deploys > 0; deploys--)
            {
                Deploy(deployer, deployments);
            }
            for (int calls = Poisson(6 * seconds); calls > 0; calls--)
            {
                Invoke(coldStarts, invocations);
            }
        }
    }

    /// <summary>Serves one request with all its calls: spans, the duration metric and a log where it fails. True when it succeeded.</summary>
    private bool Serve(Route route, string tenant, ActivityContext caller, DateTimeOffset start, out TimeSpan took)
    {
        Workload workload = _workloads[route.Workload];
        Incident? incident = Incident.At(_elapsed, route.Workload);
        using Activity? span = workload.Spans.StartActivity(
            $"{route.Method} {route.Path}", ActivityKind.Server, caller, startTime: start);
        span?.SetTag("http.request.method", route.Method);
        span?.SetTag("http.route", route.Path);
        span?.SetTag("paas.tenant", tenant);
        span?.SetTag("server.address", route.Workload + ".demo.internal");

        took = TimeSpan.FromMilliseconds(LogNormal(route.MedianMs, route.Spread) * (incident?.Slowdown ?? 1));
        bool failed = _random.NextDouble() < Math.Max(route.ErrorRatio, incident?.ErrorRatio ?? 0);
        int status = failed ? 503 : 200;
        foreach (Route call in route.Calls)
        {
            if (failed)
            {
                break;
            }
            if (!Call(workload, call, tenant, span?.Context ?? default, start + took, out TimeSpan callTook))
            {
                failed = true;
                status = 502;
            }
            took += callTook;
        }

        span?.SetTag("http.response.status_code", status);
        if (failed)
        {
            string cause = status == 502 ? "upstream failed" : incident?.Title ?? "connection pool exhausted";
            span?.SetStatus(ActivityStatusCode.Error, cause);
            span?.AddEvent(new ActivityEvent("exception", start + took, new ActivityTagsCollection
            {
                ["exception.type"] = status == 502 ? "UpstreamException" : "ServiceUnavailableException",
                ["exception.message"] = cause,
            }));
            LogFailure(workload.Log, route.Method, route.Path, status, tenant, cause);
        }
        else if (_random.NextDouble() < 0.05)
        {
            LogServed(workload.Log, route.Method, route.Path, status, tenant, took.TotalMilliseconds);
        }
        span?.SetEndTime((start + took).UtcDateTime);
        workload.RequestDuration.Record(
            took.TotalSeconds,
            new("http.request.method", route.Method),
            new("http.route", route.Path),
            new("http.response.status_code", status),
            new("paas.tenant", tenant));
        return !failed;
    }

    private bool Call(Workload caller, Route route, string tenant, ActivityContext parent, DateTimeOffset start, out TimeSpan took)
    {
        using Activity? span = caller.Spans.StartActivity(route.Method, ActivityKind.Client, parent, startTime: start);
        span?.SetTag("http.request.method", route.Method);
        span?.SetTag("server.address", route.Workload + ".demo.internal");
        TimeSpan network = TimeSpan.FromMilliseconds(LogNormal(1, 0.3));
        bool served = Serve(route, tenant, span?.Context ?? default, start + network, out TimeSpan callTook);
        took = callTook + (2 * network);
        if (!served)
        {
            span?.SetStatus(ActivityStatusCode.Error);
        }
        span?.SetEndTime((start + took).UtcDateTime);
        return served;
    }

    private void Deploy(Workload deployer, Counter<long> deployments)
    {
        Incident? incident = Incident.At(_elapsed, deployer.Name);
        bool failed = _random.NextDouble() < (incident?.ErrorRatio ?? 0.001);
        string tenant = Topology.Tenants[_random.Next(Topology.Tenants.Length)];
        DateTimeOffset start = time.GetUtcNow() - ReportingDelay;
        using Activity? span = deployer.Spans.StartActivity("deploy", ActivityKind.Internal, default(ActivityContext), startTime: start);
        span?.SetTag("paas.tenant", tenant);
        span?.SetTag("vcs.ref.head.revision", _random.NextInt64().ToString("x16", System.Globalization.CultureInfo.InvariantCulture));
        span?.SetEndTime((start + TimeSpan.FromMilliseconds(LogNormal(900, 0.2))).UtcDateTime);
        if (failed)
        {
            span?.SetStatus(ActivityStatusCode.Error, incident?.Title ?? "health check failed");
            LogDeployFailed(deployer.Log, tenant, incident?.Title ?? "health check failed");
        }
        else
        {
            LogDeployed(deployer.Log, tenant);
        }
        deployments.Add(1, new("outcome", failed ? "failure" : "success"), new("paas.tenant", tenant));
    }

    private void Invoke(Histogram<double> coldStarts, Counter<long> invocations)
    {
        string runtime = _random.Next(3) switch { 0 => "nodejs22", 1 => "python3.13", _ => "dotnet10" };
        if (_random.NextDouble() < 0.25)
        {
            double median = runtime == "dotnet10" ? 180 : 120;
            coldStarts.Record(LogNormal(median, 0.45) / 1000, new KeyValuePair<string, object?>("faas.runtime", runtime));
        }
        invocations.Add(1, new KeyValuePair<string, object?>("faas.runtime", runtime));
    }

    private void Announce(HashSet<Incident> announced)
    {
        foreach (Incident incident in Incident.Schedule)
        {
            bool active = ReferenceEquals(Incident.At(_elapsed, incident.Workload), incident);
            if (active && announced.Add(incident))
            {
                LogIncidentBegins(incident.Title, incident.Workload, incident.Lasts.TotalSeconds);
            }
            else if (!active && announced.Remove(incident))
            {
                LogIncidentEnds(incident.Title);
            }
        }
    }

    /// <summary>Knuth's method; the means here are small.</summary>
    private int Poisson(double mean)
    {
        double limit = Math.Exp(-mean);
        int count = 0;
        for (double product = _random.NextDouble(); product > limit; product *= _random.NextDouble())
        {
            count++;
        }
        return count;
    }

    private double LogNormal(double median, double sigma)
    {
        // Box-Muller; 1 - u keeps the logarithm finite.
        double normal = Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());
        return median * Math.Exp(sigma * normal);
    }

    [LoggerMessage(EventName = "demo.incident.begins", Level = LogLevel.Information, Message = "Demo incident begins: {Title} in {Workload}, for {Seconds} s")]
    private partial void LogIncidentBegins(string title, string workload, double seconds);

    [LoggerMessage(EventName = "demo.incident.ends", Level = LogLevel.Information, Message = "Demo incident ends: {Title}")]
    private partial void LogIncidentEnds(string title);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Route} failed with {StatusCode} for tenant {Tenant}: {Cause}")]
    private static partial void LogFailure(ILogger logger, string method, string route, int statusCode, string tenant, string cause);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Method} {Route} answered {StatusCode} for tenant {Tenant} in {Milliseconds} ms")]
    private static partial void LogServed(ILogger logger, string method, string route, int statusCode, string tenant, double milliseconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Deployment for tenant {Tenant} failed: {Cause}")]
    private static partial void LogDeployFailed(ILogger logger, string tenant, string cause);

    [LoggerMessage(Level = LogLevel.Information, Message = "Deployment for tenant {Tenant} succeeded")]
    private static partial void LogDeployed(ILogger logger, string tenant);
}
