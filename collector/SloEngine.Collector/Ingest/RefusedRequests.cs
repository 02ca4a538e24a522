using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;
using SloEngine.Otlp;
using SloEngine.Storage;
using SloEngine.Storage.Wal;

namespace SloEngine.Collector.Ingest;

/// <summary>
/// Requests that are not taken, however often it is tried, or of which the store does not take some rows: kept as files that can be sent again, so that one of them does not hold up all
/// others for ever. Not thread-safe.
/// </summary>
/// <param name="directory">Where they are kept; made with the first.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of each.</param>
internal sealed partial class RefusedRequests(string directory, TimeProvider time, ILogger logger)
{
    /// <summary>Bytes kept; what comes beyond waits in the log, and everything behind it.</summary>
    private const long MaxBytes = 1L << 30;

    /// <summary>How long after one the next is expected: where many are sent, each would have to wait as long as the first did.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromHours(1);

    private long? _bytes;
    private long _keptAt;

    /// <summary>Requests kept since the start.</summary>
    public long Count { get; private set; }

    /// <summary>Whether one was kept not long ago.</summary>
    public bool IsFresh => Count > 0 && time.GetElapsedTime(_keptAt) < Fresh;

    /// <summary>Keeps a request; false when there are too many bytes already.</summary>
    /// <param name="position">Where its record stands in the log.</param>
    /// <param name="record">The record.</param>
    /// <param name="what">What is missing of it, as a sentence that goes on.</param>
    /// <param name="why">Why.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public bool TryKeep(long position, in LogRecord record, string what, string why)
    {
        _bytes ??= Directory.Exists(directory) ? new DirectoryInfo(directory).EnumerateFiles().Sum(file => file.Length) : 0;
        if (_bytes + record.Body.Length > MaxBytes)
        {
            return false;
        }
        string existing = directory;
        while (!Directory.Exists(existing))
        {
            existing = Path.GetDirectoryName(existing)!;
        }
        PrivateFiles.MakeDirectory(directory);
        string path = Path.Combine(directory, position.ToString("D20", CultureInfo.InvariantCulture));
        _bytes += Write(path + ".pb", record);
        string endpoint = record.Kind switch
        {
            RequestKind.Logs => "/v1/logs",
            RequestKind.Traces => "/v1/traces",
            RequestKind.Metrics => "/v1/metrics",
            _ => "/api/v1/write",
        };
        Write(path + ".txt", Encoding.UTF8.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $"A request to {endpoint} of tenant {record.Tenant}, come {DateTimeOffset.UnixEpoch.AddTicks(record.ArrivalNanos / 100):yyyy-MM-dd'T'HH:mm:ss'Z'}, {what}.\nThe .pb beside this is its protobuf message ({record.Kind}), unpacked.\n\n{why}\n")));
        // The log forgets the request soon: what is kept of it is on the disk before.
        DirectorySync.Flush(directory);
        for (string made = directory; made != existing;)
        {
            made = Path.GetDirectoryName(made)!;
            DirectorySync.Flush(made);
        }
        Count++;
        _keptAt = time.GetTimestamp();
        LogKept(record.Tenant, path + ".pb", what, why);
        return true;
    }

    private static int Write(string path, in LogRecord record)
    {
        if (record.Packing == RequestPacking.None)
        {
            return Write(path, record.Body.Span);
        }
        (byte[] rented, int length) = Unpacking.Unpack(record.Body, record.Packing, Array.MaxLength - 1)!.Value;
        try
        {
            return Write(path, rented.AsSpan(0, length));
        }
        finally
        {
            BodyPool.Bodies.Return(rented);
        }
    }

    private static int Write(string path, ReadOnlySpan<byte> content)
    {
        using var file = new FileStream(path, FileMode.Create);
        file.Write(content);
        file.Flush(flushToDisk: true);
        return content.Length;
    }

    [LoggerMessage(EventName = "collector.request.refused", Level = LogLevel.Critical, Message = "A request of tenant {Tenant} is kept in {Path}, and what comes behind it goes on; {What}: {Reason}")]
    private partial void LogKept(string tenant, string path, string what, string reason);
}
