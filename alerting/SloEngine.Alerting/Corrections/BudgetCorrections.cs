using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using SloEngine.Alerting.Definitions;
using SloEngine.Alerting.Http;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Alerting.Corrections;

/// <summary>Makes and revokes corrections of budgets.</summary>
public sealed class BudgetCorrections(CorrectionTable table, Ledger ledger, SloEvaluator evaluator, ISloRefresh refresh, TimeProvider time) : IDisposable
{
    /// <summary>Most that hold at a time for an SLO: each is looked at for every slot of time.</summary>
    private const int MaxActive = 200;

    private readonly SemaphoreSlim _gate = new(1);

    /// <summary>The corrections of an SLO, revoked ones too.</summary>
    public Task<IReadOnlyList<AuditedCorrection>> ReadAsync(string slo, CancellationToken cancellation) => table.ReadAsync(slo, cancellation);

    /// <summary>Makes a correction; when the task completes it is stored and in use.</summary>
    /// <param name="slo">The SLO.</param>
    /// <param name="request">The correction.</param>
    /// <param name="editor">Who makes it.</param>
    /// <param name="key">The request's own name among those about the SLO: made again under it, as after an answer that was lost, it counts once; null for none.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="ApiProblemException">The request makes no sense for the SLO, or another one was made under its key.</exception>
    public async Task<CorrectedBudget> MakeAsync(ServiceLevelObjective slo, CorrectionRequest request, Editor editor, string? key, CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation);
        try
        {
            AuditedCorrection asked = Read(slo, request, editor);
            IReadOnlyList<AuditedCorrection> all = await table.ReadAsync(slo.Id, cancellation);
            double before = Remaining(evaluator, slo, asked.Correction);
            if (key is not null)
            {
                asked = asked with { Id = Id(slo.Id, key) };
            }
            AuditedCorrection? known = all.FirstOrDefault(one => one.Id == asked.Id);
            if (known is not null && !IsSame(known, asked))
            {
                throw new ApiProblemException(StatusCodes.Status422UnprocessableEntity, $"another correction of '{slo.Id}' was made with the Idempotency-Key '{key}'; choose a new one for each");
            }
            if (known is null)
            {
                CheckCount(slo, all, asked.Made.At);
            }
            await UseAsync(known is null ? table.AddAsync(asked, cancellation) : Task.CompletedTask);
            return new CorrectedBudget(known ?? asked, before, Remaining(evaluator, slo, asked.Correction));
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>What a correction would be and do; it is not made, and nothing changes.</summary>
    /// <exception cref="ApiProblemException">As <see cref="MakeAsync"/>.</exception>
    public async Task<CorrectedBudget> TryAsync(ServiceLevelObjective slo, CorrectionRequest request, Editor editor, CancellationToken cancellation)
    {
        AuditedCorrection would = Read(slo, request, editor);
        IReadOnlyList<AuditedCorrection> all = await table.ReadAsync(slo.Id, cancellation);
        CheckCount(slo, all, would.Made.At);
        using Ledger corrected = await ledger.CopyAsync(slo, [.. all.Where(one => one.Revoked is null).Select(one => one.Correction), would.Correction], cancellation);
        return new CorrectedBudget(would with { Id = "" }, Remaining(evaluator, slo, would.Correction), Remaining(new SloEvaluator(corrected), slo, would.Correction));
    }

    /// <summary>Revokes a correction; when the task completes the budget is as if it had not been made.</summary>
    /// <exception cref="ApiProblemException">There is no such correction, or it is revoked already.</exception>
    public async Task<AuditedCorrection> RevokeAsync(string slo, string id, string? reason, Editor editor, CancellationToken cancellation)
    {
        CorrectionRequest.CheckText("reason", reason, isRequired: true);
        CheckAuthor(editor);
        await _gate.WaitAsync(cancellation);
        try
        {
            AuditedCorrection made = (await table.ReadAsync(slo, cancellation)).FirstOrDefault(one => one.Id == id)
                ?? throw new ApiProblemException(StatusCodes.Status404NotFound, $"'{slo}' has no correction '{id}'");
            if (made.Revoked is { } before)
            {
                throw new ApiProblemException(StatusCodes.Status409Conflict, $"correction '{id}' was revoked by {before.Editor.Author} at {before.At:u}");
            }
            var revoked = new AuditEntry(editor, reason!.Trim(), time.GetUtcNow());
            await UseAsync(table.RevokeAsync(made, revoked, cancellation));
            return made with { Revoked = revoked };
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _gate.Dispose();

    /// <summary>Brings what is saved into use, also when the store's answer is lost: it may be there.</summary>
    private async Task UseAsync(Task saved)
    {
        try
        {
            await saved;
        }
        finally
        {
            await refresh.RefreshAsync(CancellationToken.None);
        }
    }

    /// <summary>What a request asks for.</summary>
    private AuditedCorrection Read(ServiceLevelObjective slo, CorrectionRequest request, Editor editor)
    {
        DateTimeOffset now = time.GetUtcNow();
        BudgetCorrection correction = request.Read(slo, evaluator, now);
        CheckAuthor(editor);
        return new AuditedCorrection(Guid.CreateVersion7(now).ToString("N"), correction, request.Reference?.Trim() ?? "", new AuditEntry(editor, request.Reason!.Trim(), now), null);
    }

    /// <summary>The id of what is made under a key: that of every attempt, on every node.</summary>
    private static string Id(string slo, string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{slo}\n{key}")).AsSpan(0, 16));

    private static bool IsSame(AuditedCorrection made, AuditedCorrection asked) =>
        made.Correction == asked.Correction && made.Reference == asked.Reference && made.Made.Reason == asked.Made.Reason && made.Made.Editor == asked.Made.Editor;

    private static void CheckCount(ServiceLevelObjective slo, IReadOnlyList<AuditedCorrection> all, DateTimeOffset now)
    {
        if (all.Count(one => one.Revoked is null && one.Correction.To > now - slo.Window) >= MaxActive)
        {
            throw new ApiProblemException(StatusCodes.Status409Conflict, $"'{slo.Id}' has {MaxActive} corrections already; revoke some, or give it exclusions");
        }
    }

    /// <summary>Share that is left of the budget that a correction is about.</summary>
    private double Remaining(SloEvaluator from, ServiceLevelObjective slo, BudgetCorrection correction) => from.Evaluate(
        from.Evaluated(slo).FirstOrDefault(one => (correction.Objective.Length == 0 || one.Objectives[0].Name == correction.Objective) && one.Group == correction.Group) ?? slo,
        time.GetUtcNow()).BudgetRemaining;

    private static void CheckAuthor(Editor editor)
    {
        if (editor.Author.Length == 0)
        {
            throw ApiProblemException.BadRequest("author is missing: say who changes the budget");
        }
    }
}
