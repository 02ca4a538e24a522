using SloEngine.Alerting.Backtests;
using SloEngine.Slo.Model;

namespace SloEngine.Server.Backtesting;

/// <summary>SLOs that are tested together, with their policies.</summary>
/// <param name="Name">What tells them apart in the report.</param>
/// <param name="Slos">At least one.</param>
internal sealed record BacktestSlos(string Name, IReadOnlyList<ServiceLevelObjective> Slos);

/// <summary>A backtest that can be carried out: what a <see cref="BacktestRequest"/> asks for, read and checked.</summary>
/// <param name="Tenant">Whose telemetry is replayed.</param>
/// <param name="Range">The stretch of history.</param>
/// <param name="Sides">What is compared, at least one.</param>
/// <param name="Incidents">What went wrong; none when that is not known.</param>
/// <param name="Grace">How long after an incident's end alerts still tell of it.</param>
internal sealed record BacktestPlan(string Tenant, BacktestRange Range, IReadOnlyList<BacktestSlos> Sides, IReadOnlyList<Incident> Incidents, TimeSpan Grace);
