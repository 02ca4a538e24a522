namespace SloEngine.Collector.Pipelines;

/// <summary>A label of a series or an exemplar.</summary>
internal readonly record struct Label(ReadOnlyMemory<byte> Name, ReadOnlyMemory<byte> Value)
{
    public bool IsMetricName => Name.Span.SequenceEqual("__name__"u8);
}

/// <summary>
/// Edits the labels of one series, or exemplar, after the other. The label <c>__name__</c> is the metric's name and stays as it is. For one request at a
/// time, in which each value is hashed once.
/// </summary>
internal sealed class LabelEdits
{
    /// <summary>Hashes that memory is taken for at once.</summary>
    private const int ManyHashes = 256;

    private readonly PipelineStep[] _steps;
    private readonly int[] _hits;
    private readonly bool[] _held;
    private readonly Dictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>[] _hashes;
    private byte[] _hexes = [];
    private int _hexesUsed;

    public LabelEdits(IReadOnlyList<PipelineStep> steps)
    {
        _steps = [.. steps];
        _hits = new int[_steps.Length];
        _held = new bool[_steps.OfType<RenameStep>().Select(static step => step.Names.Count).DefaultIfEmpty().Max()];
        _hashes = Array.ConvertAll(_steps, static _ => new Dictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>(BytesComparer.Instance));
    }

    /// <summary>The labels that are edited.</summary>
    public List<Label> Labels { get; } = [];

    /// <summary>Applies the steps; false when a filter drops the series.</summary>
    /// <param name="filters">Whether filters look at the labels: exemplars are not for them.</param>
    public bool Apply(bool filters)
    {
        for (int step = 0; step < _steps.Length; step++)
        {
            switch (_steps[step])
            {
                case FilterStep filter:
                    if (filters && Fits(filter.Filter))
                    {
                        _hits[step]++;
                        return false;
                    }
                    break;
                case DropStep drop:
                    _hits[step] += Drop(drop);
                    break;
                case RenameStep rename:
                    _hits[step] += Rename(rename);
                    break;
                case HashStep hash:
                    _hits[step] += Hash(hash, _hashes[step]);
                    break;
                case RedactStep redact:
                    _hits[step] += Redact(redact);
                    break;
                default:
                    break;
            }
        }
        return true;
    }

    /// <summary>Tells how often each step did something in the request.</summary>
    public void Tell(Action<PipelineStep, int> count)
    {
        for (int step = 0; step < _steps.Length; step++)
        {
            if (_hits[step] > 0)
            {
                count(_steps[step], _hits[step]);
            }
        }
    }

    /// <summary>Forgets the request.</summary>
    public void Clear()
    {
        Labels.Clear();
        Array.Clear(_hits);
        _hexesUsed = 0;
        foreach (Dictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> hashes in _hashes)
        {
            hashes.Clear();
        }
    }

    private int Drop(DropStep drop)
    {
        int kept = 0;
        for (int index = 0; index < Labels.Count; index++)
        {
            Label label = Labels[index];
            if (label.IsMetricName || !drop.Keys.Contains(label.Name.Span))
            {
                Labels[kept++] = label;
            }
        }
        return Shorten(kept);
    }

    private int Rename(RenameStep rename)
    {
        // Before any of them is renamed: all may have to give way.
        Span<bool> held = _held.AsSpan(0, rename.Names.Count);
        held.Clear();
        foreach (Label label in Labels)
        {
            if (!label.IsMetricName)
            {
                rename.Hold(label.Name.Span, held);
            }
        }
        int renamed = 0;
        int kept = 0;
        for (int index = 0; index < Labels.Count; index++)
        {
            Label label = Labels[index];
            if (label.IsMetricName)
            {
                Labels[kept++] = label;
            }
            else if (rename.NewName(label.Name.Span) is { } name)
            {
                Labels[kept++] = label with { Name = name };
                renamed++;
            }
            else if (!rename.GivesWay(label.Name.Span, held))
            {
                Labels[kept++] = label;
            }
        }
        Shorten(kept);
        return renamed;
    }

    private int Hash(HashStep hash, Dictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> hashes)
    {
        int hashed = 0;
        for (int index = 0; index < Labels.Count; index++)
        {
            Label label = Labels[index];
            if (label.Value.IsEmpty || label.IsMetricName || !hash.Keys.Contains(label.Name.Span))
            {
                continue;
            }
            if (!hashes.TryGetValue(label.Value, out ReadOnlyMemory<byte> hex))
            {
                Memory<byte> room = Room();
                hash.Hash(label.Value.Span, room.Span);
                hashes.Add(label.Value, hex = room);
            }
            Labels[index] = label with { Value = hex };
            hashed++;
        }
        return hashed;
    }

    private int Redact(RedactStep redact)
    {
        int redacted = 0;
        for (int index = 0; index < Labels.Count; index++)
        {
            Label label = Labels[index];
            if (label.IsMetricName)
            {
                continue;
            }
            ReadOnlySpan<byte> value = redact.Redactor.RedactValue(label.Name.Span, label.Value.Span);
            if (value != label.Value.Span)
            {
                Labels[index] = label with { Value = value.ToArray() };
                redacted++;
            }
        }
        return redacted;
    }

    /// <summary>Leaves the first labels; returns how many others there were.</summary>
    private int Shorten(int kept)
    {
        int others = Labels.Count - kept;
        Labels.RemoveRange(kept, others);
        return others;
    }

    /// <summary>Room for a hash, which stays in its place until the request is over.</summary>
    private Memory<byte> Room()
    {
        if (_hexesUsed == _hexes.Length)
        {
            (_hexes, _hexesUsed) = (new byte[ManyHashes * HashStep.HexBytes], 0);
        }
        Memory<byte> room = _hexes.AsMemory(_hexesUsed, HashStep.HexBytes);
        _hexesUsed += HashStep.HexBytes;
        return room;
    }

    private bool Fits(TelemetryFilter filter)
    {
        if (filter.Services is { } services && !((TryFind("service_name"u8, out ReadOnlySpan<byte> service) || TryFind("job"u8, out service)) && services.Contains(service)))
        {
            return false;
        }
        if (filter.Names is { } names && !(TryFind("__name__"u8, out ReadOnlySpan<byte> name) && names.Contains(name)))
        {
            return false;
        }
        for (int index = 0; index < filter.Attributes.Count; index++)
        {
            (byte[] key, KeySet values) = filter.Attributes[index];
            if (!TryFind(key, out ReadOnlySpan<byte> value) || !values.Contains(value))
            {
                return false;
            }
        }
        return true;
    }

    private bool TryFind(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        foreach (Label label in Labels)
        {
            if (label.Name.Span.SequenceEqual(name))
            {
                value = label.Value.Span;
                return true;
            }
        }
        value = default;
        return false;
    }
}

/// <summary>Compares bytes by their values.</summary>
internal sealed class BytesComparer : IEqualityComparer<ReadOnlyMemory<byte>>
{
    public static readonly BytesComparer Instance = new();

    public bool Equals(ReadOnlyMemory<byte> one, ReadOnlyMemory<byte> other) => one.Span.SequenceEqual(other.Span);

    public int GetHashCode(ReadOnlyMemory<byte> bytes)
    {
        var hash = new HashCode();
        hash.AddBytes(bytes.Span);
        return hash.ToHashCode();
    }
}
