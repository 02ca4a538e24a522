using Microsoft.AspNetCore.Http;
using SloEngine.Alerting.Http;
using SloEngine.Slo.Export;
using SloEngine.Slo.Files;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Alerting.Definitions;

/// <summary>Creates, replaces and removes SLOs that are kept in the store; those of files are changed in their files.</summary>
public sealed class SavedSlos(SloDefinitionTable table, SloCatalog catalog, IStoredMinutes minutes, ISloRefresh refresh, TimeProvider time) : IDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private bool _mayBeSaved;

    /// <summary>The versions of an SLO, the latest first.</summary>
    public Task<IReadOnlyList<SloVersion>> VersionsAsync(string id, CancellationToken cancellation) => table.ReadVersionsAsync(id, cancellation);

    /// <summary>A version of an SLO; null when there is none of that number.</summary>
    public Task<SloVersion?> VersionAsync(string id, long version, CancellationToken cancellation) => table.ReadVersionAsync(id, version, cancellation);

    /// <summary>Whose an SLO is, or was before it was removed: its versions and corrections stay his, and so does the name. Null when there has never been one.</summary>
    public async Task<string?> OwnerAsync(string id, CancellationToken cancellation) =>
        catalog.Slos.FirstOrDefault(slo => slo.Id == id) is { } slo ? slo.Owner
        : await table.ReadLatestAsync(id, isDefined: true, cancellation) is { } latest
            ? SloFileReader.ReadAll([(id, latest.Text)]).Slos.FirstOrDefault(one => one.Id == id)?.Owner ?? TenantScope.DefaultTenant
        : null;

    /// <summary>An SLO in our own format.</summary>
    /// <exception cref="ApiProblemException">What it measures cannot be written.</exception>
    internal static string TextOf(ServiceLevelObjective slo)
    {
        try
        {
            return NativeSloWriter.Write([slo]);
        }
        catch (SloExportException impossible)
        {
            throw new ApiProblemException(StatusCodes.Status422UnprocessableEntity, impossible.Message);
        }
    }

    /// <summary>Creates the SLOs that a text defines.</summary>
    /// <exception cref="ApiProblemException">The text does not read, or defines an SLO that there is already, or one of another tenant.</exception>
    public Task<IReadOnlyList<SloChange>> CreateAsync(TenantScope scope, string text, Editor editor, bool isDryRun, CancellationToken cancellation) => AloneAsync<IReadOnlyList<SloChange>>(
        async () =>
        {
            SloFiles read = await ReadAsync(scope, text, cancellation);
            var versions = new List<(ServiceLevelObjective Slo, uint Version, string Text)>();
            foreach (ServiceLevelObjective slo in read.Slos)
            {
                uint latest = await table.ReadLatestAsync(slo.Id, isDefined: false, cancellation) is not { } known ? 0
                    : known.IsRemoved ? known.Version
                    : throw new ApiProblemException(StatusCodes.Status409Conflict, $"there is an SLO '{slo.Id}' already, of version {known.Version}; PUT /api/v1/slos/{slo.Id} replaces it");
                // Of several each is kept by itself, to be read and replaced by itself.
                versions.Add((slo, latest + 1, read.Slos.Count == 1 ? text : TextOf(slo)));
            }
            var changes = new List<SloChange>();
            foreach ((ServiceLevelObjective slo, uint version, string own) in versions)
            {
                changes.Add(await DescribeAsync(scope, slo, read, "created", version, cancellation));
                if (!isDryRun)
                {
                    await AddAsync(slo.Id, version, own, editor, cancellation);
                }
            }
            return changes;
        },
        cancellation);

    /// <summary>Replaces an SLO, or creates it when there is none.</summary>
    /// <exception cref="ApiProblemException">The text does not read, defines another SLO, or the SLO is of another version than was expected.</exception>
    public Task<SloChange> ReplaceAsync(TenantScope scope, string id, string text, VersionCondition condition, Editor editor, bool isDryRun, CancellationToken cancellation) => AloneAsync(
        async () =>
        {
            SloFiles read = await ReadAsync(scope, text, cancellation);
            IReadOnlyList<ServiceLevelObjective> slos = read.Slos;
            if (slos.Count != 1 || slos[0].Id != id)
            {
                throw ApiProblemException.BadRequest($"the text defines {string.Join(", ", slos.Select(slo => $"'{slo.Id}'"))}, expected '{id}' alone");
            }
            SloVersion? latest = await table.ReadLatestAsync(id, isDefined: false, cancellation);
            condition.Check(id, latest is { IsRemoved: false } ? latest.Version : null);
            if (latest is { IsRemoved: false } && latest.Text == text)
            {
                return await DescribeAsync(scope, slos[0], read, "unchanged", latest.Version, cancellation);
            }
            uint version = (latest?.Version ?? 0) + 1;
            SloChange change = await DescribeAsync(scope, slos[0], read, latest is { IsRemoved: false } ? "replaced" : "created", version, cancellation);
            if (!isDryRun)
            {
                await AddAsync(id, version, text, editor, cancellation);
            }
            return change;
        },
        cancellation);

    /// <summary>Removes an SLO. Its versions, and what it has counted, are kept.</summary>
    /// <exception cref="ApiProblemException">There is no such SLO, or it is of another version than was expected.</exception>
    public Task<SloChange> RemoveAsync(TenantScope scope, string id, VersionCondition condition, Editor editor, bool isDryRun, CancellationToken cancellation) => AloneAsync(
        async () =>
        {
            if (await OwnerAsync(id, cancellation) is not { } owner || !scope.Covers(owner))
            {
                throw Missing(id);
            }
            RefuseFile(id);
            if (await table.ReadLatestAsync(id, isDefined: false, cancellation) is not { IsRemoved: false } latest)
            {
                throw Missing(id);
            }
            condition.Check(id, latest.Version);
            if (!isDryRun)
            {
                await AddAsync(id, latest.Version + 1, null, editor, cancellation);
            }
            return new SloChange(id, "removed", latest.Version + 1)
            {
                Warnings = [.. catalog.Slos.Where(slo => scope.Covers(slo) && slo.Composite?.Any(member => member.Slo == id) == true).Select(slo => $"'{slo.Id}' is made of it and goes on without it")],
            };
        },
        cancellation);

    /// <inheritdoc/>
    public void Dispose() => _gate.Dispose();

    /// <summary>One change at a time, in use when it is answered.</summary>
    private async Task<T> AloneAsync<T>(Func<Task<T>> change, CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation);
        try
        {
            return await change();
        }
        finally
        {
            await UseAsync();
        }
    }

    /// <summary>Brings into use what may have been saved, also when the store's answer is lost, or a later one of several SLOs was refused.</summary>
    private async Task UseAsync()
    {
        try
        {
            if (_mayBeSaved)
            {
                _mayBeSaved = false;
                // Also when nobody waits for the answer any more.
                await refresh.RefreshAsync(CancellationToken.None);
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    private static ApiProblemException Missing(string id) => new(StatusCodes.Status404NotFound, $"there is no SLO '{id}' that was saved");

    /// <summary>Reads SLOs that somebody may save: his own, under names that are free or his.</summary>
    private async Task<SloFiles> ReadAsync(TenantScope scope, string text, CancellationToken cancellation)
    {
        SloFiles read = SloFileReader.ReadAll([("body", text)]);
        if (read.Errors.Count > 0)
        {
            throw new ApiProblemException(StatusCodes.Status400BadRequest, string.Join("\n", read.Errors))
            {
                Extensions = new Dictionary<string, object?> { ["errors"] = read.Errors.Select(error => new { error.Line, error.Column, error.Message }) },
            };
        }
        if (read.Maintenance.Count > 0)
        {
            throw ApiProblemException.BadRequest($"{read.Maintenance[0].Source}: a MaintenanceWindow stands in a file of the SLOs' directory; give the SLO exclusions of its own");
        }
        foreach (ServiceLevelObjective slo in read.Slos)
        {
            if (!scope.Covers(slo))
            {
                throw new ApiProblemException(
                    StatusCodes.Status403Forbidden,
                    $"SLO '{slo.Id}' is about {(slo.Tenant is null ? "no tenant" : $"tenant {slo.Tenant}")}, expected {scope.Tenant}, whose the request is (tenant, or annotation sloengine/tenant)");
            }
            if (await OwnerAsync(slo.Id, cancellation) is { } owner && !scope.Covers(owner))
            {
                throw new ApiProblemException(StatusCodes.Status409Conflict, $"the name '{slo.Id}' is taken; names are unique in the server, choose another");
            }
            RefuseFile(slo.Id);
        }
        return read.Slos.Count > 0 ? read : throw ApiProblemException.BadRequest("the text defines no SLO");
    }

    private void RefuseFile(string id)
    {
        if (catalog.FileOf(id) is { } file)
        {
            throw new ApiProblemException(StatusCodes.Status409Conflict, $"SLO '{id}' is defined in the file {file}: change it there, or remove it there first");
        }
    }

    private async Task AddAsync(string id, uint version, string? text, Editor editor, CancellationToken cancellation)
    {
        _mayBeSaved = true;
        if (!await table.AddAsync(new SloVersion(id, version, text is null, text ?? "", editor, time.GetUtcNow()), cancellation))
        {
            throw new ApiProblemException(StatusCodes.Status412PreconditionFailed, $"somebody else has just saved version {version} of SLO '{id}'; read it again");
        }
    }

    private async Task<SloChange> DescribeAsync(TenantScope scope, ServiceLevelObjective slo, SloFiles read, string action, uint version, CancellationToken cancellation)
    {
        var past = new List<SloPast>();
        foreach (ServiceLevelObjective one in slo.Each().Where(one => one.Composite is null))
        {
            DateTimeOffset now = time.GetUtcNow();
            StoredMinutes stored = await minutes.CountAsync(one.LedgerKey, now - one.Window, cancellation);
            DateTimeOffset? from = one.Indicator.IsQueried ? stored.Last is { } last ? last + Objective.Minute : now - one.Window
                : one.Indicator.IsTapped && (await minutes.CountAsync(Ledger.PastMark(one.LedgerKey), DateTimeOffset.UnixEpoch, cancellation)).Count == 0 ? now - one.Window
                : null;
            past.Add(new SloPast(one.Id, stored.Count, stored.First, from, from is null ? null : now));
        }
        string[] known = [.. catalog.Slos.Append(slo).Where(other => scope.Covers(other) && slo.MayShow(other)).SelectMany(other => other.Each()).Select(other => other.Id)];
        return new SloChange(slo.Id, action, version)
        {
            Slo = slo,
            Explanation = [.. SloExplanation.Of(slo)],
            Past = past,
            Warnings =
            [
                .. read.Warnings.Select(warning => warning.ToString()),
                .. (slo.Composite ?? []).Where(member => !known.Contains(member.Slo)).Select(member => $"there is no SLO '{member.Slo}' yet: it does not weigh until there is"),
                .. slo.ForeignSystems().Select(system => $"it is measured by {system}, not here"),
            ],
        };
    }
}
