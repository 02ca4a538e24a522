using System.Buffers;
using System.Security.Cryptography;
using SloEngine.Collector.Ingest;
using SloEngine.Collector.Pipelines.Tail;

namespace SloEngine.Collector.Pipelines;

/// <summary>What is done to telemetry between its receipt and the store. Steps that edit come first, as ordered; then the taps count; then samples are taken.</summary>
public sealed record PipelineOptions
{
    /// <summary>Edits of metrics, in order.</summary>
    public IReadOnlyList<PipelineStep> Metrics { get; init; } = [];

    /// <summary>Edits of logs, in order.</summary>
    public IReadOnlyList<PipelineStep> Logs { get; init; } = [];

    /// <summary>Edits of traces, in order.</summary>
    public IReadOnlyList<PipelineStep> Traces { get; init; } = [];

    /// <summary>Sample of the logs that carry a trace id; null for all.</summary>
    public HeadSampling? SampleLogs { get; init; }

    /// <summary>Sample of the traces; null for all.</summary>
    public HeadSampling? SampleTraces { get; init; }

    /// <summary>Sample of whole traces once they have been seen; null for all.</summary>
    public TailSampling? TailTraces { get; init; }

    internal IReadOnlyList<PipelineStep> Of(RequestKind kind) => kind switch
    {
        RequestKind.Logs => Logs,
        RequestKind.Traces => Traces,
        _ => Metrics,
    };
}

/// <summary>A sample by trace id.</summary>
/// <param name="Name">Its place in the configuration, for metrics.</param>
/// <param name="Threshold">What of the trace ids is kept.</param>
public sealed record HeadSampling(string Name, SamplingThreshold Threshold);

/// <summary>One step of a pipeline.</summary>
/// <param name="Name">Its place in the configuration, such as <c>logs[0].redact</c>, for metrics.</param>
public abstract record PipelineStep(string Name);

/// <summary>Leaves attributes out.</summary>
/// <param name="Name">Its place.</param>
/// <param name="Keys">Which.</param>
public sealed record DropStep(string Name, KeySet Keys) : PipelineStep(Name);

/// <summary>Gives attributes other names; an attribute that has the new name already gives way.</summary>
/// <param name="Name">Its place.</param>
/// <param name="Names">Old and new names.</param>
public sealed record RenameStep(string Name, IReadOnlyList<(byte[] From, byte[] To)> Names) : PipelineStep(Name)
{
    /// <summary>The new name of an attribute; null when it keeps its own.</summary>
    internal byte[]? NewName(ReadOnlySpan<byte> name)
    {
        for (int index = 0; index < Names.Count; index++)
        {
            if (name.SequenceEqual(Names[index].From))
            {
                return Names[index].To;
            }
        }
        return null;
    }

    /// <summary>Marks the old name that an attribute holds, if it is one.</summary>
    internal void Hold(ReadOnlySpan<byte> name, Span<bool> held)
    {
        for (int index = 0; index < Names.Count; index++)
        {
            held[index] |= name.SequenceEqual(Names[index].From);
        }
    }

    /// <summary>Whether this is a new name.</summary>
    internal bool Gives(ReadOnlySpan<byte> name)
    {
        for (int index = 0; index < Names.Count; index++)
        {
            if (name.SequenceEqual(Names[index].To))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Whether an attribute that keeps its name gives way to one of those that are held, which is about to get it.</summary>
    internal bool GivesWay(ReadOnlySpan<byte> name, ReadOnlySpan<bool> held)
    {
        for (int index = 0; index < Names.Count; index++)
        {
            if (held[index] && name.SequenceEqual(Names[index].To))
            {
                return true;
            }
        }
        return false;
    }
}

/// <summary>Puts lower-case hexadecimal SHA-256(salt, value) in the place of values.</summary>
/// <param name="Name">Its place.</param>
/// <param name="Keys">Whose values.</param>
/// <param name="Salt">What is hashed before the value.</param>
public sealed record HashStep(string Name, KeySet Keys, byte[] Salt) : PipelineStep(Name)
{
    /// <summary>Length of what stands in the place of a value.</summary>
    internal const int HexBytes = 2 * SHA256.HashSizeInBytes;

    private const int MostOnStack = 512;

    /// <summary>Writes what stands in the place of a value.</summary>
    internal void Hash(ReadOnlySpan<byte> value, Span<byte> hex)
    {
        int length = Salt.Length + value.Length;
        byte[]? rented = length > MostOnStack ? ArrayPool<byte>.Shared.Rent(length) : null;
        Span<byte> salted = rented is null ? stackalloc byte[MostOnStack] : rented;
        Salt.CopyTo(salted);
        value.CopyTo(salted[Salt.Length..]);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(salted[..length], hash);
        Convert.TryToHexStringLower(hash, hex, out _);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}

/// <summary>Takes secrets and personal data out of texts.</summary>
/// <param name="Name">Its place.</param>
/// <param name="Redactor">What it looks for.</param>
public sealed record RedactStep(string Name, Redactor Redactor) : PipelineStep(Name);

/// <summary>Leaves telemetry out that fits all of its conditions.</summary>
/// <param name="Name">Its place.</param>
/// <param name="Filter">The conditions.</param>
public sealed record FilterStep(string Name, TelemetryFilter Filter) : PipelineStep(Name);
