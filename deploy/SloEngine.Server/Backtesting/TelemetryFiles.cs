using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using SloEngine.Collector;
using SloEngine.Collector.Ingest;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Json;
using SloEngine.Otlp.Protobuf;
using SloEngine.Server.Slos;
using SloEngine.Slo.Ledger;
using SloEngine.Storage;
using SloEngine.Storage.Wal;

namespace SloEngine.Server.Backtesting;

/// <summary>
/// Telemetry in files, as OpenTelemetry's Collector writes it with its file exporter: OTLP in JSON, a request a line (or a file). It goes into a
/// store the way of all telemetry.
/// </summary>
internal static class TelemetryFiles
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Files of a path: itself, or those in a directory and below that end in .json, .jsonl or .ndjson.</summary>
    /// <exception cref="FormatException">There are none.</exception>
    public static IReadOnlyList<string> Find(string path)
    {
        string[] files = File.Exists(path) ? [path]
            : Directory.Exists(path) ? [.. Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)
                .Where(file => Path.GetExtension(file) is ".json" or ".jsonl" or ".ndjson").Order(StringComparer.Ordinal)]
            : throw new FormatException($"{path}: there is no such file or directory");
        return files.Length > 0 ? files : throw new FormatException($"{path}: expected files of OTLP in JSON: *.json, *.jsonl or *.ndjson");
    }

    /// <summary>Loads files into an empty store.</summary>
    /// <param name="files">The files.</param>
    /// <param name="tenant">Whose telemetry it is.</param>
    /// <param name="store">The store.</param>
    /// <param name="directory">Directory for the log of what is on its way.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <exception cref="FormatException">A line is no request of OTLP; file and line are told.</exception>
    public static async Task LoadAsync(IReadOnlyList<string> files, string tenant, IColumnStore store, string directory, CancellationToken cancellation)
    {
        using var log = WriteAheadLog.Open(new WalOptions { Directory = directory, MaxBytes = 1L << 34 }, TimeProvider.System, 0);
        using var checkpoints = IngestCheckpoints.Open(directory, log);
        using var table = new LedgerTable(store, log.Id);
        using var ledger = new Ledger(table, TimeProvider.System);
        var taps = new LedgerTaps(ledger, SeriesBaselines.None(TimeProvider.System));
        await using var ingest = new OtlpIngest(store, log, checkpoints, taps, new CollectorOptions(), TimeProvider.System, NullLogger<OtlpIngest>.Instance);
        foreach (string file in files)
        {
            await LoadAsync(file, tenant, ingest, cancellation);
        }
        await ingest.StoredAsync(Patience, cancellation);
    }

    private static async Task LoadAsync(string file, string tenant, OtlpIngest ingest, CancellationToken cancellation)
    {
        bool isOne = Path.GetExtension(file) == ".json" && IsOneDocument(file);
        int number = 0;
        foreach (string line in isOne ? [await File.ReadAllTextAsync(file, cancellation)] : File.ReadLines(file))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }
            try
            {
                byte[] json = Encoding.UTF8.GetBytes(line);
                (Signal signal, ReadOnlyMemory<byte> request) = Request(json);
                DecodeResult result = await SendAsync(ingest, tenant, signal, request, cancellation);
                if (result.Rejected > 0)
                {
                    throw new FormatException($"{result.Rejected} items are refused: {result.ErrorMessage}");
                }
            }
            catch (Exception wrong) when (wrong is OtlpFormatException or JsonException or FormatException)
            {
                throw new FormatException($"{file}:{number}: {wrong.Message}");
            }
        }
    }

    /// <summary>Hands a request in; when there is no room for it, once the store has taken what came before.</summary>
    private static async Task<DecodeResult> SendAsync(OtlpIngest ingest, string tenant, Signal signal, ReadOnlyMemory<byte> request, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                return await ingest.IngestAsync(signal, tenant, request, null, cancellation);
            }
            catch (IngestUnavailableException)
            {
                await ingest.StoredAsync(Patience, cancellation);
            }
        }
    }

    private static (Signal Signal, ReadOnlyMemory<byte> Request) Request(byte[] json)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            switch (reader.GetString())
            {
                case "resourceMetrics": return (Signal.Metrics, OtlpJson.Metrics(json));
                case "resourceLogs": return (Signal.Logs, OtlpJson.Logs(json));
                case "resourceSpans": return (Signal.Traces, OtlpJson.Traces(json));
                default: reader.Skip(); break;
            }
        }
        throw new FormatException("expected a request of OTLP in JSON, with resourceMetrics, resourceLogs or resourceSpans");
    }

    /// <summary>Whether a file is one document over many lines rather than one a line.</summary>
    private static bool IsOneDocument(string file)
    {
        string first = File.ReadLines(file).FirstOrDefault(line => !string.IsNullOrWhiteSpace(line)) ?? "";
        try
        {
            using var whole = JsonDocument.Parse(first);
            return false;
        }
        catch (JsonException)
        {
            return true;
        }
    }
}
