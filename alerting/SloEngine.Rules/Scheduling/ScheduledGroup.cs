using System.Text;
using SloEngine.Otlp.Hashing;
using SloEngine.Rules.Evaluation;
using SloEngine.Rules.Files;

namespace SloEngine.Rules.Scheduling;

/// <summary>A group with its times: multiples of its interval, shifted by its name so that groups do not all come at once.</summary>
public sealed class ScheduledGroup
{
    private readonly long _shiftMs;

    internal ScheduledGroup(RuleGroup group, TimeSpan defaultInterval)
    {
        State = new GroupState(group);
        IntervalMs = Math.Max(1, (long)(group.Interval is { } own && own > TimeSpan.Zero ? own : defaultInterval).TotalMilliseconds);
        _shiftMs = (long)((ulong)SipHash128.Hash(Encoding.UTF8.GetBytes($"{group.File}\0{group.Name}"), 0) % (ulong)IntervalMs);
    }

    /// <summary>The group at work.</summary>
    public GroupState State { get; }

    /// <summary>Time between evaluations.</summary>
    public long IntervalMs { get; }

    /// <summary>Time of the next evaluation.</summary>
    public long NextMs { get; internal set; }

    /// <summary>Time of the last evaluation, or null.</summary>
    public long? LastMs { get; internal set; }

    /// <summary>How long the last evaluation took.</summary>
    public TimeSpan LastDuration { get; internal set; }

    /// <summary>Samples that the last evaluation gave.</summary>
    public int LastSamples { get; internal set; }

    /// <summary>The evaluation that is at work, or was last.</summary>
    internal Task Running { get; set; } = Task.CompletedTask;

    /// <summary>Times up to here were missed because the server or its store was away: recording rules catch up with them.</summary>
    internal long CatchUpToMs { get; set; }

    /// <summary>The last time of the group that is not after a moment.</summary>
    internal long AtOrBefore(long timeMs) => timeMs - (((timeMs - _shiftMs) % IntervalMs) + IntervalMs) % IntervalMs;
}
