namespace SloEngine.Server.Demo;

/// <summary>An HTTP route of a simulated workload.</summary>
/// <param name="Workload">Workload that serves it.</param>
/// <param name="Method">HTTP method.</param>
/// <param name="Path">Route template.</param>
/// <param name="MedianMs">Median of the route's own time, without its calls.</param>
/// <param name="Spread">Sigma of the log-normal distribution of that time.</param>
/// <param name="ErrorRatio">Share of requests that fail by themselves in quiet times.</param>
/// <param name="Calls">Routes that it calls, one after the other.</param>
internal sealed record Route(string Workload, string Method, string Path, double MedianMs, double Spread, double ErrorRatio, params Route[] Calls);

/// <summary>A stream of requests from outside.</summary>
/// <param name="Route">Where they go.</param>
/// <param name="RequestsPerSecond">Mean rate in quiet times.</param>
internal sealed record Traffic(Route Route, double RequestsPerSecond);

/// <summary>The simulated platform: its control plane and three tenants' services.</summary>
internal static class Topology
{
    public static readonly string[] Tenants = ["acme", "globex", "initech"];

    private static readonly Route Charge = new("payments", "POST", "/charge", 35, 0.4, 0.00005);
    private static readonly Route Stock = new("catalog", "GET", "/stock/{sku}", 12, 0.5, 0.00005);
    private static readonly Route Products = new("catalog", "GET", "/products", 40, 0.5, 0.00005);
    private static readonly Route Checkout = new("checkout", "POST", "/checkout", 30, 0.4, 0.0001, Stock, Charge);

    public static readonly IReadOnlyList<Traffic> External =
    [
        new(new Route("storefront", "GET", "/", 15, 0.4, 0.00005, Products), 20),
        new(new Route("storefront", "POST", "/cart/checkout", 10, 0.4, 0.00005, Checkout), 12),
        new(new Route("platform-api", "GET", "/v1/apps", 8, 0.5, 0.00005), 10),
        new(new Route("platform-api", "PUT", "/v1/apps/{app}/config", 25, 0.5, 0.0001), 2),
    ];

    public static readonly IReadOnlyList<string> Workloads = ["storefront", "checkout", "payments", "catalog", "platform-api", "deployer", "functions"];
}
