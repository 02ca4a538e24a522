using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.AspNetCore.Routing;
using SloEngine.PromQL;
using SloEngine.Query.Metrics;
using SloEngine.Storage;

namespace SloEngine.Query.Http;

/// <summary>
/// The part of the Prometheus API that tells about the server. There are no targets here: their lists are empty,
/// so that clients that ask for them go on.
/// </summary>
internal static class PrometheusStatus
{
    /// <summary>The Prometheus whose API and language this is: clients decide by it what they may ask for.</summary>
    private const string PrometheusVersion = "3.5.0";

    private const int DefaultTopics = 10;

    public static void MapPrometheusStatus(this IEndpointRouteBuilder endpoints, IColumnStore store, EngineOptions engine, QueryOptions options, TimeProvider time, string[] getOnly)
    {
        DateTimeOffset began = time.GetUtcNow();
        string version = typeof(PrometheusStatus).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";

        void Map(string path, Action<RequestParameters, Utf8JsonWriter> write) =>
            endpoints.MapPrometheus(path, getOnly, (parameters, _) => PrometheusRoutes.Answer(json => write(parameters, json)));

        Map("targets", static (_, json) => Lists(json, "activeTargets", "droppedTargets"));
        Map("targets/metadata", static (_, json) => Items(json));
        Map("scrape_pools", static (_, json) => Lists(json, "scrapePools"));
        Map("status/buildinfo", (_, json) => Texts(
            json, ("version", PrometheusVersion), ("revision", "sloengine-" + version), ("branch", ""), ("buildUser", ""), ("buildDate", ""),
            ("goVersion", RuntimeInformation.FrameworkDescription)));
        Map("status/runtimeinfo", (_, json) => RuntimeInformationOf(json, began, time.GetUtcNow()));
        Map("status/config", static (_, json) => Texts(json, ("yaml", "")));
        Map("status/flags", (_, json) => Texts(
            json,
            ("query.lookback-delta", Seconds(engine.LookbackMs / 1000d)),
            ("query.max-concurrency", options.MaxConcurrency.ToString(CultureInfo.InvariantCulture)),
            ("query.max-samples", engine.MaxSamples.ToString(CultureInfo.InvariantCulture)),
            ("query.timeout", Seconds(engine.Timeout.TotalSeconds))));
        endpoints.MapPrometheus("status/tsdb", getOnly, async (parameters, http) =>
        {
            int topics = DefaultTopics;
            if (parameters.Optional("limit") is { } text && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out topics) || topics == 0))
            {
                throw new ParameterException("limit must be a positive number");
            }
            StoreStatistics statistics = await StoreStatistics.ReadAsync(store, parameters.Tenant, topics, http.RequestAborted);
            return statistics.Write;
        });
    }

    private static void RuntimeInformationOf(Utf8JsonWriter json, DateTimeOffset began, DateTimeOffset now)
    {
        json.WriteStartObject();
        json.WriteString("startTime", began);
        json.WriteString("CWD", Environment.CurrentDirectory);
        json.WriteString("hostname", Environment.MachineName);
        json.WriteString("serverTime", now);
        json.WriteBoolean("reloadConfigSuccess", true);
        json.WriteString("lastConfigTime", began);
        json.WriteNumber("corruptionCount", 0);
        json.WriteNumber("goroutineCount", ThreadPool.ThreadCount);
        json.WriteNumber("GOMAXPROCS", Environment.ProcessorCount);
        json.WriteNumber("GOMEMLIMIT", GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        json.WriteString("GOGC", "");
        json.WriteString("GODEBUG", "");
        json.WriteString("storageRetention", "");
        json.WriteEndObject();
    }

    private static string Seconds(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds}s");

    private static void Lists(Utf8JsonWriter json, params ReadOnlySpan<string> names)
    {
        json.WriteStartObject();
        foreach (string name in names)
        {
            json.WritePropertyName(name);
            Items(json);
        }
        json.WriteEndObject();
    }

    private static void Items(Utf8JsonWriter json)
    {
        json.WriteStartArray();
        json.WriteEndArray();
    }

    private static void Texts(Utf8JsonWriter json, params ReadOnlySpan<(string Name, string Value)> texts)
    {
        json.WriteStartObject();
        foreach ((string name, string value) in texts)
        {
            json.WriteString(name, value);
        }
        json.WriteEndObject();
    }
}
