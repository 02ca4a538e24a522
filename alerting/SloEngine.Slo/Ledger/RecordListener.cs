using System.Buffers;
using System.Text;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Ledger;

/// <summary>A ledger that looks at spans or log records. Guarded by the <see cref="Ledger"/>'s gate.</summary>
internal sealed class RecordListener(SloLedger ledger)
{
    private readonly (string Name, byte[] Utf8)[] _groupBy = [.. ledger.Slo.GroupBy.Select(attribute => (attribute, Encoding.UTF8.GetBytes(attribute)))];
    private readonly ArrayBufferWriter<char> _group = new();
    private readonly ArrayBufferWriter<char> _value = new();

    /// <summary>What it counts for.</summary>
    public ServiceLevelObjective Slo => ledger.Slo;

    /// <summary>Where a record counts: its group, if there are groups. Nothing is allocated for one of a group that has been seen.</summary>
    public SloLedger CountsOf(string service, IRecordAttributes attributes, int row)
    {
        if (_groupBy.Length == 0)
        {
            return ledger;
        }
        _group.ResetWrittenCount();
        foreach ((string name, byte[] utf8) in _groupBy)
        {
            GroupKey.Append(_group, name, Value(name, utf8, service, attributes, row));
        }
        return ledger.ForGroup(_group.WrittenSpan);
    }

    private ReadOnlySpan<char> Value(string name, byte[] utf8, string service, IRecordAttributes attributes, int row)
    {
        if (name == "service")
        {
            return service;
        }
        if (!attributes.TryGetOwn(row, utf8, out ReadOnlySpan<byte> own))
        {
            return attributes.TryGetOfResource(row, name, out string? found) ? found : "";
        }
        _value.ResetWrittenCount();
        Encoding.UTF8.GetChars(own, _value);
        return _value.WrittenSpan;
    }
}
