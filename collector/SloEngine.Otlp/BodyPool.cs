using System.Buffers;

namespace SloEngine.Otlp;

/// <summary>
/// Memory of bodies. The shared pool keeps an array of each size for every thread that returned one: of the largest bodies that alone is hundreds of
/// megabytes. Here large arrays are kept for all threads together, two of a size: of 2, 4, 8 and 16 MiB, which is 60 MiB in all. What is larger is not kept.
/// </summary>
public sealed class BodyPool : ArrayPool<byte>
{
    private const int LargestShared = 1 << 20;
    private const int LargestKept = 16 << 20;

    private readonly ArrayPool<byte> _large = Create(LargestKept, maxArraysPerBucket: 2);

    private BodyPool()
    {
    }

    /// <summary>The pool of this process.</summary>
    public static BodyPool Bodies { get; } = new();

    /// <inheritdoc/>
    public override byte[] Rent(int minimumLength) => PoolOf(minimumLength).Rent(minimumLength);

    /// <inheritdoc/>
    public override void Return(byte[] array, bool clearArray = false) => PoolOf(array.Length).Return(array, clearArray);

    private ArrayPool<byte> PoolOf(int length) => length <= LargestShared ? Shared : _large;
}
