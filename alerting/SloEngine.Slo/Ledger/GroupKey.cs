using System.Buffers;
using System.Text;

namespace SloEngine.Slo.Ledger;

/// <summary>A group of events in text, as Prometheus writes labels: <c>tenant="a",route="/"</c>.</summary>
internal static class GroupKey
{
    /// <summary>The group of some labels' values.</summary>
    public static string Of(IReadOnlyList<string> by, Func<string, string> value)
    {
        var group = new ArrayBufferWriter<char>();
        foreach (string label in by)
        {
            Append(group, label, value(label));
        }
        return group.WrittenSpan.ToString();
    }

    /// <summary>Adds a label to a group.</summary>
    public static void Append(ArrayBufferWriter<char> group, string label, ReadOnlySpan<char> value)
    {
        group.Write(group.WrittenCount > 0 ? "," : "");
        group.Write(label);
        group.Write("=\"");
        for (int special = value.IndexOfAny('\\', '"'); special >= 0; special = value.IndexOfAny('\\', '"'))
        {
            group.Write(value[..special]);
            group.Write("\\");
            group.Write(value.Slice(special, 1));
            value = value[(special + 1)..];
        }
        group.Write(value);
        group.Write("\"");
    }

    /// <summary>The labels of a group; of the one of all others each is that word.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Labels(string group, IReadOnlyList<string> by)
    {
        int at = 0;
        foreach (string label in by)
        {
            if (group == Model.ServiceLevelObjective.OtherGroups)
            {
                yield return new(label, group);
                continue;
            }
            at += label.Length + 2;
            var value = new StringBuilder();
            for (; at < group.Length && group[at] != '"'; at++)
            {
                at += group[at] == '\\' ? 1 : 0;
                value.Append(group[at]);
            }
            at += 2;
            yield return new(label, value.ToString());
        }
    }
}
