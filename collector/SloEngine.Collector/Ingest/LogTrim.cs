using SloEngine.Collector.Gateway;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Ingest;

/// <summary>Deletes of the log what none of its readers needs any more. Safe for concurrent use.</summary>
/// <param name="log">The log.</param>
/// <param name="forwards">What the log says of gateways, to be kept.</param>
/// <param name="readers">How far each reader is.</param>
internal sealed class LogTrim(WriteAheadLog log, ForwardMarks forwards, params WalCheckpoint?[] readers)
{
    private readonly WalCheckpoint[] _readers = [.. readers.OfType<WalCheckpoint>()];

    /// <exception cref="IOException">What is to be kept could not be written: nothing is deleted.</exception>
    public void Trim()
    {
        long position = _readers.Min(static reader => reader.Stored);
        if (log.CanTrimBefore(position))
        {
            forwards.Save(position);
            log.TrimBefore(position);
        }
    }
}
