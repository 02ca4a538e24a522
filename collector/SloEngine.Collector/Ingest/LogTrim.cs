using Microsoft.Extensions.Logging;
using SloEngine.Collector.Gateway;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Ingest;

/// <summary>Deletes of the log what none of its readers needs any more. Safe for concurrent use.</summary>
/// <param name="log">The log.</param>
/// <param name="forwards">What the log says of gateways, to be kept.</param>
/// <param name="logger">Told what cannot be deleted; the next time it is tried again.</param>
/// <param name="readers">How far each reader is.</param>
internal sealed partial class LogTrim(WriteAheadLog log, ForwardMarks forwards, ILogger logger, params WalCheckpoint?[] readers)
{
    private readonly WalCheckpoint[] _readers = [.. readers.OfType<WalCheckpoint>()];

    public void Trim()
    {
        long position = _readers.Min(static reader => reader.Stored);
        if (!log.CanTrimBefore(position))
        {
            return;
        }
        try
        {
            forwards.Save(position);
            log.TrimBefore(position);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            LogUntrimmed(failure.Message);
        }
    }

    [LoggerMessage(EventName = "collector.log.untrimmed", Level = LogLevel.Warning, Message = "The log could not be trimmed, and is with the next batch: {Reason}")]
    private partial void LogUntrimmed(string reason);
}
