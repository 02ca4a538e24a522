using SloEngine.Alerting.Http;
using SloEngine.Slo.Model;
using SloEngine.Storage;
using SloEngine.Storage.Native;
using SloEngine.Storage.Results;

namespace SloEngine.Alerting.Corrections;

/// <summary>Corrections in table <c>slo_corrections</c>: a row for each that is made, another for each that is revoked.</summary>
public sealed class CorrectionTable(IColumnStore store)
{
    private const string Made = "made";
    private const string Revoked = "revoked";

    /// <summary>The corrections of an SLO, or of all, in the order in which they were made.</summary>
    public async Task<IReadOnlyList<AuditedCorrection>> ReadAsync(string? slo, CancellationToken cancellation)
    {
        // That one was made stands before that it was revoked, also where a clock was set back between the two.
        QueryResult result = await store.QueryAsync(
            new StoreQuery("""
                SELECT id, toString(action), slo, objective, `group`, toString(kind), begin, end, good, bad, reference, reason, author, credential, created
                FROM slo_corrections WHERE {slo:String} = '' OR slo = {slo:String} ORDER BY id, action, created
                """)
            {
                Parameters = new Dictionary<string, string> { ["slo"] = slo ?? "" },
            },
            cancellation);
        var corrections = new Dictionary<string, AuditedCorrection>(StringComparer.Ordinal);
        foreach (ResultBlock block in result.Blocks)
        {
            for (int row = 0; row < block.Rows; row++)
            {
                string id = block.Text(0).String(row);
                AuditEntry entry = new(
                    new Editor(block.Text(12).String(row), block.Text(13).String(row)), block.Text(11).String(row), DateTimeOffset.FromUnixTimeMilliseconds(block.Values<long>(14)[row]));
                if (block.Text(1).String(row) == Made)
                {
                    corrections.TryAdd(id, Read(block, row, entry));
                }
                else if (corrections.TryGetValue(id, out AuditedCorrection? made) && made.Revoked is null)
                {
                    // Of two revocations the first counts.
                    corrections[id] = made with { Revoked = entry };
                }
            }
        }
        return [.. corrections.Values.OrderBy(one => one.Made.At).ThenBy(one => one.Id, StringComparer.Ordinal)];
    }

    /// <summary>How many rows there are: one for each correction that was made, and for each that was revoked.</summary>
    public async Task<ulong> CountAsync(CancellationToken cancellation) =>
        (await store.QueryAsync(new StoreQuery("SELECT count() FROM slo_corrections"), cancellation)).Blocks.First(block => block.Rows > 0).Values<ulong>(0)[0];

    private static AuditedCorrection Read(ResultBlock block, int row, AuditEntry made) => new(
        block.Text(0).String(row),
        new BudgetCorrection(
            block.Text(2).String(row), block.Text(3).String(row), block.Text(4).String(row), Enum.Parse<CorrectionKind>(block.Text(5).String(row)),
            DateTimeOffset.FromUnixTimeSeconds(block.Values<uint>(6)[row]), DateTimeOffset.FromUnixTimeSeconds(block.Values<uint>(7)[row]),
            block.Values<double>(8)[row], block.Values<double>(9)[row]),
        block.Text(10).String(row), made, null);

    /// <summary>Adds one that was made.</summary>
    public Task AddAsync(AuditedCorrection correction, CancellationToken cancellation) => AppendAsync(correction, Made, correction.Made, cancellation);

    /// <summary>Adds that one was revoked.</summary>
    public Task RevokeAsync(AuditedCorrection correction, AuditEntry revoked, CancellationToken cancellation) => AppendAsync(correction, Revoked, revoked, cancellation);

    private async Task AppendAsync(AuditedCorrection audited, string action, AuditEntry entry, CancellationToken cancellation)
    {
        BudgetCorrection correction = audited.Correction;
        using var writer = new NativeWriter();
        writer.Start("slo_corrections", 15, 1);
        Text("id", audited.Id);
        Text("action", action);
        Text("slo", correction.Slo);
        Text("objective", correction.Objective);
        Text("group", correction.Group);
        Text("kind", correction.Kind.ToString());
        writer.Fixed<uint>("begin", "DateTime('UTC')", [(uint)correction.From.ToUnixTimeSeconds()]);
        writer.Fixed<uint>("end", "DateTime('UTC')", [(uint)correction.To.ToUnixTimeSeconds()]);
        writer.Fixed<double>("good", "Float64", [correction.Good]);
        writer.Fixed<double>("bad", "Float64", [correction.Bad]);
        Text("reference", audited.Reference);
        Text("reason", entry.Reason);
        Text("author", entry.Editor.Author);
        Text("credential", entry.Editor.Credential);
        writer.Fixed<long>("created", "DateTime64(3, 'UTC')", [entry.At.ToUnixTimeMilliseconds()]);
        await store.InsertAsync(writer.Finish(), $"correction/{audited.Id}/{action}", cancellation);

        void Text(string column, string value)
        {
            writer.BeginText(column);
            writer.String(value);
        }
    }
}
