using System.Text;
using SloEngine.Alerting.Events;

namespace SloEngine.Server.Events;

/// <summary>Names of events: which tell of a change, and of which kind.</summary>
internal static class EventName
{
    private static readonly (string Word, ChangeKind Kind)[] Words =
    [
        ("deployment", ChangeKind.Deployment), ("deploy", ChangeKind.Deployment), ("deployed", ChangeKind.Deployment), ("release", ChangeKind.Deployment),
        ("rollout", ChangeKind.Deployment), ("rollback", ChangeKind.Deployment),
        ("rotation", ChangeKind.Rotation), ("rotated", ChangeKind.Rotation),
        ("scaling", ChangeKind.Scaling), ("scaled", ChangeKind.Scaling), ("autoscaling", ChangeKind.Scaling),
        ("configuration", ChangeKind.Configuration), ("config", ChangeKind.Configuration),
        ("policy", ChangeKind.Policy),
    ];

    /// <summary>The kind of change by the first word of the name that tells one (<c>secret.rotation.completed</c>: a rotation); null for other events.</summary>
    public static ChangeKind? Kind(ReadOnlySpan<byte> name)
    {
        Span<char> text = stackalloc char[128];
        if (name.Length > text.Length)
        {
            return null;
        }
        text = text[..Encoding.UTF8.GetChars(name, text)];
        foreach (Range part in MemoryExtensions.SplitAny<char>(text, "._-/: "))
        {
            foreach ((string word, ChangeKind kind) in Words)
            {
                if (((ReadOnlySpan<char>)text[part]).Equals(word, StringComparison.OrdinalIgnoreCase))
                {
                    return kind;
                }
            }
        }
        return null;
    }
}
