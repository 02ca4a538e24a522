using Microsoft.AspNetCore.Http;
using SloEngine.Alerting.Http;
using SloEngine.Slo.Export;
using SloEngine.Slo.Files;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;
using SloEngine.Slo.OpenSlo;

namespace SloEngine.Alerting.Definitions;

/// <summary>Creates, replaces and removes SLOs that are kept in the store; those of files are changed in their files.</summary>
public sealed class SavedSlos(SloDefinitionTable table, SloCatalog catalog, ILedgerStore ledger, ISloRefresh refresh, TimeProvider time) : IDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private bool _mayBeSaved;

    /// <summary>The versions of an SLO, the latest first.</summary>
    public Task<IReadOnlyList<SloVersion>> VersionsAsync(string id, CancellationToken cancellation) => table.ReadVersionsAsync(id, cancellation);

    /// <summary>Creates the SLOs that a text defines.</summary>
    /// <exception cref="ApiProblemException">The text does not read, or defines an SLO that there is already.</exception>
    public Task<IReadOnlyList<SloChange>> CreateAsync(string text, Editor editor, bool isDryRun, CancellationToken cancellation) => AloneAsync<IReadOnlyList<SloChange>>(
        async () =>
        {
            SloFiles read = Read(text);
            var versions = new List<(ServiceLevelObjective Slo, uint Version)>();
            foreach (ServiceLevelObjective slo in read.Slos)
            {
                uint latest = await LatestAsync(slo.Id, cancellation) is not { } known ? 0
                    : known.IsRemoved ? known.Version
                    : throw new ApiProblemException(StatusCodes.Status409Conflict, $"there is an SLO '{slo.Id}' already, of version {known.Version}; PUT /api/v1/slos/{slo.Id} replaces it");
                versions.Add((slo, latest + 1));
            }
            var changes = new List<SloChange>();
            foreach ((ServiceLevelObjective slo, uint version) in versions)
            {
                changes.Add(await DescribeAsync(slo, read, "created", version, cancellation));
                if (!isDryRun)
                {
                    await AddAsync(slo.Id, version, text, editor, cancellation);
                }
            }
            return changes;
        },
        cancellation);

    /// <summary>Replaces an SLO, or creates it when there is none.</summary>
    /// <exception cref="ApiProblemException">The text does not read, defines another SLO, or the SLO is of another version than was expected.</exception>
    public Task<SloChange> ReplaceAsync(string id, string text, VersionCondition condition, Editor editor, bool isDryRun, CancellationToken cancellation) => AloneAsync(
        async () =>
        {
            SloFiles read = Read(text);
            IReadOnlyList<ServiceLevelObjective> slos = read.Slos;
            if (slos.Count != 1 || slos[0].Id != id)
            {
                throw ApiProblemException.BadRequest($"the text defines {string.Join(", ", slos.Select(slo => $"'{slo.Id}'"))}, expected '{id}' alone");
            }
            SloVersion? latest = await LatestAsync(id, cancellation);
            condition.Check(id, latest is { IsRemoved: false } ? latest.Version : null);
            if (latest is { IsRemoved: false } && latest.Text == text)
            {
                return await DescribeAsync(slos[0], read, "unchanged", latest.Version, cancellation);
            }
            uint version = (latest?.Version ?? 0) + 1;
            SloChange change = await DescribeAsync(slos[0], read, latest is { IsRemoved: false } ? "replaced" : "created", version, cancellation);
            if (!isDryRun)
            {
                await AddAsync(id, version, text, editor, cancellation);
            }
            return change;
        },
        cancellation);

    /// <summary>Removes an SLO. Its versions, and what it has counted, are kept.</summary>
    /// <exception cref="ApiProblemException">There is no such SLO, or it is of another version than was expected.</exception>
    public Task<SloChange> RemoveAsync(string id, VersionCondition condition, Editor editor, bool isDryRun, CancellationToken cancellation) => AloneAsync(
        async () =>
        {
            RefuseFile(id);
            if (await LatestAsync(id, cancellation) is not { IsRemoved: false } latest)
            {
                throw new ApiProblemException(StatusCodes.Status404NotFound, $"there is no SLO '{id}' that was saved");
            }
            condition.Check(id, latest.Version);
            if (!isDryRun)
            {
                await AddAsync(id, latest.Version + 1, null, editor, cancellation);
            }
            return new SloChange(id, "removed", latest.Version + 1)
            {
                Warnings = [.. catalog.Slos.Where(slo => slo.Composite?.Any(member => member.Slo == id) == true).Select(slo => $"'{slo.Id}' is made of it and goes on without it")],
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

    private SloFiles Read(string text)
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

    private async Task<SloVersion?> LatestAsync(string id, CancellationToken cancellation) =>
        await table.ReadVersionsAsync(id, cancellation) is { Count: > 0 } versions ? versions[0] : null;

    private async Task AddAsync(string id, uint version, string? text, Editor editor, CancellationToken cancellation)
    {
        _mayBeSaved = true;
        if (!await table.AddAsync(new SloVersion(id, version, text is null, text ?? "", editor, time.GetUtcNow()), cancellation))
        {
            throw new ApiProblemException(StatusCodes.Status412PreconditionFailed, $"somebody else has just saved version {version} of SLO '{id}'; read it again");
        }
    }

    private async Task<SloChange> DescribeAsync(ServiceLevelObjective slo, SloFiles read, string action, uint version, CancellationToken cancellation)
    {
        var past = new List<SloPast>();
        foreach (ServiceLevelObjective one in slo.Each().Where(one => one.Composite is null))
        {
            DateTimeOffset now = time.GetUtcNow();
            IReadOnlyList<LedgerIncrement> stored = await ledger.ReadAsync(one.LedgerKey, now - one.Window, cancellation);
            DateTimeOffset[] minutes = [.. stored.Select(increment => increment.Minute).Distinct()];
            DateTimeOffset? from = one.Indicator.IsQueried ? minutes.Length > 0 ? minutes.Max() + TimeSpan.FromMinutes(1) : now - one.Window
                : one.Indicator.IsTapped && (await ledger.ReadAsync(Ledger.PastMark(one.LedgerKey), DateTimeOffset.UnixEpoch, cancellation)).Count == 0 ? now - one.Window
                : null;
            past.Add(new SloPast(one.Id, minutes.Length, minutes.Length > 0 ? minutes.Min() : null, from, from is null ? null : now));
        }
        string[] known = [.. catalog.Slos.Append(slo).SelectMany(other => other.Each()).Select(other => other.Id)];
        return new SloChange(slo.Id, action, version)
        {
            Slo = slo,
            Explanation = [.. SloExplanation.Of(slo)],
            Past = past,
            Warnings =
            [
                .. read.Warnings.Select(warning => warning.ToString()),
                .. (slo.Composite ?? []).Where(member => !known.Contains(member.Slo)).Select(member => $"there is no SLO '{member.Slo}' yet: it does not weigh until there is"),
                .. slo.Each().Select(one => one.Indicator.Total).OfType<ForeignMeasure>().Select(foreign => $"it is measured by {foreign.System}, not here"),
            ],
        };
    }
}
