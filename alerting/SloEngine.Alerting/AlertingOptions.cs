using SloEngine.Alerting.Notifications;

namespace SloEngine.Alerting;

/// <summary>How alerts are evaluated and whom they reach.</summary>
public sealed record AlertingOptions
{
    /// <summary>Time between evaluations.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a condition has to be over before its alert resolves.</summary>
    public TimeSpan ResolveAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Address under which people reach the UI, for links.</summary>
    public Func<Uri> ExternalUrl { get; init; } = static () => new Uri("http://127.0.0.1:7070");

    /// <summary>Whom alerts reach.</summary>
    public ReceiverConfiguration Receivers { get; init; } = ReceiverConfiguration.None;
}
