using SloEngine.Alerting.Http;
using SloEngine.Slo.Model;

namespace SloEngine.Alerting.Corrections;

/// <summary>Something that was done, by whom, when and why.</summary>
/// <param name="Editor">Who.</param>
/// <param name="Reason">Why.</param>
/// <param name="At">When.</param>
public sealed record AuditEntry(Editor Editor, string Reason, DateTimeOffset At);

/// <summary>A correction with its trail: it may be revoked, and is never forgotten.</summary>
/// <param name="Id">Id: another for each, but for a request that is made again with its key. Empty for one that was not made.</param>
/// <param name="Correction">What it does.</param>
/// <param name="Reference">Ticket, incident or the like; may be empty.</param>
/// <param name="Made">Who made it.</param>
/// <param name="Revoked">Who revoked it; null while it holds.</param>
public sealed record AuditedCorrection(string Id, BudgetCorrection Correction, string Reference, AuditEntry Made, AuditEntry? Revoked);

/// <summary>A correction, and what it does to the budget of what it is about: the SLO, one of its objectives or groups.</summary>
/// <param name="Correction">The correction.</param>
/// <param name="Before">Share of the budget that is left without it.</param>
/// <param name="After">Share of the budget that is left with it.</param>
public sealed record CorrectedBudget(AuditedCorrection Correction, double Before, double After);
