namespace SloEngine.Collector.Ingest;

/// <summary>How the bytes of a request are packed; the numbers stand in the log.</summary>
public enum RequestPacking : byte
{
    /// <summary>Not at all.</summary>
    None = 0,
    /// <summary>As a gzip file (RFC 1952).</summary>
    Gzip = 1,
    /// <summary>As a block of Snappy.</summary>
    Snappy = 2,
}

/// <summary>A request, and how it came: packed as its sender packed it, it takes a fraction of the room in the log.</summary>
/// <param name="Plain">The message, unpacked.</param>
public readonly record struct RequestBytes(ReadOnlyMemory<byte> Plain)
{
    /// <summary>What unpacks to <see cref="Plain"/>; empty when it came as it is.</summary>
    public ReadOnlyMemory<byte> Packed { get; init; }

    /// <summary>How it is packed.</summary>
    public RequestPacking Packing { get; init; }

    /// <summary>What the log is to hold.</summary>
    public ReadOnlyMemory<byte> Logged => Packing == RequestPacking.None ? Plain : Packed;

    /// <summary>Bytes of memory that it takes.</summary>
    public int Bytes => Plain.Length + Packed.Length;

    /// <summary>One that came unpacked.</summary>
    public static implicit operator RequestBytes(ReadOnlyMemory<byte> plain) => new(plain);

    /// <summary>One that came unpacked.</summary>
    public static implicit operator RequestBytes(byte[] plain) => new(plain);
}
