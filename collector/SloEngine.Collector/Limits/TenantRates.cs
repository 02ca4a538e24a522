using System.Collections.Concurrent;
using System.Globalization;
using SloEngine.Collector.Ingest;

namespace SloEngine.Collector.Limits;

/// <summary>The allowances of the tenants that have a limit. Names are free to choose, so allowances nobody draws on are forgotten.</summary>
internal sealed class TenantRates(CollectorOptions options, TimeProvider time)
{
    private const int Many = 10_000;

    private readonly ConcurrentDictionary<string, RateLimit> _byTenant = new(StringComparer.Ordinal);

    /// <summary>Charges a request to its tenant, or tells when to come again.</summary>
    public bool TryTake(string tenant, long bytes, out TimeSpan retryAfter)
    {
        retryAfter = default;
        TenantLimits limits = options.LimitsOf(tenant);
        if (limits.BytesPerSecond == 0)
        {
            return true;
        }
        if (!_byTenant.TryGetValue(tenant, out RateLimit? rate))
        {
            if (_byTenant.Count >= Many)
            {
                ForgetFull();
            }
            rate = _byTenant.GetOrAdd(tenant, static (_, made) => new RateLimit(made.limits, made.time), (limits, time));
        }
        return rate.TryTake(bytes, out retryAfter);
    }

    /// <summary>What a tenant is told that has used its allowance up.</summary>
    public IngestUnavailableException OverRate(string tenant, TimeSpan retryAfter) => new(
        string.Create(CultureInfo.InvariantCulture, $"tenant {tenant} is over its limit of {options.LimitsOf(tenant).BytesPerSecond} bytes a second"), retryAfter, "rate_limit")
    {
        IsTenantLimit = true,
    };

    /// <summary>Takes back what a tenant was charged for a request of which nothing was kept.</summary>
    public void GiveBack(string tenant, long bytes)
    {
        if (_byTenant.TryGetValue(tenant, out RateLimit? rate))
        {
            rate.GiveBack(bytes);
        }
    }

    private void ForgetFull()
    {
        foreach ((string tenant, RateLimit rate) in _byTenant)
        {
            if (rate.IsFull)
            {
                _byTenant.TryRemove(tenant, out _);
            }
        }
    }
}
